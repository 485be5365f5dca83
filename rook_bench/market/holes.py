"""Stretches that a tape is missing: waits far beyond its own pace."""

from __future__ import annotations

from collections.abc import Sequence

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
    long = lambda rows: rows.start + np.flatnonzero(wait(np.arange(rows.start, rows.stop)) >= LEAST_S)  # noqa: E731
    for candidate in mapped.gathered(max(0, len(at) - 1), long, np.intp).tolist():
        length = float(wait(np.array([candidate]))[0])
        if (wait(_moving(at, candidate, RHYTHM_SEEN)) >= length / 2).sum() >= RHYTHM:
            continue
        pace = wait(_moving(at, candidate, SEEN, found))
        if len(pace) >= ENOUGH:
            hole = length > FACTOR * np.quantile(pace, 0.9)
        else:
            hole = len(pace) >= FEW and length > max(FEW_LEAST_S, FEW_FACTOR * pace.max())
        if hole:
            found.append(candidate + 1)
    return np.array(found, dtype=np.intp)


def _moving(at: NDArray[np.datetime64], stop: int, most: int, without: Sequence[int] = ()) -> NDArray[np.intp]:
    """The last rows before `stop` after which time passed, ascending, but for those right before rows of `without`."""
    count, parts = 0, list[NDArray[np.intp]]()
    while stop > 0 and count < most:
        first = max(0, stop - _BLOCK)
        rows = first + np.flatnonzero(at[first + 1 : stop + 1] > at[first:stop])
        rows = rows[~np.isin(rows + 1, without)]
        parts, count, stop = [rows, *parts], count + len(rows), first
    return np.concatenate([np.empty(0, dtype=np.intp), *parts])[-most:]


_BLOCK = 1 << 13
