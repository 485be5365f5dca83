"""What must hold whatever the market does: money is conserved, nothing looks ahead, files keep everything."""

from itertools import pairwise

import numpy as np
import pytest
from causal import leaking_columns
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.amm import quote_exact_in
from rook_bench.ingest.read import read_swaps
from rook_bench.market import features
from rook_bench.market.features import compute_conditions, compute_features
from rook_bench.market.simulation.simulate import Simulation, simulate
from rook_bench.market.tape_file import write_tape
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source, risk_filter, sizer
from rook_bench.replay import ReplayConfig, reconcile
from rook_bench.replay.ledger import closing_balances
from rook_bench.risk import RiskConfig, apply_risk
from rook_bench.sources.decide import Source

SEEDS = st.integers(0, 2**32)


def needs_nothing(plugin):
    return all(parameter.default is not parameter.empty for parameter in plugin.parameters.values())


CLEAN = [
    plugin.name
    for plugin in decision_source
    if needs_nothing(plugin) and not plugin.traits.get("unreachable") and plugin.name != "labels"
]


def random_decisions(seed, rows):
    rng = np.random.default_rng(seed)
    return DecisionTape.from_sides(
        rng.integers(0, 3, rows),
        rng.choice([0.01, 0.3, 1.0], rows),
        slippage_bps=rng.choice([1.0, 50.0, 5000.0], rows),
        deadline_s=rng.choice([0.0, 20.0, 300.0], rows),
    )


@settings(max_examples=40, deadline=None)
@given(
    SEEDS,
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([{"swaps": 0}, {"swaps": 1}, {"swaps": 4}, {"blocks": 1}, {"seconds": 15.0}]),
    st.sampled_from([0.0, 1.0, 500.0]),
    st.sampled_from(["revert", "partial"]),
)
def test_both_tokens_are_conserved(run_of, tape, seed, base_share, latency, gwei, mode):
    """Wallet, pool and validator together hold after the run what they held before, of both tokens, to the unit."""
    start = seed % 1900
    frame = tape[start : start + 100]
    config = {
        "capital": {"quote_value": 1e5, "base_share": base_share},
        "frictions": {"latency": latency, "gas": {"gwei": gwei}, "on_slippage": mode},
    }
    run = run_of(frame, random_decisions(seed, 100), ReplayConfig.parse(config, where="test"))
    reconcile(run)
    orders, buys = run.orders, run.orders.buys
    total = lambda column, rows: sum(column[np.flatnonzero(rows)])  # noqa: E731
    quote_to_pool = total(orders.paid, buys) + total(orders.fee, buys) - total(orders.out, ~buys)
    base_to_pool = total(orders.paid, ~buys) + total(orders.fee, ~buys) - total(orders.out, buys)
    cash, base = closing_balances(run)
    assert run.opening[0] == cash + quote_to_pool + sum(orders.gas_quote)
    assert run.opening[1] == base + base_to_pool + sum(orders.gas_base)
    assert min(*orders.cash, *orders.base, cash, base) >= 0


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([1e3, 1e6, 1e9]))
def test_nobody_gets_rich_in_a_market_that_stands_still(run_of, make_frame, seed, capital):
    """At one price every trade costs: equity never rises, whatever is decided."""
    run = run_of(make_frame([2500.0] * 40), random_decisions(seed, 40), capital={"quote_value": capital})
    assert (np.diff(run.equity) <= capital * 1e-12).all()


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2**70, 2**130),
    st.integers(10**15, 10**24),
    st.lists(st.integers(10**12, 10**24), min_size=2, max_size=6, unique=True),
    st.sampled_from([0, 100, 500, 10_000]),
    st.booleans(),
)
def test_a_larger_order_gets_more_at_a_worse_price(sqrt_price, liquidity, amounts, fee, falls):
    amounts = sorted(amounts)
    quotes = [quote_exact_in(sqrt_price, liquidity, amount, fee, falls) for amount in amounts]
    assert quotes == sorted(quotes)
    for (less, out), (more, larger) in pairwise(zip(amounts, quotes, strict=True)):
        assert larger * less <= (out + 2) * more  # but for the unit that each output is rounded by


