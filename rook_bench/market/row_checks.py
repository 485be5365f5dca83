"""What no swap can say: times, places and states that a tape's rows may not hold."""

from __future__ import annotations

from collections.abc import Callable
from operator import eq, lt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, mapped
from rook_bench.core.exact import ExactInts
from rook_bench.execution.ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE

EARLIEST, LATEST = np.datetime64("2015-01-01", "ns"), np.datetime64("2100-01-01", "ns")
"""Times outside are none of a swap: the oldest chains that are read here began in 2015."""

Bad = Callable[[slice], NDArray[np.bool_]]
"""Tells of some rows on which of them something is wrong."""


def check_rows(
    at: NDArray[np.datetime64],
    places: dict[str, NDArray[np.int64] | None],
    sqrt_prices: ExactInts,
    liquidity: ExactInts,
    where: str,
) -> None:
    """InputError that names the first row with what no swap can have, or that is not in order.

    Args:
        at, sqrt_prices, liquidity: columns of a `SwapFrame`; places: block, tx_index and log_index.
        where: what they come from, for the error.
    """

    def refuse(bad: Bad, what: str, hint: str | None = None) -> None:
        for rows in mapped.parts(len(at)):
            found = bad(rows)
            if found.any():
                raise InputError(f"{what} at swap {rows.start + int(np.argmax(found)) + 1}", where=where, hint=hint)

    refuse(lambda rows: np.isnat(at[rows]), "the timestamp is missing")
    unit = "is it in another unit than it should be?"
    refuse(lambda rows: (at[rows] < EARLIEST) | (at[rows] >= LATEST), "the time is outside of 2015 to 2100", unit)
    refuse(lambda rows: _to_before(lt, at, rows), "rows are not in order of time", "sort by block and log index")
    for name, place in places.items():
        if place is not None:
            refuse(lambda rows: place[rows] < 0, f"{name} is negative")  # noqa: B023
    block, log_index = places["block"], places["log_index"]
    if block is not None:

        def back(rows: slice) -> NDArray[np.bool_]:
            earlier = _to_before(lt, block, rows)
            if log_index is None:
                return earlier
            return earlier | (_to_before(lt, log_index, rows) & _to_before(eq, block, rows))

        refuse(back, "rows are not in order of block and log index", "sort them")
    for name, column in (("sqrt_price_x96", sqrt_prices), ("liquidity", liquidity)):
        refuse(lambda rows: column[rows].negative(), f"{name} is negative")  # noqa: B023
    refuse(lambda rows: sqrt_prices[rows].zero(), "sqrt_price_x96 is zero")

    def impossible(rows: slice) -> NDArray[np.bool_]:
        # Prices of a pool lie below the greatest; the maths of one that does not would never end.
        return sqrt_prices[rows].below(MIN_SQRT_PRICE) | ~sqrt_prices[rows].below(MAX_SQRT_PRICE)

    refuse(impossible, "sqrt_price_x96 is no price that a pool can have")


def _to_before(compare: Callable[[Any, Any], Any], column: NDArray[Any], rows: slice) -> NDArray[np.bool_]:
    """On which rows a comparison with the row before is true; never on a tape's first."""
    before = column[max(0, rows.start - 1) : rows.stop - 1]
    own = compare(column[max(1, rows.start) : rows.stop], before)
    return np.concatenate([np.zeros(int(rows.start == 0), dtype=bool), own])
