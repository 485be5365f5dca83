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


def find_holes(at: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """The first row after each hole, ascending.

    Whether a wait is a hole follows from the waits before it alone, so that what is computed row by row does not
    depend on what comes later. Earlier holes do not count: a mean, or a deviation, would be made of them.
    """
    waits = np.diff(at) / np.timedelta64(1, "s")
    found: list[int] = []
    moving = np.flatnonzero(waits > 0)
    for candidate in np.flatnonzero(waits >= LEAST_S).tolist():
        before = moving[: np.searchsorted(moving, candidate)]
        before = before[~np.isin(before + 1, found)][-SEEN:]
        if len(before) >= ENOUGH and waits[candidate] > FACTOR * np.quantile(waits[before], 0.9):
            found.append(candidate + 1)
    return np.array(found, dtype=np.intp)
