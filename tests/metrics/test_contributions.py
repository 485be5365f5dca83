"""P&L by component sums exactly, whatever sizers, filters and costs there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.metrics.attribution import attribute
from rook_bench.metrics.contributions import contributions

FILTERS = st.sampled_from(
    [
        {"name": "confidence_threshold", "minimum": 0.4},
        "market_hours",
        {"name": "cooldown", "seconds": 60.0},
        {"name": "trades_per_day", "maximum": 20},
        "position_limit",
        {"name": "drawdown_stop", "fraction": 0.01},
        {"name": "cost_aware_minimum", "max_cost_bps": 12.0},
        {"name": "volatility_bounds", "maximum": 0.001},
    ]
)


@settings(max_examples=30)
@given(
    st.integers(0, 10**6),
    st.lists(FILTERS, max_size=4),
    st.sampled_from(["decision", "fixed:0.05", "confidence", "volatility-target"]),
    st.sampled_from([1.0, 0.1]),
    st.sampled_from([None, 5.0]),
    st.sampled_from(["none", "worst"]),
)
def test_parts_sum_to_net(short_tape, run_of, seed, filters, sizer, cap, slippage, mev):
    rng = np.random.default_rng(seed)
    side = rng.choice([Side.BUY, Side.HOLD, Side.SELL], len(short_tape))
    decisions = DecisionTape.from_sides(
        side, rng.random(len(side)), confidence=rng.random(len(side)), slippage_bps=20.0
    )
    risk = {"filters": filters, "sizer": sizer, "max_order_fraction": cap, "max_slippage_bps": slippage}
    run = run_of(short_tape, decisions, risk=risk, frictions={"mev": mev})
    found = contributions(run)
    final = attribute(run)
    parts = found.parts()
    assert all(isinstance(value, int) for value in parts.values())
    assert len(parts) == 8 + len(filters)
    assert sum(parts.values()) == final.net
    assert final.market + sum(step.net for step in found.steps) == final.net
    assert sum(step.signal for step in found.steps) == final.signal
    assert found.final == final
    assert found.steps[-1].fills == run.orders.filled.sum()


def test_each_step_is_a_replay_of_its_own(short_tape, run_of, sides):
    decisions = sides("BHSBS" * 60, 0.5, confidence=0.7)
    risk = {"sizer": "confidence", "filters": ["cooldown:120", {"name": "trades_per_day", "maximum": 10}]}
    found = contributions(run_of(short_tape, decisions, risk=risk))
    assert [step.name for step in found.steps] == ["decisions", "sizing", "cooldown:120", "trades_per_day"]
    alone = [
        attribute(run_of(short_tape, decisions, risk=part))
        for part in ({}, {"sizer": "confidence"}, {"sizer": "confidence", "filters": ["cooldown:120"]}, risk)
    ]
    signals = np.cumsum([step.signal for step in found.steps]).tolist()
    assert signals == [parts.signal for parts in alone]
    assert found.steps[0].net == alone[0].net - alone[0].market


def test_the_same_filter_twice_stays_two_parts(short_tape, run_of, sides):
    run = run_of(short_tape, sides("BHSBS" * 60, 0.5), risk={"filters": ["cooldown:60", "cooldown:60"]})
    found = contributions(run)
    assert [step.name for step in found.steps[2:]] == ["cooldown:60", "cooldown:60 (2)"]
    assert (found.steps[-1].signal, found.steps[-1].costs) == (0, 0)


def test_bare_decisions_only(short_tape, run_of, sides):
    found = contributions(run_of(short_tape, sides("BHSBS" * 60, 0.5)))
    assert [(step.name, step.signal) for step in found.steps[1:]] == [("sizing", 0)]
    assert found.steps[0].signal == pytest.approx(found.final.signal)
