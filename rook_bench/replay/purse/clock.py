"""The one clock of several tapes: which swap of which pool came first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.market.frame import SwapFrame

LOGS = 1 << 20
"""More than a block has logs."""


class MergedClock:
    """Moments of several tapes in one order.

    Where all are of one chain, know blocks and logs, and tell the same time of the same block, a moment is
    (block, log index); else it is the time, and of swaps at one time those of the pool that was named first come
    first. A pool's own order is kept in any case.

    Args:
        frames: one for each pool.
    """

    def __init__(self, frames: Sequence[SwapFrame]) -> None:
        self.frames = tuple(frames)
        self.by_block = len(frames) > 1 and len({frame.pool.chain for frame in frames}) == 1
        self.by_block = self.by_block and all(map(_in_order, frames))
        self._keys = [self._moments(frame) for frame in frames]
        if self.by_block and not all(self._agree(*pair) for pair in combinations(range(len(frames)), 2)):
            self.by_block = False
            self._keys = [self._moments(frame) for frame in frames]

    def _agree(self, one: int, other: int) -> bool:
        """Whether the times of two pools are in the order of their blocks."""
        theirs, at = self._keys[other], self.frames[other].at
        for rows in mapped.parts(len(self._keys[one])):
            now = self.frames[one].at[rows]
            after = np.searchsorted(theirs, self._keys[one][rows])
            earlier, later = at[np.maximum(after - 1, 0)], at[np.minimum(after, len(at) - 1)]
            if ((after > 0) & (earlier > now)).any() or ((after < len(at)) & (later < now)).any():
                return False
        return True

    def _moments(self, frame: SwapFrame) -> NDArray[np.int64]:
        if not self.by_block:
            return frame.at.astype("datetime64[ns]").view(np.int64)
        assert frame.block is not None
        block, log = frame.block, frame.log_index
        assert log is not None
        return mapped.by_part(len(frame), lambda rows: block[rows] * LOGS + log[rows], np.int64)

    def moments(self, leg: int, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """What the rows of a pool are sorted by among those of all pools; with the pool's number for equal ones."""
        return self._keys[leg][rows]

    def landings(self, leg: int, landing: NDArray[np.intp], at_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """When orders of a pool land, as `moments`: neither before the row whose state they meet nor before their time.

        A slow pool's last swap may have been before the order was sent; what comes back is there when it lands, and not
        for others before. A run of one pool, where nobody else spends, lets orders land with the row whose state they
        meet, and so does a purse of one.

        Args:
            leg: which pool.
            landing: rows whose state they meet.
            at_ns: their time, ns since the epoch.
        """
        key, frame = self._keys[leg], self.frames[leg]
        met, last = key[landing], len(key) - 1
        if len(self.frames) == 1:
            return met
        late = at_ns - frame.at[landing].astype("M8[ns]").view(np.int64)
        if self.by_block:
            assert frame.block is not None
            blocks = np.ceil(np.maximum(late, 0) / (frame.pool.block_time_s * 1e9)).astype(np.int64)
            then = np.where(late > 0, (frame.block[landing] + blocks) * LOGS + LOGS - 1, met)
        else:
            then = met + np.maximum(late, 0)
        # The pool's next swap is behind it, or its state would be another one.
        following = np.where(landing < last, key[np.minimum(landing + 1, last)] - 1, then)
        return np.maximum(met, np.minimum(then, following))

    def rows_at(self, moments: NDArray[np.int64], legs: NDArray[np.intp], leg: int) -> NDArray[np.intp]:
        """The last row of a pool at or before moments of others, shape (k,); -1 before its first.

        Args:
            moments, legs: when, and of which pool.
            leg: whose rows are wanted.
        """
        key = self._keys[leg]
        before, after = np.searchsorted(key, moments, side="left"), np.searchsorted(key, moments, side="right")
        return np.where(legs >= leg, after, before) - 1


def _in_order(frame: SwapFrame) -> bool:
    """Whether blocks and logs tell the order of the rows, and it is theirs."""
    block, log = frame.block, frame.log_index
    if block is None or log is None:
        return False
    for rows in mapped.parts(len(frame)):
        first = max(rows.start - 1, 0)
        key = block[first : rows.stop] * LOGS + log[first : rows.stop]
        if (key[1:] <= key[:-1]).any() or int(log[rows].max(initial=0)) >= LOGS:
            return False
    return True
