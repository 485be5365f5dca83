"""Estimates against their bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rook_bench.core import Estimate
from rook_bench.gates.check import Check
from rook_bench.gates.policy import Bounds
from rook_bench.metrics import Analysis


def thresholds(limits: dict[str, Bounds], candidate: Analysis) -> Iterator[Check]:
    """The candidate's own estimates against their bounds."""
    for name, bounds in limits.items():
        yield within(name, candidate.estimates[name], bounds)


def versus_champion(
    limits: dict[str, Bounds], candidate: Analysis, champion: Analysis | None, *, enough: bool
) -> Iterator[Check]:
    """Candidate minus champion against the bounds; without a champion the question is invalid.

    A difference on too little tape (not `enough` evidence) is chance as likely as skill, whichever
    way it points: such a check is inconclusive. An undefined one still fails.
    """
    for name, bounds in limits.items():
        title = f"{name} vs champion"
        if champion is None:
            yield no_champion(title, bounds.text(candidate.estimates[name].unit))
            continue
        mine, theirs = candidate.estimates[name], champion.estimates[name]
        check = within(title, _difference(mine, theirs), bounds)
        if not enough and check.estimate is not None and check.estimate.defined:
            check = replace(check, status="inconclusive", remarks=(*check.remarks, "too little evidence to tell"))
        yield check


def no_champion(title: str, bound: str) -> Check:
    """A question about a difference without anything to differ from."""
    return Check(title, "invalid", "the policy compares with a champion and none was given", bound=bound)


def within(name: str, estimate: Estimate, bounds: Bounds) -> Check:
    """Pass when the estimate lies within its bounds. Undefined fails: nothing was shown."""
    bound = bounds.text(estimate.unit)
    if estimate.value is None:
        return Check(name, "fail", f"undefined: {estimate.undefined_because}", estimate, bound)
    if estimate.n < bounds.min_n:
        detail = f"rests on {estimate.n} observations, {bounds.min_n} are asked"
        return Check(name, "inconclusive", detail, estimate, bound)
    low = bounds.min is None or estimate.value >= bounds.min
    high = bounds.max is None or estimate.value <= bounds.max
    return Check(name, "pass" if low and high else "fail", f"{estimate}, {bound} asked", estimate, bound)


def _difference(mine: Estimate, theirs: Estimate) -> Estimate:
    count = min(mine.n, theirs.n)
    if mine.value is None or theirs.value is None:
        who, lacking = ("candidate", mine) if mine.value is None else ("champion", theirs)
        return Estimate.undefined(f"{who}: {lacking.undefined_because}", n=count, unit=mine.unit)
    return Estimate(mine.value - theirs.value, count, mine.unit, f"candidate minus champion; {mine.convention}")
