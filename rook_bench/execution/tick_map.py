"""Where the positions of one pool begin and end, tick by tick."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from operator import itemgetter


class PoolError(ValueError):
    """What the contract would revert on."""


class TickMap:
    """Where positions begin and end: gross and net liquidity of every initialised tick.

    Gross counts every position that has an end there: while it is not zero the tick is initialised
    and ends a step of a swap, even where nets cancel out.
    """

    def __init__(self, ticks: dict[int, tuple[int, int]] | None = None) -> None:
        self.by_tick = dict(ticks or {})
        self._pairs: list[tuple[int, int]] | None = None

    def __len__(self) -> int:
        return len(self.by_tick)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Initialised ticks in ascending order, each with its net liquidity."""
        if self._pairs is None:
            self._pairs = [(tick, self.by_tick[tick][1]) for tick in sorted(self.by_tick)]
        return self._pairs

    def change(self, lower: int, upper: int, delta: int) -> None:
        """Add `delta` (negative for a burn) to a position between two ticks; PoolError if it is not there."""
        for tick, sign in ((lower, 1), (upper, -1)):
            gross, net = self.by_tick.get(tick, (0, 0))
            self._set(tick, gross + delta, net + sign * delta)

    def change_all(self, changes: Iterable[tuple[int, int, int]]) -> None:
        """The same of many positions, given as (lower, upper, delta), one after the other."""
        by_tick = self.by_tick
        for lower, upper, delta in changes:
            self._pairs = None  # sorted once they are asked for, and not with every change
            for tick, change in ((lower, delta), (upper, -delta)):
                known = by_tick.get(tick)
                gross, net = (delta, change) if known is None else (known[0] + delta, known[1] + change)
                if gross > 0:
                    by_tick[tick] = (gross, net)
                elif gross < 0:
                    raise _more_than_there(tick)
                elif known is not None:
                    del by_tick[tick]

    def active(self, tick: int) -> int:
        """Liquidity of the positions that hold `tick`."""
        return sum(net for at, net in self.pairs if at <= tick)

    def _set(self, tick: int, gross: int, net: int) -> None:
        if gross < 0:
            raise _more_than_there(tick)
        pairs = self.pairs
        place = bisect_left(pairs, tick, key=itemgetter(0))
        there = slice(place, place + (tick in self.by_tick))
        if gross == 0:
            self.by_tick.pop(tick, None)
            pairs[there] = []
        else:
            self.by_tick[tick] = (gross, net)
            pairs[there] = [(tick, net)]


def _more_than_there(tick: int) -> PoolError:
    return PoolError(f"more liquidity leaves tick {tick} than was there")
