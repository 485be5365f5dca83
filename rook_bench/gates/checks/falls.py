"""What falls that the tape does not hold would do to the difference."""

from __future__ import annotations

from rook_bench.core import RookError
from rook_bench.gates.check import Check, Status
from rook_bench.gates.checks.bounds import no_champion
from rook_bench.gates.checks.evidence import days_of
from rook_bench.gates.checks.primary import bound_of, days_text, decide_difference, generator
from rook_bench.gates.policy import PlantedFall, Policy, Primary
from rook_bench.metrics import Analysis
from rook_bench.replay.falls import Plant, plant
from rook_bench.sources.lookahead import Unanswered

TITLE = "planted fall"


def planted_fall(asked: PlantedFall, primary: Primary, candidate: Analysis, champion: Analysis | None) -> Check:
    """Plant falls and rises, ask both sides again, and take what they cost from the interval's lower end.

    It is asked where the primary question is passed: it can only take that away. It never blocks, for how many falls
    a year there are is the policy's guess.
    """
    if champion is None:
        return no_champion(TITLE, bound_of(primary))
    bucket_s = candidate.clock.bucket_s
    difference = candidate.sampled.log_returns - champion.sampled.log_returns
    first = decide_difference(TITLE, primary, difference, bucket_s)
    if first.status != "pass" or first.estimate is None or first.estimate.low is None:
        return Check(TITLE, "skipped", "does not arise: the difference is not above the boundary without one")
    mine = candidate.run
    if mine.source.recorded or mine.source.gone is not None or mine.source.unreachable:
        return Check(
            TITLE, "inconclusive", "the candidate can't be asked what it does in a fall", bound=bound_of(primary)
        )
    places = asked.places if mine.source.language_model else asked.plugin_places
    moves = (1 - asked.fall, 1 + asked.rise)
    what = Plant(moves, asked.fall_hours * 3600, asked.asked_hours * 3600)
    try:
        found = plant(mine, champion.run, what, places, generator(candidate, champion))
    except (Unanswered, RookError) as problem:
        return Check(TITLE, "inconclusive", f"what they do then can't be told: {problem}", bound=bound_of(primary))
    if found is None:
        detail = f"no stretch of {asked.asked_hours:g} hours holds enough swaps to plant one in"
        return Check(TITLE, "inconclusive", detail, bound=bound_of(primary))
    move, loss = found.worst
    loss_bps = loss * 1e4
    low = first.estimate.low - asked.per_year * loss_bps / 365
    word = "fall" if move < 1 else "rise"
    count = len(found.losses[move])
    room = (first.estimate.low - primary.boundary) * 365
    detail = (
        f"a {word} of {abs(move - 1):.0%} in {asked.fall_hours:g} hours costs {loss_bps:,.0f} bps more than it costs "
        f"the champion (mean of {count} places, asked again); {asked.per_year:g} a year leave the interval above "
        f"{low:+.1f} bps per day, {bound_of(primary)} asked"
    )
    remarks = [
        f"it breaks even at {room / loss_bps:,.1f} a year" if loss_bps > 0 else "it loses no more than the champion"
    ]
    if found.frozen:
        remarks.append(f"{' and '.join(found.frozen)} can't be asked again, and decides as without it")
    status: Status = "pass" if low > primary.boundary else "inconclusive"
    return Check(TITLE, status, detail, bound=bound_of(primary), remarks=tuple(remarks))


def holds_if(policy: Policy, candidate: Analysis) -> Check:
    """What a verdict on a difference assumes, for information: no tape shows what it doesn't hold."""
    days, falls = days_of(candidate.run.frame), policy.planted_fall
    alike = (
        f"holds if the coming weeks are like these {days_text(days)}: the two don't take turns of 10 days or more at "
    )
    alike += "being better"
    if falls is not None:
        alike += f", and moves like the planted ones come at most {falls.per_year:g} times a year"
    worlds = (
        "in simulated worlds within that at most 5% of worthless candidates were promoted, and 2.5% where dependence "
        "is short; with hidden turns of 10 to 30 days 9 to 18%"
    )
    asked = policy.primary
    if asked is not None and asked.level != CALIBRATED:
        worlds = f"simulated worlds were measured at a level of {CALIBRATED:.0%}, not at {asked.level:.0%}"
    second = (
        () if asked is not None and asked.stretches > 1 else ("a second stretch (primary.stretches) would show them",)
    )
    return Check("what it rests on", "info", alike, remarks=(worlds, *second))


CALIBRATED = 0.95
"""The level at which benchmarks/promotion_study.py measured."""
