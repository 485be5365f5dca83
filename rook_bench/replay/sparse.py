"""The loop on the rows that matter: where orders are decided and where they land.

Balances change nowhere else, so that the loop needs no other row, and the equity of every row follows from the balances
that orders left, bit for bit as the loop would mark it. A drawdown stop looks at every row, and keeps them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side, mapped
from rook_bench.core.arrays import distinct
from rook_bench.core.decision_tape import DecisionTape, is_trade
from rook_bench.core.exact import ExactInts
from rook_bench.execution.compiled_swap import room_for_a_call, sandwich_call, swap_call
from rook_bench.execution.frictions import Frictions
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.tick_records import no_ticks
from rook_bench.market.frame import SwapFrame
from rook_bench.replay import dtypes, loop, marking
from rook_bench.replay.entering import FIRST_FREE_CODE, PPB
from rook_bench.replay.market_rows import NS, charge, landing, market_rows
from rook_bench.replay.terms import terms_of
from rook_bench.risk import Permitted
from rook_bench.tapecheck.repricing import known_depth

MARKED = 1 << 20
"""Rows that are marked to market at once."""

KEPT = 3
"""Latencies whose rows are kept, for decisions that are replayed under many."""


@dataclass(frozen=True, eq=False)
class _Ground:
    """What of the kept rows no cost changes: states and wishes, and the changes of the tick map between them."""

    rows: NDArray[np.intp]
    market: dtypes.Records
    wishes: dtypes.Records
    changes: dtypes.Records


@dataclass(frozen=True, eq=False)
class Prepared:
    """The rows that matter as the loop reads them, whose own they are: the loop may change them.

    Attributes:
        rows: of the tape, ascending, shape (k,).
        market, wishes: of each of them; landing rows are positions among them.
        ticks, changes: the tick map before the first row, and what it becomes between them.
        terms: what holds for all of them.
    """

    rows: NDArray[np.intp]
    market: dtypes.Records
    wishes: dtypes.Records
    ticks: dtypes.Records
    changes: dtypes.Records
    terms: dtypes.Terms

    def on_tape(self, orders: dtypes.Records) -> dtypes.Records:
        """The orders, in place, with rows of the tape in place of positions."""
        orders["row"] = self.rows[orders["row"]]
        orders["landing_row"] = np.where(orders["landing_row"] < 0, -1, self.rows[orders["landing_row"]])
        return orders


class Sparse:
    """The decisions of one tape, ready to be replayed under many configurations.

    Args:
        frame, tape: the swaps and what was decided on each.
    """

    def __init__(self, frame: SwapFrame, tape: DecisionTape) -> None:
        # Not the tape itself, by which `sparse` knows these: it would keep itself alive.
        wishes = lambda rows: rows.start + np.flatnonzero(is_trade(tape.side[rows]))  # noqa: E731
        self.frame, self.wishing = frame, mapped.gathered(len(tape), wishes, np.intp)
        self.side = tape.side[self.wishing]
        self.deadline_ns = np.minimum(tape.deadline_s[self.wishing] * NS, 2.0**62)
        depth = known_depth(frame)
        self.whole_map = depth is not None
        self.ticks, self.changes = no_ticks() if depth is None else depth.records()
        self._grounds: dict[str, _Ground] = {}

    def orders(self, permitted: Permitted, frictions: Frictions, opening: tuple[int, int]) -> dtypes.Records:
        """What became of each wish to trade; rows are those of the tape."""
        ready = self.prepared(permitted, frictions)
        # Only a run that needs it pays for compiling the sandwich.
        sandwich = sandwich_call() if frictions.mev == "typical" else swap_call()
        pool = (room_for_a_call(), ready.ticks, swap_call(), sandwich)
        carried = dtypes.beginning(opening, ready.terms.base_unit)
        orders, equity = dtypes.empty_orders(len(self.wishing)), mapped.empty(len(ready.rows))
        loop.replay_rows(ready.market, ready.wishes, *pool, ready.changes, tuple(ready.terms), carried, orders, equity)
        return ready.on_tape(orders)

    def prepared(self, permitted: Permitted, frictions: Frictions, *, every: bool = False) -> Prepared:
        """What the loop is given; `every`: all rows, and not those alone on which orders are decided or land."""
        ground = self._ground(frictions, every=every or permitted.limits.drawdown_stop is not None)
        rows, market, wishes = ground.rows, mapped.copied(ground.market), mapped.copied(ground.wishes)
        charge(market, self.frame, rows, frictions)
        places = np.searchsorted(rows, self.wishing)
        refused = permitted.refused_by[self.wishing]
        wishes["rejected"][places] = np.where(refused < 0, 0, refused + FIRST_FREE_CODE)
        wishes["fraction_ppb"][places] = np.round(permitted.fraction[self.wishing] * PPB)
        wishes["slippage_ppm"][places] = np.round(permitted.slippage_bps[self.wishing] * 100)
        terms = terms_of(self.frame, frictions, permitted.limits, whole_map=self.whole_map)
        return Prepared(rows, market, wishes, self.ticks.copy(), ground.changes, terms)

    def _ground(self, frictions: Frictions, *, every: bool) -> _Ground:
        """`every`: a drawdown is measured from the highest equity of any row."""
        bid = frictions.gas.gwei if frictions.ordering == "priority" else ""
        key = f"{frictions.latency}|{frictions.block_time_s}|{frictions.ordering}|{bid}|{every}"
        if key not in self._grounds:
            while len(self._grounds) >= KEPT:
                del self._grounds[next(iter(self._grounds))]
            self._grounds[key] = self._new_ground(frictions, every=every)
        return self._grounds[key]

    def _new_ground(self, frictions: Frictions, *, every: bool) -> _Ground:
        row, when = landing(self.frame, frictions, self.wishing)
        rows = np.arange(len(self.frame)) if every else distinct(np.concatenate([self.wishing, row[row >= 0]]))
        market = market_rows(self.frame, rows)
        wishes = dtypes.zeros(len(rows), dtypes.WISHES)
        wishes["side"] = Side.HOLD
        places = np.searchsorted(rows, self.wishing)
        wishes["side"][places], wishes["deadline_ns"][places] = self.side, self.deadline_ns
        wishes["landing_row"][places] = np.where(row < 0, -1, np.searchsorted(rows, row))
        wishes["landing_ns"][places] = when
        changes = self.changes.copy()
        changes["before_row"] = np.searchsorted(rows, changes["before_row"])
        return _Ground(rows, market, wishes, changes)


_sparse: WeakKeyDictionary[DecisionTape, Sparse] = WeakKeyDictionary()
"""A run's decisions are replayed under many costs."""


