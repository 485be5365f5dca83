"""Whether the stated confidence is how often the decision is right: the label, or the action that paid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Estimate, mapped
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.core.ranks import at_ranks
from rook_bench.metrics.action_value import ActionValues, action_values
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import Run

BINS = 15
"""Equal-width bins of the expected calibration error."""

Z_95 = 1.959963984540054
"""Standard normal quantile at 0.975."""


@dataclass(frozen=True)
class Reliability:
    """The decisions whose stated confidence lies in one bin.

    Attributes:
        low, high: the bin's bounds, low included; high too in the last bin.
        count: decisions in it, at least one.
        confidence: their mean stated confidence, 0 to 1.
        correct: share of them that are right, 0 to 1.
        correct_low, correct_high: 95% Wilson interval of that share, as if they were independent.
    """

    low: float
    high: float
    count: int
    confidence: float
    correct: float
    correct_low: float
    correct_high: float


def stated(run: Run) -> tuple[NDArray[np.float64], NDArray[np.bool_]] | None:
    """Confidence, and whether the decision is what it is the chance of, of every decision that states one, shapes (k,).

    That is the label; of a source that learned from rewards, an action that gained by its own horizon. None where
    the tape has no labels.
    """
    if (horizon_s := run.source.profit_horizon_s) is not None:
        return stated_profitable(run, action_values(run, horizon_s))
    labels = run.frame.labels.get("label_side")
    if labels is None:
        return None
    tape, rows = run.decided.tape, _stating(run)
    decided = np.array(SIDE_NAMES, dtype=object)[tape.side[rows]]
    return tape.confidence[rows], (decided == labels[rows]).astype(np.bool_)


def stated_profitable(run: Run, values: ActionValues | None = None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence, and whether the decision was the action that paid, where that is known; shapes (k,)."""
    values = values or action_values(run)
    tape, rows = run.decided.tape, _stating(run)
    known, best = values.known, values.best
    rows = mapped.gathered(len(rows), lambda part: rows[part][known[rows[part]]], np.intp)
    right = mapped.by_part(len(rows), lambda part: tape.side[rows[part]] == best[rows[part]], np.bool_)
    return mapped.taken(tape.confidence, rows), right


def _stating(run: Run) -> NDArray[np.intp]:
    """Rows whose answer could be read and states a confidence."""
    tape = run.decided.tape
    states = lambda rows: (tape.side[rows] != UNPARSED) & ~np.isnan(tape.confidence[rows])  # noqa: E731
    return mapped.gathered(len(tape), lambda rows: rows.start + np.flatnonzero(states(rows)), np.intp)


def reliability(run: Run, bins: int = 10) -> list[Reliability]:
    """Stated confidence against the share that is the label, by equal-width bins; empty bins are left out.

    Empty where the tape has no labels or no decision states a confidence.
    """
    pairs = stated(run)
    return [] if pairs is None else binned(*pairs, bins)


def binned(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int) -> list[Reliability]:
    """The bins of [0, 1] that hold a decision, lowest first; arguments of shape (k,)."""
    edges = np.arange(bins + 1) / bins
    of = lambda rows: np.minimum(np.searchsorted(edges, confidence[rows], side="right") - 1, bins - 1)  # noqa: E731
    place = mapped.by_part(len(confidence), of, np.int16)
    bounds = [(float(low), float(high)) for low, high in itertools.pairwise(edges)]
    return _rows(confidence, correct, place, bounds)


def equal_mass(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int) -> list[Reliability]:
    """Bins that hold about as many decisions each, lowest first; arguments of shape (k,).

    Equal confidences share a bin, so there may be fewer bins and they may differ in size. Their
    bounds are the least and greatest confidence in them.
    """
    ranks = np.ceil(np.arange(1, bins + 1) * len(confidence) / bins).astype(int) - 1
    last = np.unique(at_ranks(confidence, ranks.tolist()))
    of = lambda rows: np.searchsorted(last, confidence[rows], side="left")  # noqa: E731
    place = mapped.by_part(len(confidence), of, np.int16)
    bounds = [(float(_members(confidence, place, index).min()), float(high)) for index, high in enumerate(last)]
    return _rows(confidence, correct, place, bounds)


