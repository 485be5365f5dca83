"""Whether an edge is one lucky stretch: the return over hold of consecutive folds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.metrics.action_value import HORIZON_S
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.means import mean_of
from rook_bench.metrics.regimes import FEWEST, LOOKBACK_S
from rook_bench.stats.splits import consecutive_folds

FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """One stretch of the tape.

    Attributes:
        first_at, last_at: where its first bucket begins and its last one ends, UTC.
        buckets: how many there are.
        total: sum of their net log returns over hold; per_day: their mean per day in bps, with its interval.
    """

    first_at: np.datetime64
    last_at: np.datetime64
    buckets: int
    total: Estimate
    per_day: Estimate


@dataclass(frozen=True)
class WalkForward:
    """The folds of a run in order of time.

    Attributes:
        folds: empty where the tape is too short for them.
        left_out: buckets between the folds, which belong to none.
        ahead: folds whose return over hold is above zero.
        without_best: mean per day of the buckets of all folds but the best, bps. Low on purpose: an edge
            that lives without its best stretch is not that stretch.
    """

    folds: tuple[Fold, ...]
    left_out: int
    ahead: int
    without_best: Estimate


def walk_forward(
    sampled: Sampled, *, folds: int = FOLDS, purge_s: float = HORIZON_S, embargo_s: float = LOOKBACK_S
) -> WalkForward:
    """Net log return over hold of consecutive folds that don't touch.

    The source is not trained again: it meets each fold as it would have met it then.

    Args:
        folds: stretches of about equal length.
        purge_s: seconds left out at a fold's end, because what is done there pays off later.
        embargo_s: seconds left out at the next one's start, because what is done there looks back.
    """
    gain = np.log1p(sampled.returns) - np.log1p(sampled.hold_returns)
    purge, embargo = (math.ceil(seconds / sampled.clock.bucket_s) for seconds in (purge_s, embargo_s))
    places = consecutive_folds(len(gain), folds=folds, purge=purge, embargo=embargo)
    short = not places or min(place.stop - place.start for place in places) < FEWEST
    found = () if short else tuple(_fold(sampled, gain, place) for place in places)
    left_out = len(gain) - sum(fold.buckets for fold in found) if found else 0
    ahead = sum(fold.total.value is not None and fold.total.value > 0 for fold in found)
    return WalkForward(found, left_out, ahead, _without_best(sampled, gain, [] if short else places))


def _fold(sampled: Sampled, gain: NDArray[np.float64], place: slice) -> Fold:
    values = gain[place]
    convention = f"net log return over hold of full {sampled.clock.label} buckets"
    total = mean_of(values, unit="fraction", convention=f"sum of the {convention}", factor=len(values))
    per_day = mean_of(values, unit="bps", convention=f"mean per day of the {convention}", factor=_per_day(sampled))
    return Fold(sampled.at[place.start], sampled.at[place.stop], len(values), total, per_day)


def _without_best(sampled: Sampled, gain: NDArray[np.float64], places: list[slice]) -> Estimate:
    convention = (
        f"mean per day of the net log return over hold of full {sampled.clock.label} buckets, all folds but the best"
    )
    if len(places) < 2:
        reason = f"the tape is too short for folds of {FEWEST} buckets" if not places else "there is one fold only"
        return Estimate.undefined(reason, n=0, unit="bps", convention=convention)
    sums = [float(gain[place].sum()) for place in places]
    if max(sums) == min(sums):
        return Estimate.undefined("no fold is better than another", n=0, unit="bps", convention=convention)
    best = sums.index(max(sums))
    rest = np.concatenate([gain[place] for index, place in enumerate(places) if index != best])
    return mean_of(rest, unit="bps", convention=convention, factor=_per_day(sampled))


def _per_day(sampled: Sampled) -> float:
    return 86_400 / sampled.clock.bucket_s * 1e4
