"""Run the self-test: worlds in parallel, kept as they finish, counted at the end."""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rook_bench.core import Estimate, InputError
from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.files import write_json
from rook_bench.core.hashing import sha256_code, sha256_json
from rook_bench.engines import Engine
from rook_bench.engines.processes import Processes
from rook_bench.gates.policy import Policy
from rook_bench.gates.selftest.candidate import Planted
from rook_bench.gates.selftest.planted import PLANTED
from rook_bench.gates.selftest.world import SWAPS, WORLD_POLICY, World, for_the_world
from rook_bench.gates.verdict import VERDICTS, Verdict, judge, policy_hash

PER_WORLD = 20
"""Evaluations of `no-edge` on each simulated tape."""

MOST = 0.05
"""Largest rate at which a gate may err."""

NEVER = (
    *("cost-blind", "always-buy", "copy", "leaky-feature", "leaky-scaler", "leaky-prompt", "unparsable", "labels"),
    *("remembers", "writes-aside", "memoriser", "silencing", "later-deadline"),
    *("reward-in-prompt", "learned-from-test"),
)
"""Kinds of which not one may be promoted."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """What became of one kind of candidate.

    Attributes:
        planted: the kind.
        verdicts: number of each verdict.
        wrong: share of wrong verdicts, with its exact binomial interval.
        difference: mean of the measured differences from the champion, bps per day.
        decided_by: the checks that decided, most frequent first, with their numbers.
    """

    planted: Planted
    verdicts: dict[str, int]
    wrong: Estimate
    difference: Estimate
    decided_by: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class SelfTest:
    """The measured error rates of a policy.

    Attributes:
        policy: what was tried, as adapted to simulated tapes.
        seed, worlds, swaps: how it was tried.
        results: one record per evaluation.
    """

    policy: Policy
    seed: int
    worlds: int
    swaps: int
    results: list[Result]

    @cached_property
    def rows(self) -> list[Row]:
        """One row per kind, in the order of PLANTED."""
        return [_row(kind, [result for result in self.results if result["kind"] == kind.name]) for kind in PLANTED]

    def row(self, name: str) -> Row:
        """The row of one kind."""
        return next(row for row in self.rows if row.planted.name == name)

    @property
    def false_promotion(self) -> Estimate:
        """Share of candidates without edge that were promoted, where trading is free."""
        return self.row("no-edge").wrong

    @property
    def sound(self) -> bool:
        """Whether the error rates are what a gate may have.

        The upper bound of false promotions is at most 5%; what must never pass never did; and no
        other kind errs clearly more often than 5%.
        """
        bound = self.false_promotion.high
        never = all(row.verdicts["PROMOTE"] == 0 for row in self.rows if row.planted.name in NEVER)
        rates = all(row.wrong.low is not None and row.wrong.low <= MOST for row in self.rows)
        return bound is not None and bound <= MOST and never and rates

    def table(self) -> list[tuple[str, ...]]:
        """Cells of the printed table, a row per kind: name, summary, n, verdicts, share wrong and its interval."""
        cells = []
        for row in self.rows:
            wrong = row.wrong
            interval = "" if wrong.low is None else f"{wrong.low:.1%} to {wrong.high:.1%}"
            counts = [str(row.verdicts[name]) for name in ("PROMOTE", "BLOCK", "INCONCLUSIVE", "INVALID")]
            value = "undefined" if wrong.value is None else f"{wrong.value:.1%}"
            cells.append((row.planted.name, row.planted.summary, str(wrong.n), *counts, value, interval))
        return cells

    def describe(self) -> list[str]:
        """What the table says, in words."""
        false, better = self.false_promotion, self.row("better")
        days = (
            "none" if false.value is None else f"{false.value:.1%} of {false.n}, at most {false.high:.1%} (95% bound)"
        )
        promoted = share(better.verdicts["PROMOTE"], better.wrong.n)
        blocked = sum(row.verdicts["BLOCK"] for row in self.rows if row.planted.name == "better")
        leaks = sum(row.verdicts["PROMOTE"] for row in self.rows if row.planted.name in NEVER)
        of = sum(row.wrong.n for row in self.rows if row.planted.name in NEVER)
        return [
            f"false promotion, chance where trading is free: {days}",
            f"leaky, cost-blind, unparsable, degenerate and copied candidates promoted: {leaks} of {of}",
            f"a true edge: promoted {promoted} of {better.wrong.n} times, blocked {blocked} times",
            f"policy {self.policy.name}, {self.worlds} simulated tapes of {self.swaps:,} swaps, seed {self.seed}: "
            + ("sound" if self.sound else "NOT SOUND"),
        ]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "policy": {"hash": policy_hash(self.policy), **self.policy.model_dump(mode="json")},
            "seed": self.seed,
            "worlds": self.worlds,
            "swaps": self.swaps,
            "rows": [
                {
                    "kind": row.planted.name,
                    "summary": row.planted.summary,
                    "verdicts": row.verdicts,
                    "wrong": row.wrong.to_json(),
                    "difference": row.difference.to_json(),
                    "decided_by": [list(item) for item in row.decided_by],
                }
                for row in self.rows
            ],
        }


def run_selftest(
    policy: Policy | None = None,
    *,
    evaluations: int = 500,
    seed: int = 0,
    engine: Engine | None = None,
    swaps: int = SWAPS,
    done: Callable[[int, int], None] = lambda finished, all_: None,
) -> SelfTest:
    """Judge planted candidates by a policy.

    Args:
        policy: whose error rates to measure; the self-test's own by default. Demands on length of tape
            and looks are adapted (see `for_the_world`).
        evaluations: at least so many of the candidate without edge.
        seed: of everything random.
        engine: where worlds are evaluated (see `rook_bench.engines`); two processes by default.
        swaps: rows of each simulated tape.
        done: called with the number of finished worlds and of all.
    """
    tried = for_the_world(policy or WORLD_POLICY)
    worlds = math.ceil(evaluations / PER_WORLD)
    job = Worlds(swaps, tried.model_dump(mode="json"))
    found: dict[int, list[Result]] = {}
    for index, results in (engine or Processes(2)).results(job, [seed + index for index in range(worlds)]):
        found[index] = results
        done(len(found), worlds)
    return SelfTest(tried, seed, worlds, swaps, [result for index in sorted(found) for result in found[index]])


@dataclass(frozen=True)
class Worlds:
    """A job (see `engines.Job`): pieces are seeds of worlds, and their results every evaluation on each.

    Attributes:
        swaps: rows of each tape.
        policy: what is tried.
    """

    swaps: int
    policy: dict[str, Any]

    def open(self) -> Callable[[int], list[Result]]:
        """Nothing is shared between worlds."""
        return self._world

    def _world(self, seed: int) -> list[Result]:
        """One world, from what was kept of an interrupted run if it is there."""
        key = sha256_json({"seed": seed, "swaps": self.swaps, "policy": self.policy, "code": sha256_code()})
        kept = cache_folder() / "selftest" / f"{key}.json"
        if kept.is_file():
            try:
                return json.loads(kept.read_text(encoding="utf-8"))
            except ValueError:
                kept.unlink(missing_ok=True)
        results = list(evaluate_world(World(seed, self.swaps), Policy.model_validate(self.policy)))
        with contextlib.suppress(OSError, InputError):  # a cache that can't be written costs time, not correctness
            write_json(kept, results)
        return results


def evaluate_world(world: World, policy: Policy, kinds: Sequence[Planted] = PLANTED) -> Iterator[Result]:
    """Judge every kind of candidate on one world, as often as its share says."""
    for number, kind in enumerate(kinds):
        for turn in range(max(1, round(PER_WORLD * kind.share))):
            attempt = kind.attempt(world, np.random.default_rng([world.seed, 2, number, turn]))
            verdict = judge(policy, attempt.candidate, attempt.champion, tries=attempt.tries)
            yield {
                "kind": kind.name,
                "verdict": verdict.verdict,
                "difference": _difference(verdict),
                "decided_by": _decided_by(verdict),
            }


def _difference(verdict: Verdict) -> float | None:
    for check in verdict.checks:
        if check.power is not None and check.estimate is not None:
            return check.estimate.value
    return None


def _decided_by(verdict: Verdict) -> list[str]:
    deciding = next(status for status, (name, _) in VERDICTS.items() if name == verdict.verdict)
    return [] if deciding == "pass" else [check.name for check in verdict.checks if check.status == deciding]


def _row(kind: Planted, results: Sequence[Result]) -> Row:
    verdicts = Counter(result["verdict"] for result in results)
    causes = Counter(name for result in results for name in result["decided_by"])
    wrong = sum(verdicts[name] for name in kind.wrong)
    return Row(
        planted=kind,
        verdicts={name: verdicts.get(name, 0) for name, _ in VERDICTS.values()},
        wrong=share(wrong, len(results)),
        difference=_mean([result["difference"] for result in results if result["difference"] is not None]),
        decided_by=tuple(causes.most_common(3)),
    )


def share(count: int, of: int) -> Estimate:
    """A share with its exact 95% interval (Clopper and Pearson 1934, Biometrika 26, 404-413)."""
    from scipy.stats import binomtest

    convention = "exact binomial interval, 95%"
    if of == 0:
        return Estimate.undefined("none was evaluated", n=0, unit="fraction", convention=convention)
    interval = binomtest(count, of).proportion_ci(0.95, method="exact")
    return Estimate(count / of, of, "fraction", convention, float(interval.low), float(interval.high))


def _mean(values: list[float]) -> Estimate:
    convention = "mean over evaluations, plus and minus two standard errors"
    if len(values) < 2:
        return Estimate.undefined(
            "fewer than two were measured", n=len(values), unit="bps per day", convention=convention
        )
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Estimate(mean, len(values), "bps per day", convention, mean - 2 * error, mean + 2 * error)
