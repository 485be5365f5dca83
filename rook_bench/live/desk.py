"""One source of a session: what it decides, and what came of it by the loop that replays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape, is_trade
from rook_bench.core.exact import ExactInts
from rook_bench.core.hashing import PACKAGE
from rook_bench.execution.compiled_swap import room_for_a_call, sandwich_call, swap_call
from rook_bench.live.fork import Wish
from rook_bench.live.rows import Rows
from rook_bench.market.features import LOOKBACK
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.plugins import risk_filter, sizer
from rook_bench.replay import dtypes, loop
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.engine import opening_balances, order_table
from rook_bench.replay.market_rows import landing
from rook_bench.replay.sparse import Sparse
from rook_bench.risk import Permitted, RiskConfig, apply_risk
from rook_bench.sources import Source

Blackouts = Sequence[tuple[int, int]]


def with_blackouts(config: ReplayConfig, blackouts: Blackouts) -> ReplayConfig:
    """The configuration, whose first filter refuses what was decided in these ranges of blocks."""
    blocks = {"name": "blackout", "blocks": [list(one) for one in blackouts]}
    risk: RiskConfig = config.risk.model_copy(update={"filters": (blocks, *config.risk.filters)})
    return config.model_copy(update={"risk": risk})


def risk_lookback(config: ReplayConfig) -> int | None:
    """Swaps before a row that sizer and filters look at; None where one is not of this package, and does not say."""
    chosen = [sizer.choose(config.risk.sizer), *map(risk_filter.choose, config.risk.filters)]
    known = all(not one.plugin.in_memory and one.plugin.file.is_relative_to(PACKAGE) for one in chosen)
    return LOOKBACK if known else None


@dataclass(frozen=True)
class Settled:
    """What became certain: orders as lines of a journal, and the equity after swaps by their numbers.

    Attributes:
        orders: see `Desk.settle`; rows are numbers of swaps, amounts are text.
        first: number of the swap that the first equity is of; equity: quote.
        told, marked: numbers of the swaps up to which orders and equity are told with it.
    """

    orders: list[dict[str, Any]] = field(default_factory=list)
    first: int = 0
    equity: list[float] = field(default_factory=list)
    told: int = 0
    marked: int = 0


@dataclass(frozen=True)
class _Looped:
    """What the loop gave: orders in numbers of swaps, equity and landing rows by position among the rows."""

    orders: dtypes.Records
    equity: NDArray[np.float64]
    carried: dtypes.Records
    landing_row: NDArray[np.int64]
    permitted: Permitted
    whole_map: bool


def _exact(orders: dtypes.Records, names: Sequence[str]) -> list[list[int]]:
    """Exact columns of orders as Python integers."""
    return [list(ExactInts(np.ascontiguousarray(orders[name]))) for name in names]


def _moved(orders: dtypes.Records, by: int) -> dtypes.Records:
    """Orders whose rows are counted from elsewhere."""
    orders = orders.copy()
    for name in ("row", "landing_row"):
        orders[name] += np.where(orders[name] < 0, 0, by)
    return orders


class Desk:
    """A source, its decisions on the swaps that are kept, and its ledger.

    The ledger is the replay's loop on those swaps, begun with the state that it had come to at one that can't be
    replaced any more.

    Attributes:
        name, source: whose desk it is.
        decisions: on every swap that is kept; None before the first.
        lookback: swaps before a row that have to be kept; None for all of them.
        told: number of the swap up to which orders were told; marked: up to which equity was.
        equity: the last one that was told, NaN before the first; peak: the highest.

    Args:
        config: what is assumed, on the pool.
        rows: the swaps, shared by all desks.
        paper: whether there is a ledger.
    """

    def __init__(self, name: str, source: Source, config: ReplayConfig, rows: Rows, *, paper: bool) -> None:
        self.name, self.source, self.config, self.rows, self.paper = name, source, config, rows, paper
        self.decisions: DecisionTape | None = None
        needed = [source.lookback, *([risk_lookback(config)] if paper else [])]
        self.lookback = None if None in needed else max(int(one) for one in needed if one is not None)
        self.told, self.marked, self.equity, self.peak = 0, 0, float("nan"), float("nan")
        self._final = 0  # the number of the swap before which the state below holds
        self._carried: dtypes.Records | None = None
        self._orders = dtypes.empty_orders(0)  # in flight then; their rows are numbers of swaps

    def decide(self, count: int, *, seed: int, fresh: bool = False) -> DecisionTape:
        """The source's decisions on the last `count` swaps; they are not kept (see `keep`)."""
        frame = self._frame()
        asked = self.source.lookback
        first = 0 if asked is None else max(0, len(frame) - count - asked)
        rows = len(frame) - first
        tape = self.source.ask(frame.bare[first:], seed, fresh=fresh, since=rows - count)
        return tape.rows(slice(rows - count, None))

    def keep(self, decided: DecisionTape) -> None:
        """The decisions on the swaps that came last."""
        decided = decided.bare
        self.decisions = decided if self.decisions is None else DecisionTape.concat([self.decisions, decided])

    def fork(self, row: int) -> tuple[int, int]:
        """The swaps from this number on are gone (they still are among the rows), and what landed there with them.

        Returns:
            The numbers of the first swap whose orders, and of the first whose equity, are to be told again.
        """
        if self.paper and self.rows.frame is not None:
            found = landing(self.rows.frame, self.config.frictions)[0]
            # What landed on a swap that is gone may now land on the one before, and what landed on that on a new one.
            gone = np.flatnonzero((found < 0) | (found + self.rows.first_row >= row - 1))
            first = self.rows.first_row + int(gone[0]) if len(gone) else row
            self.told, self.marked = min(self.told, first), min(self.marked, max(0, row - 1))
        if self.decisions is not None:
            self.decisions = self.decisions.head(row - self.rows.first_row) if row > self.rows.first_row else None
        return self.told, self.marked

    def settle(self, blackouts: Blackouts) -> Settled:
        """What became certain since it was asked last."""
        if not self.paper or self.decisions is None or self.rows.frame is None:
            return Settled()
        frame, base = self.rows.frame, self.rows.first_row
        looped = self._looped(blackouts, len(frame))
        wishes = np.flatnonzero(is_trade(self.decisions.side))
        waiting = wishes[looped.landing_row[wishes] < 0]
        # Where an order lands that waits is not known: it may change what is held from the swap on that it is of.
        until = base + (int(waiting[0]) if len(waiting) else len(frame))
        told = looped.orders[(looped.orders["row"] >= self.told) & (looped.orders["row"] < until)]
        equity = looped.equity[self.marked - base : max(self.marked, until) - base].tolist()
        first = self.marked
        if equity:
            self.equity, self.peak = equity[-1], float(np.nanmax([self.peak, *equity]))
        self.told, self.marked = max(self.told, until), max(self.marked, until)
        return Settled(self._lines(told, looped), first, equity, self.told, self.marked)

    def waiting(self, blackouts: Blackouts, row: int) -> list[Wish]:
        """The orders on swaps from `row` on that were sent and have not landed, as the free balances size them."""
        if not self.paper or self.decisions is None:
            return []
        frame, base, tape = self._frame(), self.rows.first_row, self.decisions
        looped = self._looped(blackouts, len(frame), sent=True)
        flying = looped.orders[(looped.orders["outcome"] == dtypes.PENDING) & (looped.orders["row"] >= row)]
        table = _exact(flying, ("amount_in", "quoted"))
        wishes = []
        for order, amount_in, quoted in zip(flying, *table, strict=True):
            at = int(order["row"]) - base
            deadline = frame.at[at].astype("datetime64[s]").astype(int) + math.floor(tape.deadline_s[at])
            slippage = round(float(looped.permitted.slippage_bps[at]) * 100)
            buys = int(order["side"]) == Side.BUY
            wishes.append(Wish(self.name, int(order["row"]), buys, amount_in, quoted, slippage, int(deadline)))
        return wishes

    def _lines(self, orders: dtypes.Records, looped: _Looped) -> list[dict[str, Any]]:
        frame, base = self._frame(), self.rows.first_row
        assert self.decisions is not None
        table = order_table(frame, _moved(orders, -base), self.decisions, looped.permitted, whole_map=looped.whole_map)
        return order_lines(table.to_arrow().to_pylist(), base)

    def _looped(self, blackouts: Blackouts, stop: int, *, sent: bool = False) -> _Looped:
        """Run the loop up to a position among the rows; `sent`: with orders in flight whose landing is not known."""
        frame, base = self._frame(), self.rows.first_row
        assert self.decisions is not None
        if self._carried is None:
            # The tape begins here: nothing was forgotten yet.
            self._carried = dtypes.beginning(opening_balances(self.config, frame), float(frame.pool.base.unit))
        config = with_blackouts(self.config, blackouts)
        permitted = apply_risk(config.risk, MarketView.whole(frame), self.decisions)
        made = Sparse(frame, self.decisions)
        ready = made.prepared(permitted, config.frictions, every=True)
        if sent:
            landing_row = ready.wishes["landing_row"]
            landing_row[is_trade(self.decisions.side) & (landing_row < 0)] = len(frame)
        carried, flying = self._carried.copy(), len(self._orders)
        carried["first"], carried["count"], carried["pending"] = self._final - base, flying, 0
        wished = int(is_trade(self.decisions.side[self._final - base : stop]).sum())
        orders, equity = dtypes.empty_orders(flying + wished), np.full(len(frame), np.nan)
        orders[:flying] = _moved(self._orders, -base)
        sandwich = sandwich_call() if config.frictions.mev == "typical" else swap_call()
        pool = (room_for_a_call(), ready.ticks, swap_call(), sandwich)
        inputs = (ready.market[:stop], ready.wishes[:stop], *pool, ready.changes, tuple(ready.terms))
        loop.replay_rows(*inputs, carried, orders, equity[:stop])
        return _Looped(_moved(orders, base), equity, carried, ready.wishes["landing_row"], permitted, made.whole_map)

    def finalise(self, row: int, blackouts: Blackouts) -> None:
        """Have the ledger begin at a swap from now on, or as near before it as all is known that it needs."""
        if self.paper and self.decisions is not None:
            row = min(row, self.told, self.marked)
            if row > self._final:
                looped = self._looped(blackouts, row - self.rows.first_row)
                self._carried = looped.carried
                first, stop = int(looped.carried["pending"][0]), int(looped.carried["count"][0])
                self._orders = looped.orders[first:stop].copy()
        self._final = max(self._final, row)

    @property
    def needed(self) -> int:
        """Number of the first swap that this desk still needs."""
        if self.lookback is None:
            return 0
        flying = int(self._orders["row"].min()) if len(self._orders) else self._final
        # One more: what a feature compares its first row with.
        return max(0, min(flying, self._final) - self.lookback - 1)

    def forget(self, count: int) -> None:
        """The first swaps are no longer kept."""
        if self.decisions is not None and count:
            self.decisions = self.decisions.rows(slice(count, None))

    def _frame(self) -> SwapFrame:
        frame = self.rows.frame
        assert frame is not None
        return frame


def order_lines(table: list[dict[str, Any]], base: int = 0) -> list[dict[str, Any]]:
    """Orders (`OrderTable.to_arrow`) as lines of a journal: amounts are text, rows are counted on from `base`."""
    lines = []
    for order in table:
        line: dict[str, Any] = {
            name: value if isinstance(value, bool | int | str) else str(value) for name, value in order.items()
        }
        line["row"] += base
        line["landing_row"] += base if line["landing_row"] >= 0 else 0
        lines.append(line)
    return lines
