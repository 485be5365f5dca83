"""Whether the candidate looks at the market at all, and whether its confidence means anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rook_bench.core import Estimate
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.gates.check import Check
from rook_bench.gates.checks.bounds import within
from rook_bench.gates.policy import Bounds, Calibration, Degeneracy
from rook_bench.metrics import Analysis


def degeneracy(limits: Degeneracy, candidate: Analysis) -> Iterator[Check]:
    """Shares and entropy of the answers, answers that can't be read, and rows that were never asked about."""
    found = candidate.estimates
    yield within("largest_side_share", found["largest_side_share"], Bounds(max=limits.max_side_share))
    yield within("action_entropy", found["action_entropy"], Bounds(min=limits.min_action_entropy))
    yield within("parse_failure_rate", found["parse_failure_rate"], Bounds(max=limits.max_parse_failure_rate))
    if limits.min_action_rate > 0 or limits.max_action_rate < 1:
        bounds = Bounds(min=limits.min_action_rate, max=limits.max_action_rate)
        yield within("action_rate", found["action_rate"], bounds)
    if limits.min_coverage > 0:
        yield within("coverage", coverage(candidate), Bounds(min=limits.min_coverage))


def coverage(candidate: Analysis) -> Estimate:
    """Share of rows on which the source was asked and its answer could be read."""
    tape = candidate.run.decided.tape
    share = float((tape.asked & (tape.side != UNPARSED)).mean())
    return Estimate(share, len(tape), "fraction", "rows asked about and answered readably, over all rows")


def calibration(limits: Calibration, candidate: Analysis) -> Check:
    """The expected calibration error against the label; not asked where no confidence is stated."""
    if limits.asked_of == "models" and not candidate.run.source.language_model:
        return Check("calibration", "skipped", "does not arise: the candidate is no language model")
    estimate = candidate.estimates["confidence_calibration_error"]
    bounds = Bounds(max=limits.max_error, min_n=limits.min_n)
    check = within("calibration", estimate, bounds)
    if not estimate.defined and not limits.required:
        return replace(check, status="skipped", detail=f"does not arise: {estimate.undefined_because}")
    return check
