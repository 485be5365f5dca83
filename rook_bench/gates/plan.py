"""What a policy can resolve, before anything is judged: effects, and the tape they need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from scipy.special import nctdtrinc, ndtri, stdtrit

from rook_bench.core import ConfigError
from rook_bench.gates.checks.primary import bound_of, days_text
from rook_bench.gates.policy import Policy, Primary
from rook_bench.metrics import Analysis
from rook_bench.stats.power import detectable_effect, long_run_variance, periods_needed
from rook_bench.stats.sharpe import expected_maximum_sharpe
from rook_bench.stats.spectra import COSINES

DAYS = (1.0, 7.0, 30.0, 90.0, 180.0, 365.0)
EFFECTS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Lengths of tape, and true distances from the boundary in bps per day, that are always shown."""

MANY = 20
"""Candidates tried, for the column that says what choosing among them costs."""


@dataclass(frozen=True)
class Plan:
    """Which effect needs how much tape.

    Attributes:
        policy: what will be asked; primary: the question in it that decides.
        volatility_bps: standard deviation of the daily difference in the long run, bps.
        origin: where that comes from.
        resolvable: by days of tape, the smallest true distance from the boundary (bps per day) that is
            shown with the policy's power.
        needed: by such a distance, the days of tape, for one candidate and for the best of MANY.
    """

    policy: Policy
    primary: Primary
    volatility_bps: float
    origin: str
    resolvable: dict[float, float]
    needed: dict[float, tuple[float, float]]

    def describe(self) -> list[str]:
        """What is asked and assumed, for a person."""
        asked, evidence = self.primary, self.policy.evidence
        at_least = detectable_effect(
            self.volatility_bps**2, max(evidence.min_days, 1e-9), alpha=asked.alpha, power=asked.power
        )
        lines = [
            f"policy {self.policy.name}: {asked.test}, {bound_of(asked)}, {asked.level:.0%} interval, "
            f"{asked.power:.0%} power; at least {evidence.min_days:g} days and {evidence.min_fills} fills",
            f"the difference varies by {self.volatility_bps:,.0f} bps per day ({self.origin})",
        ]
        if evidence.min_days > 0:
            lines.append(
                f"on the {evidence.min_days:g} days it asks for, a candidate {at_least:,.0f} bps per day "
                f"above the boundary passes the primary question {asked.power:.0%} of the time, a nearer one less often"
            )
        lines.append("a candidate that trades more often, or larger, than what this was measured on varies more")
        return lines

    @property
    def tables(self) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
        """Title, column names and rows, for a person."""
        resolvable: list[tuple[str, ...]] = [
            (days_text(days), f"{effect:,.1f}") for days, effect in self.resolvable.items()
        ]
        needed: list[tuple[str, ...]] = [
            (f"{effect:g}", days_text(one), days_text(many)) for effect, (one, many) in self.needed.items()
        ]
        return [
            ("smallest effect that so much tape shows", ("tape", "bps per day"), resolvable),
            (
                "tape that an effect needs",
                ("bps per day", "one candidate", f"best of {MANY}"),
                needed,
            ),
        ]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "policy": self.policy.name,
            "volatility_bps_per_day": self.volatility_bps,
            "origin": self.origin,
            "boundary_bps_per_day": self.primary.boundary,
            "alpha": self.primary.alpha,
            "power": self.primary.power,
            "resolvable": [{"days": days, "bps_per_day": effect} for days, effect in self.resolvable.items()],
            "needed": [
                {"bps_per_day": effect, "days": one, f"days_best_of_{MANY}": many}
                for effect, (one, many) in self.needed.items()
            ],
        }


def make_plan(policy: Policy, volatility_bps: float, origin: str, days: tuple[float, ...] = ()) -> Plan:
    """Plan for a difference that varies by so many bps per day.

    Args:
        policy: what will be asked; it needs a primary question.
        volatility_bps: standard deviation of the daily difference, serial dependence included.
        origin: where that comes from, for the reader.
        days: further lengths of tape to plan for.

    Raises:
        ConfigError: without a primary question, or without any variation.
    """
    asked = policy.primary
    if asked is None:
        raise ConfigError(
            "the policy asks no primary question, so there is nothing to resolve",
            where=policy.name,
            hint="add a [primary] section",
        )
    if not (volatility_bps > 0 and math.isfinite(volatility_bps)):
        raise ConfigError(
            "a difference that does not vary, or without bound, can't be planned for",
            where="gate plan",
            hint="use another pilot",
        )
    variance = volatility_bps**2
    lengths = sorted({*DAYS, *(day for day in (*days, policy.evidence.min_days) if day > 0)})
    return Plan(
        policy,
        asked,
        volatility_bps,
        origin,
        {length: detectable_effect(variance, length, alpha=asked.alpha, power=asked.power) for length in lengths},
        {
            effect: (
                periods_needed(effect, variance, alpha=asked.alpha, power=asked.power),
                _days_of_many(policy, asked, effect, variance),
            )
            for effect in EFFECTS
        },
    )


def _days_of_many(policy: Policy, asked: Primary, effect: float, variance: float) -> float:
    """Days for the best of MANY: it has to clear what the best of so many shows by luck.

    That is the max-t of unrelated tries, which is that of one at a smaller error rate (Šidák), and where the policy
    asks for it the deflated Sharpe ratio's bar. The primary question has to be passed as well.
    """
    alone = math.sqrt(periods_needed(effect, variance, alpha=asked.alpha, power=asked.power) / variance) * effect
    critical = float(stdtrit(COSINES, (1 - asked.alpha) ** (1 / MANY)))
    apart = [alone, float(nctdtrinc(COSINES, 1 - asked.power, critical))]
    least = policy.selection.min_deflated_sharpe
    if least is not None:
        apart.append(expected_maximum_sharpe(MANY, 1.0) + float(ndtri(least)) + float(ndtri(asked.power)))
    return variance * (max(apart) / effect) ** 2


def daily_volatility(candidate: Analysis, champion: Analysis) -> float:
    """Long-run standard deviation of the daily difference of two runs on one tape, bps; ConfigError if too short."""
    difference = candidate.sampled.log_returns - champion.sampled.log_returns
    if len(difference) < 10:
        raise ConfigError("the tape has fewer than ten full buckets", where="--data", hint="use a longer tape")
    return math.sqrt(long_run_variance(difference) * 86_400 / candidate.clock.bucket_s) * 1e4