def _rows(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    place: NDArray[np.int16],
    bounds: list[tuple[float, float]],
) -> list[Reliability]:
    """One row for each bin that holds a decision."""
    rows = []
    for index in range(len(bounds)):
        inside = _members(confidence, place, index)
        count = len(inside)
        if not count:
            continue
        hits = mapped.count(len(place), lambda rows: correct[rows] & (place[rows] == index))  # noqa: B023
        low, high = wilson(hits, count)
        rows.append(
            Reliability(
                low=bounds[index][0],
                high=bounds[index][1],
                count=count,
                confidence=float(inside.mean()),
                correct=hits / count,
                correct_low=low,
                correct_high=high,
            )
        )
    return rows


def _members(confidence: NDArray[np.float64], place: NDArray[np.int16], index: int) -> NDArray[np.float64]:
    """The confidences of one bin."""
    return mapped.gathered(len(place), lambda rows: confidence[rows][place[rows] == index])


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95% score interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212), within 0 to 1."""
    middle, reach = hits + Z_95**2 / 2, Z_95 * math.sqrt(hits * (count - hits) / count + Z_95**2 / 4)
    low, high = ((middle + sign * reach) / (count + Z_95**2) for sign in (-1, 1))
    # Rounding must not push a bound past the share itself at none and at all.
    return max(0.0, min(low, hits / count)), min(1.0, max(high, hits / count))


def calibration_error(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between a bin's confidence and its share correct, weighted by the bins' decisions, 0 to 1."""
    return _error(binned(confidence, correct, bins))


def calibration_error_mass(confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = BINS) -> float:
    """The same over bins of about equal numbers of decisions (Nixon et al. 2019, CVPR workshops), 0 to 1."""
    return _error(equal_mass(confidence, correct, bins))


def _error(rows: Sequence[Reliability]) -> float:
    decisions = sum(row.count for row in rows)
    return sum(row.count * abs(row.correct - row.confidence) for row in rows) / decisions


def brier(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float:
    """Mean squared difference between confidence and correctness (1 or 0), 0 to 1."""
    return float(mapped.by_part(len(correct), lambda rows: (confidence[rows] - correct[rows]) ** 2).mean())


@metric(unit="fraction")
def confidence_calibration_error(sampled: Sampled) -> Estimate:
    """Expected calibration error: how far the stated confidence is from the share of decisions that are the label."""
    convention = f"{BINS} equal-width bins, weighted by their decisions; all parsed decisions that state a confidence"
    return _estimate(sampled, calibration_error, "fraction", convention)


@metric(unit="fraction")
def confidence_calibration_error_mass(sampled: Sampled) -> Estimate:
    """Expected calibration error over bins that hold about as many decisions each."""
    convention = f"{BINS} bins of about equal size, equal confidences together; otherwise as with equal widths"
    return _estimate(sampled, calibration_error_mass, "fraction", convention)


@metric(unit="ratio")
def confidence_brier(sampled: Sampled) -> Estimate:
    """Brier score: mean squared difference between stated confidence and being the label (1 or 0); 0 is best."""
    convention = "one where the decision is the label, else zero; all parsed decisions that state a confidence"
    return _estimate(sampled, brier, "ratio", convention)


def _estimate(
    sampled: Sampled,
    measure: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
    unit: str,
    convention: str,
) -> Estimate:
    horizon_s = sampled.run.source.profit_horizon_s
    if horizon_s is not None:
        convention += f"; right is here what gained by {horizon_s:g} s after landing, which is what it states"
    pairs = stated(sampled.run)
    if pairs is None:
        return Estimate.undefined("the tape carries no labels", n=0, unit=unit, convention=convention)
    if len(pairs[0]) == 0:
        return Estimate.undefined("no decision states a confidence", n=0, unit=unit, convention=convention)
    return Estimate(measure(*pairs), len(pairs[0]), unit, convention)
