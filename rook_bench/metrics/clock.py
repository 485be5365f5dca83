"""Returns on a clock. Per-swap returns depend on how often others trade, so no ratio uses them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core.config import Config
from rook_bench.replay import Run

YEAR_S = 365 * 86_400


class Clock(Config):
    """How returns are sampled.

    Attributes:
        bucket_s: seconds between samples, aligned to UTC midnight.
        min_annual_days: shortest tape, in days, whose return is extrapolated to a year (Calmar).
    """

    bucket_s: int = Field(default=300, gt=0, le=86_400)
    min_annual_days: float = Field(default=7.0, gt=0)

    @property
    def label(self) -> str:
        """For example "5 min"."""
        return f"{self.bucket_s // 60} min" if self.bucket_s % 60 == 0 else f"{self.bucket_s} s"

    @property
    def periods_per_year(self) -> float:
        """Buckets in 365 days; a pool never closes."""
        return YEAR_S / self.bucket_s


class Timed(Protocol):
    """What has times of swaps, and the first rows after the stretches that it is missing: a tape, or what is left."""

    @property
    def at(self) -> NDArray[np.datetime64]:
        """UTC, shape (n,)."""

    @property
    def holes(self) -> NDArray[np.intp]:
        """Ascending rows."""


@dataclass(frozen=True, eq=False)
class Borders:
    """Every full bucket border between a tape's first and last swap.

    Attributes:
        frame, clock: of which tape, on which clock.
    """

    frame: Timed
    clock: Clock

    @cached_property
    def at(self) -> NDArray[np.datetime64]:
        """The borders, UTC, shape (k,)."""
        step, at = self.clock.bucket_s * 1_000_000_000, self.frame.at
        first, last = (int(at[row].astype(np.int64)) for row in (0, -1))
        borders = np.arange(-(-first // step) * step, last + 1, step)
        for row in self.frame.holes.tolist():
            before, after = at[row - 1 : row + 1].astype(np.int64)
            borders = borders[(borders <= before) | (borders >= after)]
        return borders.astype("datetime64[ns]")

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """The last row at or before each border."""
        return np.searchsorted(self.frame.at, self.at, side="right") - 1

    @cached_property
    def broken(self) -> list[tuple[int, int]]:
        """Buckets that a hole of the tape lies in, each with the first row after it."""
        holes = self.frame.holes
        buckets = np.searchsorted(self.rows, holes, side="left") - 1
        inside = (buckets >= 0) & (buckets < len(self.rows) - 1)
        return list(zip(buckets[inside].tolist(), holes[inside].tolist(), strict=True))

    def returns(self, equity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Simple returns between borders, shape (k - 1,), of the equity after every row, shape (n,)."""
        sampled = equity[self.rows]
        returns = np.diff(sampled) / sampled[:-1] if len(sampled) > 1 else np.empty(0)
        for bucket, row in self.broken:
            returns[bucket] = (1.0 + returns[bucket]) * equity[row - 1] / equity[row] - 1.0
        return returns

    def log_returns(self, equity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log returns between borders, shape (k - 1,); not finite from where equity is gone."""
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = np.diff(np.log(equity[self.rows]))
            for bucket, row in self.broken:
                returns[bucket] -= np.log(equity[row]) - np.log(equity[row - 1])
            return returns


@dataclass(frozen=True, eq=False)
class Sampled:
    """A Run's equity at every full bucket border between its first and last swap.

    The sample at a border is the equity after the last swap at or before it, so quiet buckets
    have a return of zero. The parts before the first border and after the last are left out, and so is what a
    stretch that the tape is missing did to the price: no border lies in it, and no return reaches across.

    Attributes:
        run, clock: what is sampled, and how.
    """

    run: Run
    clock: Clock

    @cached_property
    def borders(self) -> Borders:
        """The tape's borders on the clock."""
        return Borders(self.run.frame, self.clock)

    @property
    def at(self) -> NDArray[np.datetime64]:
        """The borders, UTC, shape (k,)."""
        return self.borders.at

    @property
    def rows(self) -> NDArray[np.intp]:
        """The last row at or before each border."""
        return self.borders.rows

    @cached_property
    def equity(self) -> NDArray[np.float64]:
        """Equity at each border."""
        return self.run.equity[self.rows]

    @cached_property
    def returns(self) -> NDArray[np.float64]:
        """Simple net returns between borders, shape (k - 1,)."""
        return self.borders.returns(self.run.equity)

    @cached_property
    def log_returns(self) -> NDArray[np.float64]:
        """Net log returns between borders, shape (k - 1,); not finite from where equity is gone."""
        return self.borders.log_returns(self.run.equity)

    @cached_property
    def market_log_returns(self) -> NDArray[np.float64]:
        """Log returns of the pool's price, on the same borders."""
        price = self.run.frame.price
        returns = np.diff(np.log(price[self.rows])) if len(self.rows) > 1 else np.empty(0)
        for bucket, row in self.borders.broken:
            returns[bucket] -= np.log(price[row]) - np.log(price[row - 1])
        return returns

    @cached_property
    def hold_returns(self) -> NDArray[np.float64]:
        """Returns of keeping the opening balances, on the same borders."""
        return self.borders.returns(self.run.hold_equity)
