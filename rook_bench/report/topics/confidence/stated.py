"""Stated confidences held against what was right; computed once, for words and pictures alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rook_bench.metrics.action_value import action_values
from rook_bench.metrics.brier import BrierParts, brier_parts
from rook_bench.metrics.calibration import (
    Reliability,
    binned,
    calibration_error,
    calibration_error_mass,
    stated,
    stated_profitable,
)
from rook_bench.metrics.coverage import Kept, RiskCoverage, risk_coverage, value_by_coverage
from rook_bench.report.entries import Entry


@dataclass(frozen=True, eq=False)
class Held:
    """Decisions that state a confidence, held against one truth.

    Attributes:
        confidence: of each decision, 0 to 1, shape (k,).
        correct: whether it is right, shape (k,).
    """

    confidence: NDArray[np.float64]
    correct: NDArray[np.bool_]

    @property
    def varies(self) -> bool:
        """Whether there are two confidences to tell apart."""
        return len(self.confidence) > 0 and bool(self.confidence.min() < self.confidence.max())

    @property
    def mean(self) -> float:
        """Mean confidence; there must be a decision, here and below."""
        return float(self.confidence.mean())

    @property
    def right(self) -> float:
        """Share of decisions that are right."""
        return float(self.correct.mean())

    @cached_property
    def bins(self) -> list[Reliability]:
        """The decisions in ten bins of equal width, empty ones left out."""
        return binned(self.confidence, self.correct, 10)

    @cached_property
    def error(self) -> float:
        """Calibration error over bins of equal width."""
        return calibration_error(self.confidence, self.correct)

    @cached_property
    def error_mass(self) -> float:
        """Calibration error over bins of equal size."""
        return calibration_error_mass(self.confidence, self.correct)

    @cached_property
    def brier(self) -> BrierParts:
        """The Brier score and its parts."""
        return brier_parts(self.confidence, self.correct)

    @cached_property
    def curve(self) -> RiskCoverage:
        """Share of errors by the share kept, the most confident first."""
        return risk_coverage(self.confidence, self.correct)


@dataclass(frozen=True, eq=False)
class Stated:
    """What one source states: held against the action that paid, and against the label where the tape has some."""

    entry: Entry
    paid: Held
    label: Held | None

    @cached_property
    def kept(self) -> list[Kept]:
        """Mean value of acting by the share of its trades kept."""
        return value_by_coverage(self.entry.run, self.entry.analysis.action_values)


def stated_by(entries: Sequence[Entry]) -> list[Stated]:
    """What each source states, those that state nothing included."""
    found = []
    for entry in entries:
        # A source that learned from rewards states the chance of a profit by its own horizon, and none of a label.
        horizon_s = entry.run.source.profit_horizon_s
        values = entry.analysis.action_values if horizon_s is None else action_values(entry.run, horizon_s)
        label = stated(entry.run) if horizon_s is None else None
        paid = Held(*stated_profitable(entry.run, values))
        found.append(Stated(entry, paid, None if label is None else Held(*label)))
    return found
