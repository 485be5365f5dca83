"""What a reward is: the change of one purse, marked a while after the order landed."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.frame import SwapFrame
from rook_bench.replay import ReplayConfig, replay
from rook_bench.rewards.reward import Action, rewards_of
from rook_bench.sources import Source

BUY = Action(side=Side.BUY, size=0.05, slippage_bps=50.0, deadline_s=300.0)
SELL = Action(side=Side.SELL, size=0.05, slippage_bps=50.0, deadline_s=300.0)
CONFIG = ReplayConfig.parse({"frictions": {"latency": {"swaps": 2}}}, where="test")


def test_against_single_replayed_orders(tape, registered):
    """Within 1e-6 bps of what a replay of that one order gains against one that holds, 600 s after it landed."""
    found = rewards_of(tape, [BUY, SELL], CONFIG)
    for row in range(100, 400, 29):
        part = tape[row : int(found.exit_row[row]) + 1]
        for column, side in enumerate((Side.BUY, Side.SELL)):
            run = replay(part, registered(once(side), whole_tape=True), CONFIG, fresh=True)
            held = replay(part, Source.parse("hold"), CONFIG)
            amount = run.orders.amount_in[0]
            offered = amount / float(part.pool.quote.unit if side == Side.BUY else part.pool.base.unit)
            offered *= 1.0 if side == Side.BUY else part.price[0]
            gained = (run.equity[-1] - held.equity[-1]) / offered * 1e4
            assert found.bps[row, column] == pytest.approx(gained, abs=1e-6)


def once(side):
    """A source that sends one order, on the first row."""

    def first():
        return decide

    def decide(view):
        sides = np.full(len(view), int(Side.HOLD), dtype=np.int8)
        sides[0] = side
        return DecisionTape.from_sides(sides, 0.05)

    return first


def test_marked_at_the_last_price_within_the_horizon(tape):
    found = rewards_of(tape, [BUY, SELL], CONFIG, 120.0)
    at = tape.at.astype(np.int64)
    known = found.exit_row >= 0
    landed, exits = found.landing_row[known], found.exit_row[known]
    assert (at[exits] <= at[landed] + 120 * 10**9).all()
    later = np.minimum(exits + 1, len(tape) - 1)
    assert ((at[later] > at[landed] + 120 * 10**9) | (later == exits)).all()


def test_what_is_marked_beyond_the_tape_has_none(tape):
    found = rewards_of(tape, [BUY, SELL], CONFIG)
    at = tape.at.astype(np.int64)
    inside = (found.landing_row >= 0) & (at[found.landing_row] + 600 * 10**9 <= at[-1])
    assert (np.isfinite(found.bps).all(axis=1) == inside).all()
    assert 0 < inside.sum() < len(tape)


def test_nothing_reaches_across_a_hole(tape):
    whole = rewards_of(tape, [BUY, SELL], CONFIG)
    halves = [tape[:300], tape[300:]]
    later = replace(halves[1], at=halves[1].at + np.timedelta64(5, "D"), history=None)
    gap = SwapFrame.concat([replace(halves[0], history=None), later], source="test")
    assert len(gap.holes)
    found = rewards_of(gap, [BUY, SELL], CONFIG)
    lost = np.isfinite(whole.bps[:, 0]) & np.isnan(found.bps[:, 0])
    assert lost[:300].any()
    assert np.isnan(found.bps[298:300]).all()


def test_a_later_price_changes_no_reward_that_is_known(tape):
    """Causal the other way round: the reward of a row is settled once its exit is there."""
    whole, part = (rewards_of(frame, [BUY, SELL], CONFIG) for frame in (tape, tape[:400]))
    known = np.isfinite(part.bps).all(axis=1)
    np.testing.assert_array_equal(whole.bps[:400][known], part.bps[known])


def test_what_both_together_lose_is_the_cost(tape):
    found = rewards_of(tape, [BUY, SELL], ReplayConfig.parse({"capital": {"quote_value": 1e6}}, where="test"))
    cost = -(found.of(Side.BUY) + found.of(Side.SELL)) / 2
    assert 5.0 < np.nanmedian(cost) < 7.0  # the fee of 5 bps, impact and gas


def test_reverts_cost_their_gas_and_are_counted(tape):
    timid = BUY.model_copy(update={"slippage_bps": 0.0})
    found = rewards_of(tape, [timid], CONFIG)
    reverted = found.outcome[:, 0] == 3
    assert found.reverted()[0] == pytest.approx(reverted[found.defined].mean())
    assert (found.bps[reverted & found.defined, 0] < 0).all()
