"""What an order on each row would have come to, each with a purse of its own: the same quote, pool, gas and reverts.

Our orders don't move the recorded tape, so what every action on every row would have earned is known, and not only
what the taken ones did. It is the loop of `loop.py` with one purse per row instead of one for the tape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Decision, InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.execution.compiled import compiled
from rook_bench.execution.compiled_swap import room_for_a_call, sandwich_call, swap_call
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.tick_changes import apply_change
from rook_bench.execution.tick_records import no_ticks
from rook_bench.execution.wide import load, njit, to_float, wide
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.replay import dtypes
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.dtypes import PENDING, Balances, Given, Limbs, PoolCalls, Records, Terms
from rook_bench.replay.entering import PPB, place
from rook_bench.replay.fills import land
from rook_bench.replay.market_rows import NS, charge, landing, market_rows
from rook_bench.replay.numeraire import numeraire_rate
from rook_bench.replay.terms import terms_of
from rook_bench.risk import RiskConfig, apply_risk
from rook_bench.tapecheck.repricing import known_depth

BEYOND = int(Outcome.REJECTED)
"""Outcome of an order that would land beyond the tape."""


@dataclass(frozen=True, eq=False)
class SingleOrders:
    """What one order per row would have come to, arrays of shape (rows,).

    Attributes:
        outcome: code of `Outcome`; REJECTED where the order would land beyond the tape.
        landing_row: where it lands, -1 beyond the tape.
        offered: what it offers, in quote, a seller's base at its own row's price.
        quote, base: what it changes both balances by, gas and fee included, in human units.
    """

    outcome: NDArray[np.int8]
    landing_row: NDArray[np.int64]
    offered: NDArray[np.float64]
    quote: NDArray[np.float64]
    base: NDArray[np.float64]


class Counterfactual:
    """A tape under a configuration, ready to be asked what single orders come to.

    Each order is sized from the opening balances at its own row's price: it is what a replay that begins at that row
    would send first. Filters are left out, and so is whatever another order would have changed.

    Args:
        frame: the tape.
        config: capital, sizing and frictions.
    """

    def __init__(self, frame: SwapFrame, config: ReplayConfig) -> None:
        self.frame, self.config = frame, config.on(frame.pool)
        self.risk = RiskConfig.model_validate(self.config.risk.model_dump() | {"filters": []})
        every = np.arange(len(frame))
        self.market = market_rows(frame, every)
        charge(self.market, frame, every, self.config.frictions)
        self.landing = landing(frame, self.config.frictions)
        self.cash, self.bases = _purses(frame, self.config)

    def orders(self, action: Decision) -> SingleOrders:
        """What one order like `action` on each row would have come to."""
        frame, frictions, count = self.frame, self.config.frictions, len(self.frame)
        if action.side not in (Side.BUY, Side.SELL):
            raise InputError("only a BUY or a SELL sends an order", where="action")
        sides = np.full(count, action.side, dtype=np.int8)
        tape = DecisionTape.from_sides(
            sides, action.size, slippage_bps=action.slippage_bps, deadline_s=action.deadline_s
        )
        permitted = apply_risk(self.risk, MarketView.whole(frame), tape)
        wishes = np.zeros(count, dtype=dtypes.WISHES)
        wishes["side"] = tape.side
        wishes["fraction_ppb"] = np.round(permitted.fraction * PPB)
        wishes["slippage_ppm"] = np.round(permitted.slippage_bps * 100)
        wishes["deadline_ns"] = np.minimum(tape.deadline_s * NS, 2.0**62)
        wishes["landing_row"], wishes["landing_ns"] = self.landing
        depth = known_depth(frame)
        ticks, changes = no_ticks() if depth is None else depth.records()
        terms = terms_of(frame, frictions, permitted.limits, whole_map=depth is not None)
        sandwich = sandwich_call() if frictions.mev == "typical" else swap_call()
        pool = PoolCalls(room_for_a_call(), ticks, swap_call(), sandwich)
        flight = int(np.max(self.landing[0] - np.arange(count), initial=0)) + 1
        outcome = np.full(count, BEYOND, dtype=np.int8)
        money = np.full((count, 3), np.nan)
        room = dtypes.empty_orders(flight)
        single_rows(self.market, wishes, pool, changes, terms, self.cash, self.bases, room, outcome, money)
        units = float(frame.pool.quote.unit), float(frame.pool.base.unit)
        offered = money[:, 0] / units[0] if action.side == Side.BUY else money[:, 0] / units[1] * frame.price
        return SingleOrders(outcome, self.landing[0], offered, money[:, 1] / units[0], money[:, 2] / units[1])


def _purses(frame: SwapFrame, config: ReplayConfig) -> tuple[Limbs, Limbs]:
    """The opening balances of a replay that begins at each row: quote and base as limbs, shape (rows, 4)."""
    pool, capital = frame.pool, config.capital
    value: NDArray[np.float64] = np.full(len(frame), capital.quote_value)
    if capital.value is not None:
        value = capital.value / np.broadcast_to(numeraire_rate(frame, config.numeraire), len(frame))
    cash = np.round(value * (1.0 - capital.base_share) * pool.quote.unit)
    base = np.round(value * capital.base_share / frame.price * pool.base.unit)
    return ExactInts.of(map(int, cash.tolist())).limbs, ExactInts.of(map(int, base.tolist())).limbs


@compiled
def single_rows(
    market: Records,
    wishes: Records,
    pool: PoolCalls,
    changes: Records,
    terms: Terms,
    cash: Limbs,
    base: Limbs,
    room: Records,
    outcome: NDArray[np.int8],
    money: NDArray[np.float64],
) -> None:
    """Send one order per row and land each at the state of its landing row.

    Args:
        market, wishes, pool, changes, terms: as for `loop.replay_rows`.
        cash, base: the purse of each row, limbs of shape (rows, 4).
        room: for as many orders as may be in flight at once; used in turn.
        outcome: filled in place, shape (rows,).
        money: filled in place, shape (rows, 3): units offered, and what both balances change by, quote and base.
    """
    given = Given(market, wishes, pool, terms)
    nothing = wide(np.uint64(0))
    pending: Any = np.int64(0)
    cursor = pending
    for row in range(market.shape[0]):
        while cursor < changes.shape[0] and changes[cursor].before_row <= row:
            apply_change(pool.ticks, changes[cursor])
            cursor += 1
        while pending < row and wishes[pending].landing_row <= row:
            _landed(pending, room, given, cash, base, outcome, money)
            pending += 1
        index = row % room.shape[0]
        room[index].row, room[index].side = row, wishes[row].side
        room[index].landing_row, room[index].outcome = wishes[row].landing_row, PENDING
        if wishes[row].landing_row >= 0:
            place(index, row, room, given, Balances(load(cash[row]), load(base[row]), nothing, nothing))
            if wishes[row].landing_row == row:
                _landed(row, room, given, cash, base, outcome, money)
                pending = row + 1


@njit
def _landed(
    row: int,
    room: Records,
    given: Given,
    cash: Limbs,
    base: Limbs,
    outcome: NDArray[np.int8],
    money: NDArray[np.float64],
) -> None:
    """Land the order of a row, and note what it came to; one that was never sent changes nothing."""
    if given.wishes[row].landing_row < 0:
        return
    index = row % room.shape[0]
    before_cash, before_base = load(cash[row]), load(base[row])
    after_cash, after_base = before_cash, before_base
    if room[index].outcome == PENDING:
        after_cash, after_base = land(index, room, given, before_cash, before_base)
    outcome[row] = room[index].outcome
    money[row, 0] = to_float(load(room[index].amount_in))
    money[row, 1] = _change(before_cash, after_cash)
    money[row, 2] = _change(before_base, after_base)


@njit
def _change(before: Any, after: Any) -> float:
    return to_float(after - before) if after >= before else -to_float(before - after)
