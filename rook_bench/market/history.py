"""The tick map of a pool at any row of its tape: a snapshot, and what liquidity did since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.exact import ExactInts
from rook_bench.execution.tick_map import TickMap
from rook_bench.execution.tick_records import Records, change_records, tick_records


@dataclass(frozen=True)
class PoolStart:
    """State of the pool before the first swap of a tape."""

    sqrt_price: int
    tick: int
    liquidity: int


@dataclass(frozen=True, eq=False)
class LiquidityHistory:
    """Initialised ticks before a tape's first swap, and every mint and burn since.

    Attributes:
        complete: whether the pool's life is known from its birth, so that these are *all* the
            initialised ticks. Where it is not, only the changes are facts.
        start: state before the changes and swaps of this tape; None where it is not known.
        ticks: initialised ticks of the snapshot, ascending int32, shape (t,).
        gross, net: their liquidity.
        before_row: the swap that each change comes before, not decreasing, int64, shape (m,);
            the tape's length for changes after the last swap.
        tick_lower, tick_upper: ends of the position, int32.
        delta: change of its liquidity, negative for a burn.
    """

    complete: bool
    start: PoolStart | None
    ticks: NDArray[np.int32]
    gross: ExactInts
    net: ExactInts
    before_row: NDArray[np.int64]
    tick_lower: NDArray[np.int32]
    tick_upper: NDArray[np.int32]
    delta: ExactInts

    @classmethod
    def of(
        cls,
        *,
        complete: bool,
        start: PoolStart | None,
        snapshot: TickMap | None = None,
        changes: list[tuple[int, int, int, int]] | None = None,
    ) -> LiquidityHistory:
        """From a tick map and (before_row, tick_lower, tick_upper, delta) tuples."""
        by_tick = dict(sorted((snapshot.by_tick if snapshot else {}).items()))
        rows = changes or []
        column = lambda index, dtype: np.array([row[index] for row in rows], dtype=dtype)  # noqa: E731
        return cls(
            complete=complete,
            start=start,
            ticks=np.array(list(by_tick), dtype=np.int32),
            gross=ExactInts.of(gross for gross, _ in by_tick.values()),
            net=ExactInts.of(net for _, net in by_tick.values()),
            before_row=column(0, np.int64),
            tick_lower=column(1, np.int32),
            tick_upper=column(2, np.int32),
            delta=ExactInts.of(row[3] for row in rows),
        )

    @classmethod
    def concat(cls, parts: Sequence[tuple[LiquidityHistory, int]]) -> LiquidityHistory:
        """Histories of consecutive parts of a tape, each with its number of swaps: the first snapshot, all changes."""
        changes, before = [], 0
        for (history, rows), (later, _) in zip(parts, [*parts[1:], (None, 0)], strict=True):
            own = list(history.changes())
            if later is not None and _repeats(later, history, rows):
                own = [change for change in own if change[0] < rows]
            changes += [(row + before, lower, upper, delta) for row, lower, upper, delta in own]
            before += rows
        first = parts[0][0]
        return cls.of(complete=first.complete, start=first.start, snapshot=first.snapshot(), changes=changes)

    def snapshot(self) -> TickMap:
        """The tick map before the first change."""
        return TickMap(
            {int(tick): pair for tick, pair in zip(self.ticks, zip(self.gross, self.net, strict=True), strict=True)}
        )

    def changes(self) -> Iterator[tuple[int, int, int, int]]:
        """Each change as (before_row, tick_lower, tick_upper, delta)."""
        columns = (self.before_row.tolist(), self.tick_lower.tolist(), self.tick_upper.tolist(), self.delta)
        return zip(*columns, strict=True)

    @cached_property
    def known_deltas(self) -> ExactInts:
        """The part of each change that moves the tick map as far as it is known.

        Where the map is complete that is the change itself. Where it is not, a burn counts as far
        as this tape saw the same position minted: what it took from older ones was never on the map.
        """
        if self.complete:
            return self.delta
        seen: dict[tuple[int, int], int] = {}
        known = []
        for _, lower, upper, delta in self.changes():
            held = seen.get((lower, upper), 0)
            known.append(max(delta, -held))
            seen[(lower, upper)] = held + known[-1]
        return ExactInts.of(known)

    def records(self) -> tuple[Records, Records]:
        """The tick map and its changes for compiled code (see `execution.tick_records`); the map is a fresh copy."""
        ticks, changes = self._records
        return ticks.copy(), changes

    @cached_property
    def _records(self) -> tuple[Records, Records]:
        ticks = tick_records(self.ticks, self.gross, self.net, np.concatenate([self.tick_lower, self.tick_upper]))
        columns = (self.before_row, self.tick_lower, self.tick_upper, self.delta, self.known_deltas)
        return ticks, change_records(*columns, ticks)

    def cut(self, first: int, last: int, start: PoolStart | None) -> LiquidityHistory:
        """The history of rows `first` to `last` (exclusive); `start` is the state that row `first - 1` left.

        Changes between row `first - 1` and row `first` stay changes, those before go into the snapshot.
        """
        snapshot = self.snapshot()
        kept = []
        for row, lower, upper, delta in self.changes():
            if row < first:
                if self.complete:
                    snapshot.change(lower, upper, delta)
            elif row <= last:
                kept.append((row - first, lower, upper, delta))
        start = self.start if first == 0 else start
        return LiquidityHistory.of(complete=self.complete, start=start, snapshot=snapshot, changes=kept)

    def before(self, rows: int) -> LiquidityHistory:
        """The history without the changes that come after swap `rows - 1`."""
        kept = [change for change in self.changes() if change[0] < rows]
        return LiquidityHistory.of(complete=self.complete, start=self.start, snapshot=self.snapshot(), changes=kept)

    def to_bytes(self) -> bytes:
        """Every fact's bytes, for the identity of the data."""
        columns: tuple[Any, ...] = (self.ticks, self.before_row, self.tick_lower, self.tick_upper)
        exact = (self.gross, self.net, self.delta)
        head = f"{self.complete} {self.start}".encode()
        return head + b"".join(c.tobytes() for c in columns) + b"".join(c.limbs.tobytes() for c in exact)


def _repeats(later: LiquidityHistory, earlier: LiquidityHistory, rows: int) -> bool:
    """Whether a part opens with the changes that the part before ended with, after its `rows` swaps.

    The slices of a frame do: what lies between two slices belongs to both. A tape's days don't, each
    opens with the tick map as the day before left it.
    """
    last = [change[1:] for change in earlier.changes() if change[0] == rows]
    if not last or last != [change[1:] for change in later.changes() if change[0] == 0]:
        return False
    ticks = earlier.snapshot()
    for row, lower, upper, delta in earlier.changes() if earlier.complete else ():
        if row < rows:
            ticks.change(lower, upper, delta)
    return later.snapshot().by_tick == ticks.by_tick


class TickWalk:
    """The tick map row after row; rows are asked for in ascending order.

    Attributes:
        row: the last row that was asked for, -1 before the first.
    """

    def __init__(self, history: LiquidityHistory) -> None:
        self.row, self._map, self._history, self._done = -1, history.snapshot(), history, 0

    def at(self, row: int) -> TickMap:
        """The map as it is right after swap `row`: with every change that came before it, and none after."""
        history, first = self._history, self._done
        self.row, self._done = row, first + int(np.searchsorted(history.before_row[first:], row, side="right"))
        part = slice(first, self._done)
        ends = history.tick_lower[part].tolist(), history.tick_upper[part].tolist()
        self._map.change_all(zip(*ends, history.delta[part], strict=True))
        return self._map
