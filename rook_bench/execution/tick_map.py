"""Where the positions of one pool begin and end, tick by tick."""

from __future__ import annotations

from bisect import bisect_left
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
        self.pairs = [(tick, self.by_tick[tick][1]) for tick in sorted(self.by_tick)]

    def __len__(self) -> int:
        return len(self.by_tick)

    def change(self, lower: int, upper: int, delta: int) -> None:
        """Add `delta` (negative for a burn) to a position between two ticks; PoolError if it is not there."""
        for tick, sign in ((lower, 1), (upper, -1)):
            gross, net = self.by_tick.get(tick, (0, 0))
            self._set(tick, gross + delta, net + sign * delta)

    def active(self, tick: int) -> int:
        """Liquidity of the positions that hold `tick`."""
        return sum(net for at, net in self.pairs if at <= tick)

    def _set(self, tick: int, gross: int, net: int) -> None:
        if gross < 0:
            raise PoolError(f"more liquidity leaves tick {tick} than was there")
        place = bisect_left(self.pairs, tick, key=itemgetter(0))
        there = slice(place, place + (tick in self.by_tick))
        if gross == 0:
            self.by_tick.pop(tick, None)
            self.pairs[there] = []
        else:
            self.by_tick[tick] = (gross, net)
            self.pairs[there] = [(tick, net)]
