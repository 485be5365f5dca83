"""What choosing among several pools costs: the same question on each of them at once, step-down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rook_bench.gates.check import Check
from rook_bench.gates.checks.bounds import no_champion
from rook_bench.gates.checks.primary import shifted
from rook_bench.gates.policy import Primary
from rook_bench.metrics import Analysis
from rook_bench.stats.spectra import chance_of_less, lopsided


@dataclass(frozen=True)
class Beside:
    """A candidate's pools, judged at once, as one of them sees it.

    Attributes:
        pools: what each is called, in the order named.
        p_values: of the primary question on each, one-sided; None where it is not defined.
        place: which of them this is.
    """

    pools: tuple[str, ...]
    p_values: tuple[float | None, ...]
    place: int

    def to_json(self) -> dict[str, Any]:
        """The shape stored in verdict.json."""
        return {"pools": list(self.pools), "p_values": list(self.p_values), "place": self.place}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Beside:
        """Read back what `to_json` wrote."""
        return cls(tuple(record["pools"]), tuple(record["p_values"]), int(record["place"]))


def p_value(asked: Primary, candidate: Analysis, champion: Analysis) -> float | None:
    """The error rate at which the primary question is just answered with yes, one-sided; None where it is not defined.

    At the policy's own rate it says what `decide_difference` says.
    """
    difference, bucket_s = candidate.sampled.log_returns - champion.sampled.log_returns, candidate.clock.bucket_s
    if not np.isfinite(difference).all() or len(difference) < asked.min_buckets:
        return None
    down, _ = lopsided(difference, max(1, 3600 // bucket_s))
    return chance_of_less(shifted(asked, difference, bucket_s), down)


def step_down(p_values: Sequence[float | None], error: float) -> tuple[bool, ...]:
    """Which questions are answered with yes, with a chance of at most `error` that any answer is luck (Holm, 1979).

    It holds however the questions depend on each other; an undefined one is never answered with yes, and counts.
    """
    ranked = sorted(range(len(p_values)), key=lambda place: _or_one(p_values[place]))
    found = [False] * len(p_values)
    for rank, place in enumerate(ranked):
        if not _or_one(p_values[place]) <= error / (len(p_values) - rank):
            break
        found[place] = True
    return tuple(found)


def _or_one(value: float | None) -> float:
    return 1.0 if value is None else value


def across_pools(asked: Primary, candidate: Analysis, champion: Analysis | None, beside: Beside) -> Check:
    """Whether this pool stands among those on which the champion was beaten, whichever of them looks best."""
    title, count = "beside other pools", len(beside.pools)
    bound = f"at most {100 * asked.alpha:g}% for all {count} pools together"
    if champion is None:
        return no_champion(title, bound)
    mine = p_value(asked, candidate, champion)
    values = list(beside.p_values)
    values[beside.place] = mine
    if mine is None:
        return Check(title, "inconclusive", "undefined: the difference has too few full buckets, or none", bound=bound)
    rank = sorted(range(count), key=lambda place: _or_one(values[place])).index(beside.place)
    passed = step_down(values, asked.alpha)[beside.place]
    detail = (
        f"luck shows as much in {mine:.2%} of cases; as number {rank + 1} of {count} pools by that it takes "
        f"{asked.alpha / (count - rank):.2%} or less, and the same of those before it"
    )
    return Check(title, "pass" if passed else "inconclusive", detail, bound=bound)