# Causality.


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SEEDS, st.integers(3, 260), st.floats(0.001, 0.2))
def test_every_feature_and_condition_is_causal(seed, swaps, volatility):
    frame = simulate(swaps, np.random.default_rng(seed), Simulation(volatility_per_day=volatility))
    assert leaking_columns(frame, cuts=4) == {}


def test_features_do_not_depend_on_how_the_work_is_cut_up(short_tape, monkeypatch):
    """Long tapes are computed in blocks; where one ends must not show in a single bit."""
    whole = compute_features(short_tape), compute_conditions(short_tape)
    for chunk in (1, 7, 101):
        monkeypatch.setattr(features, "_CHUNK", chunk)
        for before, after in zip(whole, (compute_features(short_tape), compute_conditions(short_tape)), strict=True):
            for name in before.columns:
                assert before[name].to_numpy().tobytes() == after[name].to_numpy().tobytes(), (name, chunk)


@pytest.mark.parametrize("name", CLEAN)
@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, cut=st.floats(0.02, 1.0))
def test_decisions_on_a_shorter_tape_are_a_prefix(tape, name, seed, cut):
    source, start = Source.parse(name), seed % 1700
    frame = tape[start : start + 120]
    rows = max(2, int(cut * len(frame)))
    whole, short = source.ask(frame, seed % 100), source.ask(frame[:rows], seed % 100)
    assert whole.head(rows).to_bytes() == short.to_bytes()


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(2, 119))
def test_sizing_and_filters_on_a_shorter_tape_are_a_prefix(tape, seed, rows):
    start = seed % 1800
    frame = tape[start : start + 120]
    decisions = Source.parse("random:0.6").ask(frame, seed % 100)
    for name in (plugin.name for plugin in sizer):
        config = RiskConfig(sizer=name, filters=tuple(plugin.name for plugin in risk_filter))
        whole = apply_risk(config, MarketView.whole(frame), decisions)
        short = apply_risk(config, MarketView.whole(frame[:rows]), decisions.head(rows))
        np.testing.assert_array_equal(whole.fraction[:rows], short.fraction)
        np.testing.assert_array_equal(whole.refused_by[:rows], short.refused_by)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(3, 99))
def test_the_past_of_a_replay_does_not_depend_on_its_future(run_of, tape, seed, rows):
    """Orders and equity up to a row are the same when the tape ends there (but for what is still in flight)."""
    start = seed % 1900
    frame = tape[start : start + 100]
    decisions = random_decisions(seed, 100)
    filters = ["cooldown:20", "position_limit:0.9", "drawdown_stop:0.3"]
    config = ReplayConfig.parse({"risk": {"filters": filters}}, where="test")
    whole, short = run_of(frame, decisions, config), run_of(frame[:rows], decisions.head(rows), config)
    np.testing.assert_array_equal(whole.equity[: rows - 1], short.equity[: rows - 1])
    early = np.flatnonzero(short.orders.row < rows - 1)
    assert list(whole.orders.cash[early]) == list(short.orders.cash[early])
    assert whole.orders.outcome[early].tolist() == short.orders.outcome[early].tolist()


# Files.


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEEDS, st.integers(1, 50), st.sampled_from([100, 500, 3000]))
def test_any_simulated_tape_survives_its_file(tmp_path, seed, swaps, fee_pips):
    frame = simulate(swaps, np.random.default_rng(seed), Simulation(fee_pips=fee_pips))
    write_tape(frame, tmp_path / "tape.parquet")
    again = read_swaps(tmp_path / "tape.parquet")
    assert again.data_hash == frame.data_hash
    assert again.pool == frame.pool
    assert again.notes == frame.notes
