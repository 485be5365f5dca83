"""Changes of the tick map, applied in compiled code."""

from __future__ import annotations

from typing import Any

from numba import njit

from rook_bench.execution.tick_records import Records
from rook_bench.execution.wide import load, store


@njit
def apply_change(ticks: Records, change: Any) -> None:
    """Move both ends of a position; sums are modulo 2**256, as two's complement wants it."""
    for place, adds in ((change.place_lower, True), (change.place_upper, False)):
        delta = load(change.known)
        gross = load(ticks[place].gross) + delta
        store(gross, ticks[place].gross)
        net = load(ticks[place].net)
        store(net + delta if adds else net - delta, ticks[place].net)
        limbs = ticks[place].gross
        ticks[place].live = 1 if (limbs[0] | limbs[1] | limbs[2] | limbs[3]) != 0 else 0
