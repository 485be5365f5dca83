"""The Brier score in parts: how calibrated, how telling, and how uncertain the matter was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.metrics.calibration import BINS, Reliability, binned, brier


@dataclass(frozen=True)
class BrierParts:
    """score = reliability - resolution + uncertainty + within (Murphy 1973, J. Appl. Meteor. 12, 595-600).

    Attributes:
        score: mean squared difference between confidence and being right (1 or 0).
        reliability: mean squared distance of the bins' confidence from their share right; 0 is best.
        resolution: variance of the bins' shares right; a confidence that tells nothing has 0.
        uncertainty: p (1 - p) of the overall share right: the score of always stating that share.
        within: what putting unlike confidences into one bin leaves over; 0 where each bin holds one value.
        n, bins: decisions, and bins that hold one.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float
    n: int
    bins: int


def brier_parts(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS) -> BrierParts:
    """Decompose over equal-width bins; arguments of shape (k,), k at least 1."""
    rows = binned(confidence, correct, bins)
    return _of(rows, brier(confidence, correct))


def _of(rows: Sequence[Reliability], score: float) -> BrierParts:
    weight = np.array([row.count for row in rows], dtype=np.float64)
    stated = np.array([row.confidence for row in rows])
    right = np.array([row.correct for row in rows])
    weight, count = weight / weight.sum(), int(weight.sum())
    overall = float(weight @ right)
    reliability, resolution = float(weight @ (stated - right) ** 2), float(weight @ (right - overall) ** 2)
    uncertainty = overall * (1.0 - overall)
    within = score - (reliability - resolution + uncertainty)
    return BrierParts(score, reliability, resolution, uncertainty, within, count, len(rows))
