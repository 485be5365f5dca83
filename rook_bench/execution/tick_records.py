"""The tick map as compiled code takes it: every tick that is ever used, and the changes still to come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.exact import ExactInts

_AMOUNT = ("u8", (4,))

TICKS = np.dtype([("tick", "i8"), ("live", "i8"), ("gross", *_AMOUNT), ("net", *_AMOUNT)])
"""Ticks in ascending order; net in two's complement. Not live: nothing begins or ends there now."""

CHANGES = np.dtype(
    [
        ("before_row", "i8"),
        ("lower", "i8"),
        ("upper", "i8"),
        ("delta", *_AMOUNT),
        ("known", *_AMOUNT),
        ("place_lower", "i8"),
        ("place_upper", "i8"),
    ]
)
"""Changes of positions in the order of the log; the places are those of both ends among the ticks.

`delta` is the whole change, `known` the part of it that moves the tick map: all of it where the map
is whole, else a mint, and as much of a burn as the tape saw minted before.
"""

Records = NDArray[np.void]


def tick_records(ticks: NDArray[np.int32], gross: ExactInts, net: ExactInts, ends: NDArray[np.int32]) -> Records:
    """Records of a snapshot's ticks, with room for every tick in `ends`."""
    every = np.union1d(ticks, ends)
    records = np.zeros(len(every), dtype=TICKS)
    records["tick"] = every
    places = np.searchsorted(every, ticks)
    records["gross"][places], records["net"][places] = gross.limbs, net.limbs
    records["live"] = records["gross"].any(axis=1)
    return records


def change_records(
    before_row: NDArray[np.int64],
    lower: NDArray[np.int32],
    upper: NDArray[np.int32],
    delta: ExactInts,
    known: ExactInts,
    ticks: Records,
) -> Records:
    """Records of changes; both ends must be among the ticks."""
    records = np.zeros(len(before_row), dtype=CHANGES)
    records["before_row"], records["lower"], records["upper"] = before_row, lower, upper
    records["delta"], records["known"] = delta.limbs, known.limbs
    records["place_lower"] = np.searchsorted(ticks["tick"], lower)
    records["place_upper"] = np.searchsorted(ticks["tick"], upper)
    return records


def changes_between(changes: Records, rows: slice) -> Records:
    """The changes before any of these rows and after those before them, counted from the first of them."""
    first, stop = np.searchsorted(changes["before_row"], (rows.start, rows.stop), side="left")
    own = changes[first:stop].copy()
    own["before_row"] -= rows.start
    return own


def no_ticks() -> tuple[Records, Records]:
    """A map without ticks, and no changes."""
    return np.zeros(0, dtype=TICKS), np.zeros(0, dtype=CHANGES)
