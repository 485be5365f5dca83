"""Single orders on every row: what a replay that begins there would have sent and got, to the last unit."""

import numpy as np
import pytest
from lives import V4, Life

from rook_bench.core import Decision, InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.outcome import Outcome
from rook_bench.market.view import MarketView
from rook_bench.replay import ReplayConfig
from rook_bench.replay.counterfactual import Counterfactual
from rook_bench.replay.engine import execute, opening_balances
from rook_bench.risk import apply_risk

CONFIGS = {
    "as it is": {},
    "several swaps later": {"frictions": {"latency": {"swaps": 4}}},
    "blocks later, large": {"frictions": {"latency": {"blocks": 2}}, "capital": {"quote_value": 1e7}},
    "at once": {"frictions": {"latency": {"swaps": 0}}},
    "seconds later": {"frictions": {"latency": {"seconds": 40.0}}},
    "partial": {"frictions": {"on_slippage": "partial"}, "capital": {"quote_value": 1e8}},
    "poor": {"capital": {"quote_value": 0.05}},
    "all quote": {"capital": {"base_share": 0.0}},
    "sandwiched": {"frictions": {"mev": "typical"}, "capital": {"quote_value": 1e6}},
    "capped": {"risk": {"max_order_fraction": 0.02, "max_slippage_bps": 1.0, "filters": ["cooldown:600"]}},
}
ACTIONS = [
    Decision(Side.BUY, 0.05),
    Decision(Side.SELL, 0.08, 3.0, 300.0),
    Decision(Side.BUY, 1.0, 0.0, 10.0),
    Decision(Side.SELL, 0.5, 500.0, 1.0),
]


def replayed(frame, row, action, config):
    """Outcome and change of both balances, units, of the one order of a replay that begins at that row."""
    part, config = frame[row:], config.on(frame.pool)
    sides = np.full(len(part), int(Side.HOLD), dtype=np.int8)
    sides[0] = action.side
    tape = DecisionTape.from_sides(sides, action.size, slippage_bps=action.slippage_bps, deadline_s=action.deadline_s)
    risk = config.risk.model_copy(update={"filters": ()})
    orders, _ = execute(part, tape, apply_risk(risk, MarketView.whole(part), tape), config)
    quote, base = opening_balances(config, part)
    return int(orders.outcome[0]), orders.cash[0] - quote, orders.base[0] - base


@pytest.mark.parametrize("name", CONFIGS)
def test_each_is_the_order_of_a_replay_that_begins_there(name, short_tape):
    config = ReplayConfig.parse(CONFIGS[name], where="test")
    asked = Counterfactual(short_tape, config)
    units = float(short_tape.pool.quote.unit), float(short_tape.pool.base.unit)
    compared = 0
    for action in ACTIONS:
        found = asked.orders(action)
        for row in [*range(0, 300, 23), 297, 298, 299]:
            outcome, quote, base = replayed(short_tape, row, action, config)
            if found.landing_row[row] < 0:
                assert (outcome, np.isnan(found.quote[row])) == (Outcome.REJECTED, True)
                continue
            assert found.outcome[row] == outcome
            # Exact up to the last bit of a float64.
            assert (found.quote[row], found.base[row]) == pytest.approx((quote / units[0], base / units[1]), rel=1e-14)
            compared += 1
    assert compared > 40


@pytest.mark.parametrize("life", [1, 2, 3])
def test_on_pools_whose_ticks_are_crossed(life):
    """Liquidity that comes and goes between an order's quote and its landing, in v3 and in v4."""
    frame = Life(life, *([V4] if life == 2 else [])).wander(120).frame()
    config = ReplayConfig.parse({"frictions": {"latency": {"swaps": 3}}, "capital": {"quote_value": 3e6}}, where="test")
    asked = Counterfactual(frame, config)
    units = float(frame.pool.quote.unit), float(frame.pool.base.unit)
    for action in (Decision(Side.BUY, 0.9, 5000.0), Decision(Side.SELL, 0.9, 5000.0)):
        found = asked.orders(action)
        for row in range(0, len(frame) - 3, 11):
            outcome, quote, base = replayed(frame, row, action, config)
            assert found.outcome[row] == outcome
            # Exact up to the last bit of a float64.
            assert (found.quote[row], found.base[row]) == pytest.approx((quote / units[0], base / units[1]), rel=1e-14)


def test_the_outcomes_are_all_there(short_tape):
    """The cases above are only worth something if they end in different ways."""
    seen = set()
    for parts in CONFIGS.values():
        asked = Counterfactual(short_tape, ReplayConfig.parse(parts, where="test"))
        for action in ACTIONS:
            seen |= set(asked.orders(action).outcome.tolist())
    wanted = (Outcome.FILLED, Outcome.REVERTED_SLIPPAGE, Outcome.REVERTED_DEADLINE, Outcome.INSUFFICIENT_BALANCE)
    assert set(wanted) <= seen


def test_what_is_no_order_is_refused(short_tape):
    with pytest.raises(InputError, match="only a BUY or a SELL"):
        Counterfactual(short_tape, ReplayConfig()).orders(Decision.hold())
