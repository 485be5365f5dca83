"""Measures on constructed runs, where the answer is known."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rook_bench.core import Estimate
from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.attribution import attribute, quote_value
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.markouts import markouts
from rook_bench.replay import replay

FREE = {"gas": {"gwei": 0.0}, "fee_pips": 0}


def test_samples_lie_on_the_clock_and_quiet_buckets_return_zero(run_of, make_frame, sides):
    frame = make_frame([100.0, 110.0, 121.0], seconds=[10, 610, 1810])
    sampled = Sampled(run_of(frame, sides("HHH"), capital={"base_share": 1.0}), Clock(bucket_s=300))
    seconds = sampled.at.astype("datetime64[s]").astype(int) % 86_400 % 3600
    assert (seconds % 300 == 0).all()
    assert len(sampled.at) == 6
    np.testing.assert_allclose(sampled.returns, [0, 0.1, 0, 0, 0], atol=1e-9)


def test_ratios_are_the_textbook_ones(tape):
    run = replay(tape, "hold")
    analysis = analyse(run)
    returns = Sampled(run, Clock()).returns
    scale = np.sqrt(365 * 24 * 12)
    assert analysis.estimates["sharpe_ratio"].value == pytest.approx(returns.mean() / returns.std(ddof=1) * scale)
    downside = np.sqrt(np.mean(np.minimum(returns, 0) ** 2))
    assert analysis.estimates["sortino_ratio"].value == pytest.approx(returns.mean() / downside * scale)
    peak = np.maximum.accumulate(run.equity)
    assert analysis.estimates["max_drawdown"].value == pytest.approx((1 - run.equity / peak).max())
    assert "5 min" in analysis.estimates["sharpe_ratio"].convention


def test_undefined_says_why(run_of, make_frame, sides):
    analysis = analyse(run_of(make_frame([100.0] * 5), sides("HHHHH")))
    reasons = {
        name: estimate.undefined_because for name, estimate in analysis.estimates.items() if not estimate.defined
    }
    assert reasons["sharpe_ratio"] == "fewer than two full buckets"
    assert reasons["win_rate"] == "no trade was closed"
    assert reasons["cost_per_turnover"] == "nothing was traded"
    assert reasons["label_macro_f1"] == "the tape carries no labels"
    assert "can't be extrapolated to a year" in reasons["calmar_ratio"]
    assert analysis.estimates["total_return"].value == 0.0


@settings(max_examples=25)
@given(
    st.integers(0, 10**6),
    st.floats(0.05, 0.9),
    st.sampled_from([0.0, 1.0, 80.0]),
    st.sampled_from([0, 1, 5]),
    st.sampled_from(["revert", "partial"]),
)
@example(1_000_000, 0.53125, 80.0, 5, "revert")  # a seller short of quote pays gas in base
def test_the_parts_sum_to_the_profit(short_tape, seed, rate, gwei, latency, mode):
    from rook_bench.replay import ReplayConfig

    config = ReplayConfig.parse(
        {"seed": seed, "frictions": {"gas": {"gwei": gwei}, "latency": {"swaps": latency}, "on_slippage": mode}},
        where="t",
    )
    run = replay(short_tape, f"random:action_rate={rate},size=0.3", config, fresh=True)
    parts = attribute(run)
    assert parts.net == parts.market + parts.signal - parts.fee - parts.impact - parts.gas - parts.reverts
    # buys and sells account for everything but the market and the gas, to a unit per fill
    filled = int(run.orders.filled.sum())
    rest = parts.net - (parts.market + parts.buy + parts.sell - parts.gas - parts.reverts)
    # Gas that was paid in base is worth something else at the end than when it was paid.
    last = len(short_tape) - 1
    rest += sum(
        quote_value(short_tape, one.gas_base, last) - quote_value(short_tape, one.gas_base, one.row)
        for one in run.landed
    )
    assert abs(rest) <= 4 * len(run.orders) + 2
    assert min(parts.fee, parts.gas, parts.reverts) >= 0
    assert parts.impact >= -2 * filled
    assert (
        parts.net == round((run.equity[-1] - run.hold_equity[0]) * parts.quote_unit)
        or abs(parts.net / parts.quote_unit - (run.equity[-1] - run.hold_equity[0])) < 2e-6
    )


def test_markouts_on_a_known_path(run_of, make_frame, sides):
    frame = make_frame([100.0, 100.0, 101.0, 102.0], seconds=[0, 12, 24, 72], liquidity=10**24)
    run = run_of(frame, sides("BHHH", 0.1, slippage_bps=1000.0), frictions=FREE)
    found = {(mark.side, mark.horizon_s): mark for mark in markouts(run, (12, 60, 300))}
    assert found["BUY", 12].gross.value == pytest.approx(100.0, abs=1e-3)
    assert found["BUY", 60].gross.value == pytest.approx(200.0, abs=1e-3)
    assert found["BUY", 300].gross.undefined_because == "no fill lies that far before the end of the tape"
    assert found["SELL", 12].gross.undefined_because == "there was no such fill"


def test_agreement_with_labels(run_of, make_frame, sides):
    from dataclasses import replace

    labels = {"label_side": np.array(["BUY", "HOLD", "SELL", "HOLD"], dtype=object)}
    run = run_of(replace(make_frame([100.0] * 4), labels=labels), sides("BHHS"))
    analysis = analyse(run)
    assert analysis.confusion["SELL"] == {"BUY": 0, "HOLD": 1, "SELL": 0, "UNPARSED": 0}
    assert analysis.estimates["label_accuracy"].value == 0.5
    assert analysis.estimates["label_macro_f1"].value == pytest.approx((1.0 + 0.5 + 0.0) / 3)


def test_a_win_is_a_sale_above_its_cost(run_of, make_frame, sides):
    rising = make_frame([100.0, 100.0, 120.0, 120.0], liquidity=10**24)
    run = run_of(rising, sides("BHSH", 0.5, slippage_bps=5000.0), frictions=FREE, capital={"base_share": 0.0})
    analysis = analyse(run)
    assert analysis.estimates["win_rate"].value == 1.0
    assert analysis.estimates["profit_factor"].undefined_because == "no closed trade lost"
    assert analysis.estimates["turnover"].value > 0


def test_estimates_refuse_what_is_not_a_number():
    with pytest.raises(ValueError, match="not finite"):
        Estimate(float("nan"), 3, "bps")
