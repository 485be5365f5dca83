"""What keeping only the most confident decisions would do: to errors, and to the value of acting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate, mapped
from rook_bench.metrics.action_value import ActionValues, action_values
from rook_bench.metrics.means import mean_of
from rook_bench.replay import Run

SHARES = tuple(step / 10 for step in range(1, 11))
"""Coverages at which the value of acting is stated with an interval."""


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Error rate of the most confident share of decisions, by that share.

    Attributes:
        coverage, risk: shape (k,), coverage rising to 1; risk is the share that is wrong.
        aurc: mean risk over all coverages (Geifman et al. 2019, ICLR, "Bias-Reduced Uncertainty
            Estimation"); the risk of all decisions is what a confidence that says nothing would have.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    aurc: float


@dataclass(frozen=True)
class Kept:
    """The acting decisions at least as confident as a threshold.

    Attributes:
        share: of all acting decisions, 0 to 1; threshold: least confidence kept.
        value: mean action value in bps of those kept.
    """

    share: float
    threshold: float
    value: Estimate


def risk_coverage(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> RiskCoverage:
    """Keep the most confident k = 1..n decisions; arguments of shape (n,), n at least 1.

    Equal confidences have no order, so each of them counts as the mean of its group: the expected
    curve over all orders.
    """
    count, total = len(confidence), 0.0
    members, wrong = _by_confidence(confidence, correct)
    share, last = wrong / members, np.cumsum(members)

    def risks(rows: slice) -> NDArray[np.float64]:
        nonlocal total
        spread = share[np.searchsorted(last, np.arange(rows.start, rows.stop), side="right")]
        errors = np.cumsum(np.append(total, spread))[1:]
        total = float(errors[-1])
        return errors / np.arange(rows.start + 1, rows.stop + 1)

    risk = mapped.by_part(count, risks)
    kept = mapped.by_part(count, lambda rows: np.arange(rows.start + 1, rows.stop + 1) / count)
    return RiskCoverage(kept, risk, float(risk.mean()))


def _by_confidence(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How many decisions state each confidence, the greatest first, and how many of them are wrong."""
    stated, members, wrong = [], [], []
    for rows in mapped.parts(len(confidence)):
        own, place = np.unique(-confidence[rows], return_inverse=True)
        stated.append(own)
        members.append(np.bincount(place))
        wrong.append(np.bincount(place, weights=~correct[rows]))
    _, place = np.unique(np.concatenate(stated), return_inverse=True)
    counts = np.bincount(place, weights=np.concatenate(members)).astype(np.int64)
    return counts, np.bincount(place, weights=np.concatenate(wrong)).astype(np.float64)


def value_by_coverage(
    run: Run, values: ActionValues | None = None, *, shares: tuple[float, ...] = SHARES
) -> list[Kept]:
    """Mean value of the acting decisions by the share kept, the most confident first; empty without confidences.

    A share that would split equal confidences keeps all of them, so two shares may give one row.
    """
    values = values or action_values(run)
    tape = run.decided.tape
    trades, known = tape.trades, values.known
    stating = lambda part: trades[part] & ~np.isnan(tape.confidence[part]) & known[part]  # noqa: E731
    rows = mapped.gathered(len(tape), lambda part: part.start + np.flatnonzero(stating(part)), np.intp)
    if len(rows) == 0:
        return []
    confidence, value = tape.confidence[rows], values.of(tape.side)[rows]
    ranked = np.sort(confidence)[::-1]
    thresholds = dict.fromkeys(float(ranked[max(1, round(share * len(rows))) - 1]) for share in shares)
    return [_kept(confidence >= least, least, value, values) for least in thresholds]


def _kept(members: NDArray[np.bool_], threshold: float, value: NDArray[np.float64], values: ActionValues) -> Kept:
    """Rows come in the order of time, so that blocks of them mean something."""
    estimate = mean_of(value[members], unit="bps", convention=f"BUY and SELL decisions; {values.convention}")
    return Kept(float(members.mean()), threshold, estimate)
