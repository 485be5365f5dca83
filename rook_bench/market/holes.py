"""Stretches that a tape is missing: waits far beyond its own pace."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped

LEAST_S = 3600.0
"""A shorter wait is none: pools are quiet at night."""

FACTOR = 30.0
"""A hole is longer than this many of the waits that nine in ten of those before it stay below."""

SEEN, ENOUGH = 200, 20
"""Waits before it that are looked at, at most and at least; those inside of a block say nothing of the pace."""

RHYTHM, RHYTHM_SEEN = 3, 2000
"""So many waits of half its length or more among the last ones make a wait a habit of the pool, and no hole."""

FEW, FEW_LEAST_S, FEW_FACTOR = 3, 86_400.0, 100.0
"""With fewer waits before it, but so many, a hole is longer than this and than so many times the longest of them."""


def find_holes(at: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """The first row after each hole, ascending.

    Whether a wait is a hole follows from the waits before it alone, so that what is computed row by row does not
    depend on what comes later. Earlier holes do not count for the pace: a mean, or a deviation, would be made of
    them. A pool that sleeps every night, or that has grown slow, has no hole after the first few of its long waits.
    """
    wait = lambda rows: (at[rows + 1] - at[rows]) / np.timedelta64(1, "s")  # noqa: E731
    found: list[int] = []
    before = _before(at)
    long = lambda rows: rows.start + np.flatnonzero(wait(np.arange(rows.start, rows.stop)) >= LEAST_S)  # noqa: E731
    for candidate in mapped.gathered(max(0, len(at) - 1), long, np.intp).tolist():
        length = float(wait(np.array([candidate]))[0])
        if (wait(before(candidate, RHYTHM_SEEN)) >= length / 2).sum() >= RHYTHM:
            continue
        recent = before(candidate, SEEN + len(found))
        pace = wait(recent[~np.isin(recent + 1, found)][-SEEN:])
        if len(pace) >= ENOUGH:
            hole = length > FACTOR * np.quantile(pace, 0.9)
        else:
            hole = len(pace) >= FEW and length > max(FEW_LEAST_S, FEW_FACTOR * pace.max())
        if hole:
            found.append(candidate + 1)
    return np.array(found, dtype=np.intp)


def _before(at: NDArray[np.datetime64]) -> Callable[[int, int], NDArray[np.intp]]:
    """What gives the last so many rows before a row after which time passed, ascending."""
    if len(at) <= _FEW:
        moving = np.flatnonzero(at[1:] > at[:-1])
        return lambda stop, most: moving[: np.searchsorted(moving, stop)][-most:]

    def last(stop: int, most: int) -> NDArray[np.intp]:
        count, size, parts = 0, 2 * most, list[NDArray[np.intp]]()
        while stop > 0 and count < most:
            first, size = max(0, stop - size), 2 * size
            rows = first + np.flatnonzero(at[first + 1 : stop + 1] > at[first:stop])
            parts, count, stop = [rows, *parts], count + len(rows), first
        return np.concatenate([np.empty(0, dtype=np.intp), *parts])[-most:]

    return last


_FEW = 1 << 18
"""Rows of a tape whose waits are all known at once."""