def sparse(frame: SwapFrame, tape: DecisionTape) -> Sparse:
    """The decisions ready to be replayed, made once for the same tape and decisions."""
    known = _sparse.get(tape)
    if known is None or known.frame is not frame:
        known = _sparse[tape] = Sparse(frame, tape)
    return known


def equity_of(frame: SwapFrame, orders: dtypes.Records, opening: tuple[int, int]) -> NDArray[np.float64]:
    """Equity after every row, shape (n,), from the balances that the orders left."""
    equity = mapped.empty(len(frame))
    mark_orders(frame, orders, opening, equity)
    return equity


def mark_orders(
    frame: SwapFrame, orders: dtypes.Records, opening: tuple[int, int], equity: NDArray[np.float64]
) -> float:
    """Fill in the equity after every row, shape (n,); the deepest drawdown (see `replay.marking`)."""
    moved = _moved(orders)
    quote, base = _balances(frame, orders, opening, moved)
    rows, price = orders["landing_row"][moved], frame.price
    walked = marking.start(quote[0] + base[0] * price[0])
    for part in mapped.parts(len(price), MARKED):
        first, stop = np.searchsorted(rows, (part.start, part.stop), side="left")
        own = slice(first, stop + 1)
        marking.mark(np.array(price[part]), rows[first:stop] - part.start, quote[own], base[own], equity[part], walked)
    return float(walked[marking.DEEPEST])


@dataclass(frozen=True)
class Ending:
    """What replayed decisions came to: how many fills there were, and the equity after the last row, in quote."""

    fills: int
    equity: float


def ending_of(frame: SwapFrame, orders: dtypes.Records, opening: tuple[int, int]) -> Ending:
    """What `equity_of` ends with, without the rows before."""
    # Orders land in the order they were sent.
    quote, base = _balances(frame, orders, opening, _moved(orders)[-1:])
    return Ending(int(_filled(orders).sum()), float(quote[-1] + base[-1] * float(frame.price[-1])))


def _moved(orders: dtypes.Records) -> NDArray[np.intp]:
    """Orders that changed a balance."""
    return np.flatnonzero(_filled(orders) | orders["gas_quote"].any(axis=1) | orders["gas_base"].any(axis=1))


def _balances(
    frame: SwapFrame, orders: dtypes.Records, opening: tuple[int, int], which: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quote and base at the start and after each of these orders, both of shape (k + 1,)."""
    limbs = ExactInts.of(opening).limbs
    quote = _floats(np.concatenate([limbs[:1], orders["cash"][which]])) / float(frame.pool.quote.unit)
    base = _floats(np.concatenate([limbs[1:], orders["base"][which]])) / float(frame.pool.base.unit)
    return quote, base


def _filled(orders: dtypes.Records) -> NDArray[np.bool_]:
    # A fill of dust may pay nothing that is seen in one column; it is a fill all the same.
    return np.isin(orders["outcome"], (Outcome.FILLED, Outcome.PARTIAL))


def _floats(limbs: NDArray[np.uint64]) -> NDArray[np.float64]:
    """As the loop's `to_float`."""
    return limbs[:, 1].astype(np.float64) * 18446744073709551616.0 + limbs[:, 0].astype(np.float64)
