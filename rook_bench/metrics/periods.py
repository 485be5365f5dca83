"""A run day by day, week by week, month by month; its deepest falls; its measures over a window that rolls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Unit = Literal["day", "week", "month"]

Times = NDArray[np.datetime64]

MONDAY = np.datetime64("1970-01-05", "D")


@dataclass(frozen=True, eq=False)
class Periods:
    """The calendar of a tape, UTC.

    Attributes:
        starts: first day of each period that holds a swap's time or lies between two, shape (k,).
        rows: the last row before each period and the last one of all, shape (k + 1,); -1 before the first row.
        part: whether the tape begins or ends inside of it, shape (k,).
    """

    starts: Times
    rows: NDArray[np.intp]
    part: NDArray[np.bool_]

    def returns(self, equity: NDArray[np.float64], opening: float) -> NDArray[np.float64]:
        """Net return of each, shape (k,): its last equity over that of the one before; nan from where none is left.

        Args:
            equity: after every row, shape (n,); opening: before the first.
        """
        values = np.where(self.rows >= 0, equity[np.maximum(self.rows, 0)], opening)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(values[:-1] > 0, values[1:] / values[:-1] - 1.0, np.nan)


def periods(at: Times, unit: Unit) -> Periods:
    """Days, ISO weeks (from Monday) or months of some times, ascending, shape (n,)."""
    first, last = (each.astype("datetime64[D]") for each in (at[0], at[-1]))
    if unit == "month":
        months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + np.timedelta64(2, "M"))
        borders = months.astype("datetime64[D]")
    else:
        step = np.timedelta64(1 if unit == "day" else 7, "D")
        start = first if unit == "day" else first - (first - MONDAY) % step
        borders = np.arange(start, last + step + step, step)
        borders = borders[: np.searchsorted(borders, last, side="right") + 1]
    rows = np.searchsorted(at, borders.astype("datetime64[ns]"), side="left") - 1
    part = np.zeros(len(borders) - 1, dtype=bool)
    part[0] |= bool(at[0] > borders[0].astype("datetime64[ns]"))
    part[-1] = True  # a period is whole when the next one has begun, which no tape's last one is known to be
    return Periods(borders[:-1], rows, part)


@dataclass(frozen=True)
class Fall:
    """From a highest value down, and back.

    Attributes:
        depth: below the highest value, a fraction, positive.
        start, bottom: rows of the highest value and of the lowest one after it.
        end: the row that reached the highest value again, None where none did.
    """

    depth: float
    start: int
    bottom: int
    end: int | None


def deepest_falls(equity: NDArray[np.float64], most: int) -> list[Fall]:
    """The deepest falls of an equity, shape (n,), the deepest first; none is part of another."""
    depth = equity / np.maximum.accumulate(equity) - 1.0
    under = np.flatnonzero(depth < 0)
    if len(under) == 0:
        return []
    gaps = np.flatnonzero(np.diff(under) > 1)
    starts, stops = under[np.r_[0, gaps + 1]], under[np.r_[gaps, len(under) - 1]] + 1
    lowest = np.minimum.reduceat(depth, starts)
    found = []
    for place in np.argsort(lowest, kind="stable")[:most].tolist():
        start, stop = int(starts[place]), int(stops[place])
        bottom = start + int(np.argmin(depth[start:stop]))
        found.append(Fall(float(-lowest[place]), start - 1, bottom, stop if stop < len(equity) else None))
    return found


def rolling(returns: NDArray[np.float64], window: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and deviation (n - 1) of every whole window, shape (n - window + 1,) each.

    Args:
        returns: log returns, shape (n,), finite; window: 2 to n of them.
    """
    sums, squares = (np.concatenate([[0.0], np.cumsum(each)]) for each in (returns, returns**2))
    total = sums[window:] - sums[:-window]
    spread = (squares[window:] - squares[:-window] - total**2 / window) / (window - 1)
    return total, np.sqrt(np.maximum(spread, 0.0))
