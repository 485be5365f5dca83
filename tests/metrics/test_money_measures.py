"""Return, risk and trade measures on runs small enough to work out by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import Decision, Estimate, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.files import to_json
from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.attribution import attribute
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.execution import outcomes, rejections
from rook_bench.metrics.markouts import markouts
from rook_bench.metrics.trading import realised_gains
from rook_bench.plugins import metric

FREE = {"gas": {"gwei": 0.0}, "fee_pips": 0}
DEEP = 10**25
"""Liquidity at which a few thousand USDC move nothing that a test could see."""


def holding(run_of, make_frame, sides, prices, seconds, **columns):
    """A run that holds one base token worth the first price."""
    frame = make_frame(prices, seconds=seconds, **columns)
    return run_of(frame, sides("H" * len(prices)), capital={"base_share": 1.0})


def measure(run, name, clock=None):
    return analyse(run, clock).estimates[name]


# The clock.


def test_borders_are_aligned_to_midnight_and_lie_inside_the_tape(tape, run_of, sides):
    run = run_of(tape, sides("H" * len(tape)))
    for bucket_s in (60, 300, 3600):
        sampled = Sampled(run, Clock(bucket_s=bucket_s))
        since_midnight = (sampled.at - sampled.at.astype("datetime64[D]")) / np.timedelta64(1, "s")
        assert (since_midnight % bucket_s == 0).all()
        assert (np.diff(sampled.at) == np.timedelta64(bucket_s, "s")).all()
        assert tape.at[0] <= sampled.at[0] < tape.at[0] + np.timedelta64(bucket_s, "s")
        assert tape.at[-1] - np.timedelta64(bucket_s, "s") < sampled.at[-1] <= tape.at[-1]


def test_samples_are_what_pandas_would_take(tape, run_of, sides):
    """Last value at or before each border: the same as reindexing with a forward fill."""
    run = run_of(tape[:500], sides("BSHHH" * 100))
    sampled = Sampled(run, Clock(bucket_s=300))
    equity = pd.Series(run.equity, index=run.frame.at).groupby(level=0).last()
    np.testing.assert_array_equal(sampled.equity, equity.reindex(sampled.at, method="ffill").to_numpy())
    np.testing.assert_allclose(sampled.returns, sampled.equity[1:] / sampled.equity[:-1] - 1, atol=1e-15)


def test_a_swap_on_the_border_belongs_to_it(run_of, make_frame, sides):
    run = holding(run_of, make_frame, sides, [100.0, 110.0, 120.0], [0, 300, 599])
    assert Sampled(run, Clock()).equity.tolist() == pytest.approx([run.equity[0], run.equity[1]])


def test_sharpe_and_sortino_of_known_returns(run_of, make_frame, sides):
    returns = np.array([0.01, -0.02, 0.015, 0.0, 0.005, -0.01])
    prices = 2000.0 * np.concatenate([[1.0], np.cumprod(1 + returns)])
    run = holding(run_of, make_frame, sides, prices.tolist(), np.arange(7) * 3600)
    hourly = Clock(bucket_s=3600)
    np.testing.assert_allclose(Sampled(run, hourly).returns, returns, atol=1e-12)
    year = math.sqrt(365 * 24)
    # numpy's, with n - 1; empyrical's and vectorbt's formulas with a 365 day year.
    assert measure(run, "sharpe_ratio", hourly).value == pytest.approx(returns.mean() / returns.std(ddof=1) * year)
    downside = math.sqrt((0.02**2 + 0.01**2) / 6)
    assert measure(run, "sortino_ratio", hourly).value == pytest.approx(returns.mean() / downside * year)
    assert measure(run, "volatility", hourly).value == pytest.approx(returns.std(ddof=1) * year)
    assert measure(run, "sharpe_ratio", hourly).n == 6
    assert "60 min" in measure(run, "sharpe_ratio", hourly).convention


def test_quiet_time_lowers_the_ratio_and_busy_time_does_not(run_of, make_frame, sides):
    """The same prices in ten times as many swaps give the same ratio: returns are not per swap."""
    prices, seconds = [100.0, 101.0, 100.5, 102.0, 101.5], np.arange(5) * 300
    once = holding(run_of, make_frame, sides, prices, seconds)
    often = holding(
        run_of, make_frame, sides, np.repeat(prices, 10).tolist(), np.repeat(seconds, 10) + np.tile(np.arange(10), 5)
    )
    assert measure(often, "sharpe_ratio").value == pytest.approx(measure(once, "sharpe_ratio").value)


# Return and drawdown.


def test_total_gross_and_excess_return(run_of, make_frame, sides):
    frame = make_frame([100.0, 100.0, 110.0, 110.0], liquidity=DEEP)
    run = run_of(frame, sides("BHHH", 1.0), frictions={"gas": {"flat_quote": 0.0}, "fee_pips": 10_000})
    # Half of 10,000 buys base for 1% fee, and all base gains 10%.
    closing = 5_000 * 1.1 + 5_000 * 0.99 * 1.1
    assert measure(run, "total_return").value == pytest.approx(closing / 10_000 - 1, abs=1e-6)
    # The same trades without their costs: what was bought, net of the fee, gained 10% too.
    assert measure(run, "gross_return").value == pytest.approx((500 + 4_950 * 0.1) / 10_000, abs=1e-6)
    hold = 5_000 + 5_000 * 1.1
    assert measure(run, "excess_return").value == pytest.approx(closing / hold - 1, abs=1e-6)
    assert measure(run, "fee_paid").value == pytest.approx(50.0, abs=1e-3)
    assert measure(run, "gas_paid").value == 0.0


def test_drawdown_and_how_long_it_lasted(run_of, make_frame, sides):
    run = holding(run_of, make_frame, sides, [100.0, 120.0, 90.0, 110.0, 121.0, 115.0], [0, 60, 120, 600, 900, 960])
    assert measure(run, "max_drawdown").value == pytest.approx(0.25)
    assert (
        measure(run, "drawdown_duration").value == 840.0
    )  # from 120 at 60 s to the swap that reaches it again at 900 s


def test_an_unfinished_drawdown_counts(run_of, make_frame, sides):
    run = holding(run_of, make_frame, sides, [100.0, 90.0, 95.0], [0, 60, 3600])
    assert measure(run, "drawdown_duration").value == 3600.0


def test_a_loss_at_the_first_row_is_a_drawdown(run_of, make_frame, sides):
    """Without latency the first swap may already cost; the opening value is the first high."""
    run = run_of(
        make_frame([100.0, 100.0], liquidity=DEEP),
        sides("BH", 1.0),
        frictions={"latency": {"swaps": 0}, "gas": {"gwei": 0.0}, "fee_pips": 100_000},
    )
    assert measure(run, "total_return").value == pytest.approx(-0.05, abs=1e-6)
    assert measure(run, "max_drawdown").value == pytest.approx(0.05, abs=1e-6)


def test_calmar_needs_days(run_of, make_frame, sides):
    days = np.arange(9) * 86_400.0
    prices = [100.0, 102.0, 99.0, 103.0, 104.0, 101.0, 105.0, 106.0, 108.0]
    run = holding(run_of, make_frame, sides, prices, days)
    growth = (108 / 100) ** (365 / 8) - 1
    assert measure(run, "calmar_ratio").value == pytest.approx(growth / (1 - 99 / 102), rel=1e-6)
    short = measure(run, "calmar_ratio", Clock(min_annual_days=30))
    assert short.undefined_because == "8.0 days of tape can't be extrapolated to a year"
    rising = holding(run_of, make_frame, sides, sorted(prices), days)
    assert measure(rising, "calmar_ratio").undefined_because == "there was no drawdown"


def test_ratios_of_returns_that_do_not_vary(run_of, make_frame, sides):
    run = run_of(make_frame([100.0] * 9, seconds=np.arange(9) * 300), sides("H" * 9))
    for name in ("sharpe_ratio", "sharpe_ratio_excess", "sortino_ratio"):
        assert measure(run, name).undefined_because == "the returns do not vary", name
    rising = holding(run_of, make_frame, sides, [100.0, 101.0, 103.0], [0, 300, 600])
    assert measure(rising, "sortino_ratio").undefined_because == "the returns do not vary"
    assert measure(rising, "sharpe_ratio").defined


def test_holding_has_no_excess_over_holding(tape, run_of, sides):
    run = run_of(tape, sides("H" * len(tape)))
    assert not measure(run, "sharpe_ratio_excess").defined
    assert measure(run, "excess_return").value == pytest.approx(0.0, abs=1e-12)


# Trades.


def test_win_rate_and_profit_factor_by_hand(run_of, make_frame, sides):
    """Buy 1,000 at 100; sell half at 110 (+50) and the rest at 96 (-20)."""
    frame = make_frame([100.0, 100.0, 110.0, 110.0, 96.0, 96.0], liquidity=DEEP)
    size = np.array([0.1, 0.0, 0.5, 0.0, 1.0, 0.0])
    decisions = DecisionTape.from_sides(sides("BHSHSH").side, size, slippage_bps=5000.0)
    run = run_of(frame, decisions, frictions=FREE, capital={"base_share": 0.0})
    np.testing.assert_allclose(realised_gains(run), [50.0, -20.0], atol=1e-3)
    assert measure(run, "win_rate").value == 0.5
    assert measure(run, "win_rate").n == 2
    assert measure(run, "profit_factor").value == pytest.approx(2.5, rel=1e-4)
    assert measure(run, "turnover").value == pytest.approx((1000 + 550 + 480) / run.equity.mean(), rel=1e-4)
    assert measure(run, "trading_frequency").value == pytest.approx(3 / (60 / 86_400))


def test_gains_are_against_the_average_cost(run_of, make_frame, sides):
    """1,000 at 100 and 900 at 120: 17.5 base at 108.57; sold at 110."""
    frame = make_frame([100.0, 100.0, 120.0, 120.0, 110.0, 110.0], liquidity=DEEP)
    decisions = DecisionTape.from_sides(sides("BHBHSH").side, np.array([0.1, 0, 0.1, 0, 1.0, 0]), slippage_bps=5000.0)
    run = run_of(frame, decisions, frictions=FREE, capital={"base_share": 0.0})
    np.testing.assert_allclose(realised_gains(run), [17.5 * 110 - 1900], atol=1e-3)


def test_gas_takes_from_the_gain(run_of, make_frame, sides):
    frame = make_frame([100.0, 100.0, 101.0, 101.0], liquidity=DEEP)
    decisions = DecisionTape.from_sides(sides("BHSH").side, np.array([0.1, 0, 1.0, 0]), slippage_bps=5000.0)
    config = {"frictions": {"gas": {"flat_quote": 6.0}, "fee_pips": 0}, "capital": {"base_share": 0.0}}
    run = run_of(frame, decisions, **config)
    bought = 0.1 * (10_000 - 6)
    np.testing.assert_allclose(realised_gains(run), [bought * 0.01 - 12.0], atol=1e-3)


@pytest.fixture
def gas_from_base(run_of, make_frame, sides):
    """A buy of everything keeps 1 USDC back for gas, which costs 1.05 when it lands: base has to pay it."""
    frame = make_frame([100.0, 105.0, 110.0, 110.0], seconds=[0, 12, 72, 84], liquidity=DEEP)
    gas = {"gwei": 1e4, "swap_units": 1000}  # 0.01 ether a swap
    decisions = sides("BHSH", 1.0, slippage_bps=5000.0)
    capital = {"quote_value": 100.0, "base_share": 0.0}
    run = run_of(frame, decisions, frictions={"gas": gas, "fee_pips": 0}, capital=capital)
    assert run.orders.filled.all()
    assert (run.orders.gas_quote[0], run.orders.gas_base[0]) == (0, 10**16)
    return run


def test_gains_and_what_the_base_left_has_gained_are_the_profit(gas_from_base):
    """The sale keeps 0.01 ether back for its gas, then pays it from quote: 0.01 ether are left, not yet gained."""
    bought = 99 / 105 - 0.01
    assert gas_from_base.orders.base[1] == 10**16
    unrealised = 0.01 * (110 - 99 / bought)
    profit = gas_from_base.equity[-1] - 100.0
    np.testing.assert_allclose(realised_gains(gas_from_base).sum() + unrealised, profit, atol=1e-3)


def test_gas_paid_in_base_is_in_the_net_markout(gas_from_base):
    """99 USDC and gas worth 1.05 bought 99 / 105: the price paid in all is 105 * 100.05 / 99."""
    mark = next(mark for mark in markouts(gas_from_base, (60,)) if mark.side == "BUY")
    assert mark.gross.value == pytest.approx((110 / 105 - 1) * 1e4, abs=0.1)
    assert mark.net.value == pytest.approx((110 / (105 * 100.05 / 99) - 1) * 1e4, abs=2.0)


def test_gas_paid_in_base_is_gas_in_the_attribution(gas_from_base):
    parts = attribute(gas_from_base).in_quote()
    assert parts["gas"] == pytest.approx(1.05 + 1.1, abs=1e-3)
    assert parts["net"] == pytest.approx(gas_from_base.equity[-1] - 100, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_gains_of_a_closed_book_are_its_profit(run_of, tape, seed):
    """From quote to quote without reverts, whatever lies between: every cost is in some trade."""
    rng = np.random.default_rng(seed)
    side = rng.choice([Side.BUY, Side.HOLD, Side.SELL], 200)
    size = np.where(side == Side.HOLD, 0.0, rng.choice([0.1, 0.5, 1.0], 200))
    side[-3:], size[-3:] = [Side.HOLD, Side.SELL, Side.HOLD], [0.0, 1.0, 0.0]
    decisions = DecisionTape.from_sides(side, size, slippage_bps=9000.0, deadline_s=1e9)
    run = run_of(tape[:200], decisions, capital={"base_share": 0.0}, frictions={"gas": {"gwei": 50.0}})
    closing = run.orders.base[len(run.orders) - 1] / 1e18 * run.frame.price[-1]
    assert closing < 1e-6
    np.testing.assert_allclose(realised_gains(run).sum(), run.equity[-1] - run.hold_equity[0], atol=1e-4)


# Exposure, outcomes, decisions.


def test_exposure_is_weighted_by_time(run_of, make_frame, sides):
    frame = make_frame([100.0, 100.0, 100.0], seconds=[0, 100, 400], liquidity=DEEP)
    run = run_of(frame, sides("BHH", 1.0, deadline_s=1e6), frictions=FREE, capital={"base_share": 0.0})
    assert measure(run, "exposure").value == pytest.approx(0.75, abs=1e-6)


def test_outcomes_and_rates(run_of, make_frame, sides):
    frame = make_frame([100.0, 100.0, 110.0, 110.0, 110.0], seconds=[0, 12, 24, 36, 1000], liquidity=DEEP)
    run = run_of(frame, sides("BBBBB", 0.1), risk={"filters": [{"name": "trades_per_day", "maximum": 4}]})
    # Filled, reverted on the rise, filled, late, beyond the tape.
    counts = outcomes(run)
    assert {name: count for name, count in counts.items() if count} == {
        "FILLED": 2,
        "REVERTED_SLIPPAGE": 1,
        "REVERTED_DEADLINE": 1,
        "REJECTED": 1,
    }
    assert rejections(run) == {"end_of_tape": 1}
    assert measure(run, "fill_rate").value == 0.5
    assert measure(run, "revert_rate").value == 0.5
    assert measure(run, "rejection_rate").value == pytest.approx(0.2)
    assert measure(run, "reverts_paid").value > 0


def test_shares_of_nothing_are_undefined(run_of, make_frame, sides):
    analysis = analyse(run_of(make_frame([100.0] * 3), sides("HHH")))
    names = (
        "fill_rate",
        "revert_rate",
        "rejection_rate",
        "left_range_share",
        "cost_per_turnover",
        "pnl_buy",
        "pnl_sell",
    )
    for name in (*names, "win_rate", "profit_factor", "markout_net_300s", "mean_confidence", "label_accuracy"):
        assert analysis.estimates[name].value is None, name
        assert analysis.estimates[name].undefined_because, name
    assert analysis.estimates["turnover"].value == 0.0


def test_one_swap_is_enough_to_measure(run_of, make_frame, sides):
    analysis = analyse(run_of(make_frame([100.0]), sides("H")))
    assert analysis.estimates["exposure"].undefined_because == "the tape spans no time"
    assert analysis.estimates["trading_frequency"].undefined_because == "the tape spans no time"
    assert analysis.estimates["total_return"].value == 0.0
    to_json(analysis.to_json())


def test_unparsed_answers_are_kept_apart(run_of, make_frame, scripted):
    labels = {"label_side": np.array(["HOLD", "BUY", "SELL", "HOLD"], dtype=object)}
    frame = replace(make_frame([100.0] * 4), labels=labels)
    decisions = DecisionTape.of(
        [Decision.unparsed("?"), Decision(Side.BUY, size=0.1, confidence=0.8), Decision.unparsed("!"), Decision.hold()]
    )
    analysis = analyse(run_of(frame, decisions))
    estimates = analysis.estimates
    assert estimates["parse_failure_rate"].value == 0.5
    assert estimates["action_rate"].value == 0.25
    assert estimates["label_accuracy"].value == 0.5
    assert estimates["largest_side_share"].value == 0.5
    assert estimates["action_entropy"].value == pytest.approx(1.5)
    assert estimates["mean_confidence"].value == 0.8
    assert analysis.confusion["HOLD"] == {"BUY": 0, "HOLD": 1, "SELL": 0, "UNPARSED": 1}


def test_macro_f1_is_scikit_learns(run_of, make_frame, sides):
    """Against the formula: mean over classes of 2 TP / (2 TP + FP + FN)."""
    truth, decided = "BBHHSSHH", "BHHHSBBH"
    names = {"B": "BUY", "H": "HOLD", "S": "SELL"}
    frame = replace(make_frame([100.0] * 8), labels={"label_side": np.array([names[x] for x in truth], dtype=object)})
    analysis = analyse(run_of(frame, sides(decided)))
    scores = []
    for letter in "BHS":
        hit = sum(a == b == letter for a, b in zip(truth, decided, strict=True))
        scores.append(2 * hit / (truth.count(letter) + decided.count(letter)))
    assert analysis.estimates["label_macro_f1"].value == pytest.approx(np.mean(scores))


def test_markouts_of_sales_have_the_opposite_sign(run_of, make_frame, sides):
    frame = make_frame([100.0, 100.0, 98.0, 97.0], seconds=[0, 12, 24, 400], liquidity=DEEP)
    run = run_of(frame, sides("SHHH", 0.1), frictions={"gas": {"flat_quote": 5.0}, "fee_pips": 0})
    table = {(mark.side, mark.horizon_s): mark for mark in markouts(run, (12, 300))}
    assert table["SELL", 12].gross.value == pytest.approx(200.0, abs=1e-2)
    assert table["SELL", 300].gross.value == pytest.approx(200.0, abs=1e-2)
    # 500 USDC sold, 5 of them gas: paid 99 in all, and 98 is 1 / 99 below.
    assert table["SELL", 12].net.value == pytest.approx(1 / 99 * 1e4, abs=1e-2)
    assert table["BOTH", 12].gross == table["SELL", 12].gross
    assert not table["BUY", 12].gross.defined


def test_a_sale_that_its_gas_eats_up_is_not_a_good_one(run_of, make_frame, sides):
    """1 USDC of base sold for 5 USDC of gas: in all it paid four to be rid of it."""
    frame = make_frame([100.0, 100.0, 100.0, 100.0], seconds=[0, 12, 24, 400], liquidity=DEEP)
    run = run_of(frame, sides("SHHH", 0.0002), frictions={"gas": {"flat_quote": 5.0}, "fee_pips": 0})
    assert run.orders.out[0] == pytest.approx(10**6, rel=1e-3)
    mark = next(mark for mark in markouts(run, (12,)) if mark.side == "SELL")
    assert mark.gross.value == pytest.approx(0.0, abs=0.1)
    assert mark.net.value is None or mark.net.value < 0


def test_every_metric_states_its_unit_and_says_what_it_is(tape, run_of, sides):
    analysis = analyse(run_of(tape[:200], sides("BSHH" * 50, 0.2)))
    for plugin in metric:
        estimate = analysis.estimates[plugin.name]
        assert estimate.unit == plugin.traits["unit"], plugin.name
        assert Estimate.from_json(estimate.to_json()) == estimate
        assert plugin.summary.endswith("."), plugin.name
