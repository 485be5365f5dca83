"""The checks of the gate. Each returns Checks; none returns "pass" for what it could not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rook_bench.core import Estimate
from rook_bench.gates.policy import Bounds, Degeneracy, Evidence
from rook_bench.gates.verdict import Check, Status
from rook_bench.metrics import Analysis


def validity(candidate: Analysis, champion: Analysis | None) -> Iterator[Check]:
    """Whether there is anything to judge: no look-ahead, the same tape and the same assumptions."""
    lookahead = candidate.run.lookahead
    status: Status = {"clean": "pass", "unchecked": "inconclusive"}.get(lookahead.status, "invalid")  # type: ignore[assignment]
    yield Check("look-ahead", status, lookahead.detail)
    if champion is None:
        return
    mine, theirs = candidate.run, champion.run
    if theirs.lookahead.status in ("leak", "declared"):
        yield Check("champion look-ahead", "invalid", theirs.lookahead.detail)
    same = mine.frame.data_hash == theirs.frame.data_hash
    yield Check(
        "same tape",
        "pass" if same else "invalid",
        "both on the same tape" if same else "the runs are on different tapes",
    )
    same = mine.config == theirs.config
    detail = "both under the same assumptions" if same else "the runs assume different capital, risk, costs or seed"
    yield Check("same assumptions", "pass" if same else "invalid", detail)
    if mine.decided.tape.content_hash == theirs.decided.tape.content_hash:
        yield Check("candidate is not champion", "invalid", "candidate and champion decide the same on every row")


def evidence(needs: Evidence, candidate: Analysis) -> Iterator[Check]:
    """Whether there is enough tape and trading to tell."""
    run = candidate.run
    days, fills = run.frame.span_s / 86_400, int(run.orders.filled.sum())
    yield _enough("length of tape", days, needs.min_days, "days")
    yield _enough("fills", fills, needs.min_fills, "fills")
    if needs.min_chained_share > 0:
        share = run.tape_check.chained_share
        if share is None:
            reason = run.tape_check.unknown.get("chained_share", "unknown")
            yield Check("tape quality", "inconclusive", f"how much of the tape chains is unknown: {reason}")
        else:
            status: Status = "pass" if share >= needs.min_chained_share else "inconclusive"
            yield Check(
                "tape quality",
                status,
                f"{share:.1%} of the pairs chain",
                bound=f"at least {needs.min_chained_share:.1%}",
            )


def degeneracy(limits: Degeneracy, candidate: Analysis) -> Iterator[Check]:
    """Whether the candidate looks at the market at all."""
    for name, bounds in (
        ("largest_side_share", Bounds(max=limits.max_side_share)),
        ("action_entropy", Bounds(min=limits.min_action_entropy)),
        ("parse_failure_rate", Bounds(max=limits.max_parse_failure_rate)),
    ):
        yield within(name, candidate.estimates[name], bounds)


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
            yield Check(
                title,
                "invalid",
                "the policy compares with a champion and none was given",
                bound=bounds.text(candidate.estimates[name].unit),
            )
            continue
        mine, theirs = candidate.estimates[name], champion.estimates[name]
        check = within(title, _difference(mine, theirs), bounds)
        if not enough and check.estimate is not None and check.estimate.defined:
            check = replace(check, status="inconclusive", detail=f"{check.detail}; too little evidence to tell")
        yield check


def within(name: str, estimate: Estimate, bounds: Bounds) -> Check:
    """Pass when the estimate lies within its bounds. Undefined fails: nothing was shown."""
    if estimate.value is None:
        return Check(name, "fail", f"undefined: {estimate.undefined_because}", estimate, bounds.text(estimate.unit))
    if estimate.n < bounds.min_n:
        return Check(
            name,
            "inconclusive",
            f"rests on {estimate.n} observations, {bounds.min_n} are asked",
            estimate,
            bounds.text(estimate.unit),
        )
    low = bounds.min is None or estimate.value >= bounds.min
    high = bounds.max is None or estimate.value <= bounds.max
    return Check(
        name,
        "pass" if low and high else "fail",
        f"{estimate}, {bounds.text(estimate.unit)} asked",
        estimate,
        bounds.text(estimate.unit),
    )


def _difference(mine: Estimate, theirs: Estimate) -> Estimate:
    count = min(mine.n, theirs.n)
    for estimate, who in ((mine, "candidate"), (theirs, "champion")):
        if estimate.value is None:
            return Estimate.undefined(f"{who}: {estimate.undefined_because}", n=count, unit=mine.unit)
    assert mine.value is not None
    assert theirs.value is not None
    return Estimate(mine.value - theirs.value, count, mine.unit, f"candidate minus champion; {mine.convention}")


def _enough(name: str, have: float, need: float, unit: str) -> Check:
    status: Status = "pass" if have >= need else "inconclusive"
    return Check(name, status, f"{have:.3g} {unit}, {need:g} asked", bound=f"at least {need:g} {unit}")
