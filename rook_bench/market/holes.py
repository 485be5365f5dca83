"""Stretches that a tape is missing: waits far beyond its own pace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    waits = np.diff(at) / np.timedelta64(1, "s")
    found: list[int] = []
    moving = np.flatnonzero(waits > 0)
    for candidate in np.flatnonzero(waits >= LEAST_S).tolist():
        before = moving[: np.searchsorted(moving, candidate)]
        if (waits[before[-RHYTHM_SEEN:]] >= waits[candidate] / 2).sum() >= RHYTHM:
            continue
        pace = waits[before[~np.isin(before + 1, found)][-SEEN:]]
        if len(pace) >= ENOUGH:
            hole = waits[candidate] > FACTOR * np.quantile(pace, 0.9)
        else:
            hole = len(pace) >= FEW and waits[candidate] > max(FEW_LEAST_S, FEW_FACTOR * pace.max())
        if hole:
            found.append(candidate + 1)
    return np.array(found, dtype=np.intp)
