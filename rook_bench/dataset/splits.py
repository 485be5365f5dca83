"""Chronological splits with purge and embargo, and the scaler fitted on what may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, Field, model_validator

from rook_bench.core import InputError
from rook_bench.core.config import Config
from rook_bench.market.features import LOOKBACK


class SplitPlan(Config):
    """How rows become train, validation and test windows.

    Attributes:
        seq_len: swaps in one window; a window belongs to the swap it ends on.
        val_share, test_share: shares of the windows, in order of time.
        purge: windows dropped at the end of train and of validation, because the features of
            the next split's first rows look back on them (100 swaps is the longest look-back).
        embargo: windows dropped at the start of validation and of test.
        validation_from, test_from: dates at which both begin, in place of shares; several pools have them in common.
    """

    seq_len: int = Field(default=30, ge=1)
    val_share: float = Field(default=0.15, ge=0, lt=1)
    test_share: float = Field(default=0.15, gt=0, lt=1)
    purge: int = Field(default=LOOKBACK, ge=0)
    embargo: int = Field(default=0, ge=0)
    validation_from: AwareDatetime | None = None
    test_from: AwareDatetime | None = None

    @model_validator(mode="after")
    def _both_dates(self) -> Self:
        if (self.validation_from is None) != (self.test_from is None):
            raise ValueError("give both dates, validation_from and test_from, or neither")
        if self.validation_from is not None and self.test_from is not None and self.validation_from >= self.test_from:
            raise ValueError("validation_from lies after test_from")
        return self


ROOK_PLAN = SplitPlan(purge=0, embargo=0)
"""The published split: neighbouring windows share 29 of 30 swaps across the borders."""


@dataclass(frozen=True)
class Splits:
    """Row indices (the swap each window ends on) of each split, in order of time."""

    train: NDArray[np.intp]
    val: NDArray[np.intp]
    test: NDArray[np.intp]

    def items(self) -> list[tuple[str, NDArray[np.intp]]]:
        """(name, rows) of the three splits."""
        return [("train", self.train), ("val", self.val), ("test", self.test)]


def split_rows(
    rows: int, plan: SplitPlan, *, at: NDArray[np.datetime64] | None = None, where: object = "splits"
) -> Splits:
    """Cut `rows` swaps into splits; InputError when a split would be empty.

    Args:
        rows, plan: how many swaps, and how to cut them.
        at: their times, ascending, which a plan with dates needs.
        where: what an error names.
    """
    windows = rows - plan.seq_len + 1
    # Truncation, not rounding, as ROOK's pipeline cuts.
    val_start = int(windows * (1 - plan.test_share - plan.val_share))
    test_start = int(windows * (1 - plan.test_share))
    first = plan.seq_len - 1
    if plan.validation_from is not None and plan.test_from is not None and at is not None:
        val_start, test_start = (
            max(0, int(np.searchsorted(at, _plain(date), side="left")) - first)
            for date in (plan.validation_from, plan.test_from)
        )
    splits = Splits(
        train=np.arange(0, val_start - plan.purge) + first,
        val=np.arange(val_start + plan.embargo, test_start - plan.purge) + first,
        test=np.arange(test_start + plan.embargo, windows) + first,
    )
    for name, members in splits.items():
        if len(members) == 0 and not (name == "val" and plan.val_share == 0):
            raise InputError(
                f"{rows} swaps leave no {name} window after a purge of {plan.purge} and windows of {plan.seq_len}",
                where=where,
                hint="use a longer tape",
            )
    return splits


def _plain(date: datetime) -> np.datetime64:
    return np.datetime64(date.astimezone(UTC).replace(tzinfo=None), "ns")


@dataclass(frozen=True)
class Scaler:
    """Column means and standard deviations; shapes (features,)."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, values: NDArray[np.float64]) -> Scaler:
        """Fit on `values` of shape (rows, features). A constant column gets scale 1.

        Like scikit-learn's StandardScaler: population deviation, and "constant" means a variance
        that rounding alone explains.
        """
        count, eps = len(values), np.finfo(np.float64).eps
        mean, variance = values.mean(axis=0), values.var(axis=0)
        constant = variance <= count * eps * variance + (count * mean * eps) ** 2
        return cls(mean, np.where(constant, 1.0, np.sqrt(variance)))

    def transform(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(values - mean) / scale."""
        return (values - self.mean) / self.scale
