"""One purse over several pools: the question that decides, asked of all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rook_bench.gates.check import Check
from rook_bench.gates.checks.bounds import no_champion, within
from rook_bench.gates.checks.primary import bound_of, decide_difference
from rook_bench.gates.policy import Policy
from rook_bench.metrics.purse import PurseAnalysis, log_difference
from rook_bench.replay.purse import without


def purse(policy: Policy, candidate: PurseAnalysis, champion: PurseAnalysis | None) -> Iterator[Check]:
    """The candidate's purse against the champion's over the same pools, and against the policy's own bounds.

    Beside it, for information, the same with each pool's orders left out on both sides: which one carries the answer.
    """
    for name, bounds in policy.thresholds.items():
        if name in candidate.estimates:
            yield within(name, candidate.estimates[name], bounds)
    asked = policy.primary
    if asked is None:
        return
    title, bucket_s = f"net return vs champion ({asked.test})", candidate.clock.bucket_s
    if champion is None:
        yield no_champion(title, bound_of(asked))
        return
    yield decide_difference(title, asked, log_difference(candidate, champion), bucket_s)
    for place, name in enumerate(candidate.names):
        sides = [PurseAnalysis(without(side.run, place), side.clock) for side in (candidate, champion)]
        left = decide_difference(f"net return vs champion, without {name}", asked, log_difference(*sides), bucket_s)
        said = {"pass": "it holds without this pool", "fail": "without this pool it is the other way round"}
        remark = said.get(left.status, "without this pool it is undecided")
        yield replace(left, status="info", remarks=(*left.remarks[:1], remark), margin=None, power=None)
