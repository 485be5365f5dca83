"""What a candidate has to show: the policy file of the gate."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from rook_bench.core import UnknownName
from rook_bench.core.config import Config, read_mapping
from rook_bench.core.estimate import with_unit
from rook_bench.core.shipped import find
from rook_bench.plugins import metric

MOST_MARGIN, LEAST_LEVEL = 50.0, 0.9
"""What a primary question may be at its laxest: half a per cent a day, and one false promotion in twenty."""


class Bounds(Config):
    """Bounds on one estimate, in the metric's own unit; at least one of `min` and `max`.

    Attributes:
        min, max: allowed values, both included.
        min_n: fewer observations than this leave the check inconclusive.
    """

    min: float | None = None
    max: float | None = None
    min_n: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _bounded(self) -> Bounds:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} lies above max {self.max:g}, which nothing can meet")
        return self

    def text(self, unit: str) -> str:
        """For example "at most 10.00%"."""
        low = "" if self.min is None else f"at least {with_unit(self.min, unit)}"
        high = "" if self.max is None else f"at most {with_unit(self.max, unit)}"
        return " and ".join(part for part in (low, high) if part)


class Primary(Config):
    """The question that decides: the paired difference of net log returns, candidate minus champion, on the clock.

    Attributes:
        test: "superiority": the interval of the difference must lie above `margin_bps_per_day`;
            "non-inferiority": above minus that margin. Wholly on the other side of it blocks;
            an interval that holds it is inconclusive.
        margin_bps_per_day: the margin, bps of equity per day, not negative.
        level: of the two-sided interval; 0.95 is a one-sided test at 2.5%.
        power: of the length of tape that an inconclusive answer names.
        min_buckets: fewer buckets than this are inconclusive whatever they show.
        market_taken_out: asks the same of the difference less what the market's own move gave it.
        stretches: asks the same on so many stretches of the tape, with gaps as long between them; 1 asks once.
        stretch_days: least length of each.
        replications: of the bootstrap behind the difference of Sharpe ratios, which stands beside it.
    """

    test: Literal["superiority", "non-inferiority"] = "superiority"
    margin_bps_per_day: float = Field(default=0.0, ge=0, le=MOST_MARGIN)
    level: float = Field(default=0.95, ge=LEAST_LEVEL, lt=1)
    power: float = Field(default=0.8, ge=0.5, lt=1)
    min_buckets: int = Field(default=60, ge=30)
    market_taken_out: bool = True
    stretches: int = Field(default=1, ge=1, le=4)
    stretch_days: float = Field(default=30.0, gt=0)
    replications: int = Field(default=2000, ge=200, le=100_000)

    @property
    def boundary(self) -> float:
        """The value, bps per day, that the interval must lie above."""
        return self.margin_bps_per_day if self.test == "superiority" else -self.margin_bps_per_day

    @property
    def alpha(self) -> float:
        """Error rate of the one-sided test."""
        return (1 - self.level) / 2


class Evidence(Config):
    """How much tape a verdict needs; less leaves it inconclusive.

    Attributes:
        min_days: length of the tape without its holes, and no more than the days (UTC) on which anybody swapped.
        max_gap_hours: longest time between two swaps; None does not ask.
        max_hole_share: share of the span that the tape is missing (see `market.holes`).
        max_block_time_error: by what share the tape may be longer or shorter than its blocks, at the chain's own
            pace (the preset's, else the pool's); None does not ask.
        min_fills: fills of the candidate.
        training_data: "known" leaves it inconclusive where the candidate does not say what it learned from; "any"
            only says so. Having learned from the judged swaps is invalid in any case.
        min_chained_share: share of consecutive swaps whose states chain.
        min_repriced_share: share of the swaps that can be priced again and come out exactly.
    """

    min_days: float = Field(default=30.0, ge=0)
    max_gap_hours: float | None = Field(default=None, gt=0)
    max_hole_share: float = Field(default=1.0, ge=0, le=1)
    max_block_time_error: float | None = Field(default=None, gt=0, lt=1)
    min_fills: int = Field(default=100, ge=0)
    training_data: Literal["known", "any"] = "any"
    min_chained_share: float = Field(default=0.0, ge=0, le=1)
    min_repriced_share: float = Field(default=0.0, ge=0, le=1)


class Degeneracy(Config):
    """What marks a candidate that doesn't look at the market. Holding most of the time is no such mark.

    Attributes:
        min_side_share: of the decisions to trade, the least share that buys, and that sells.
        min_side_fills: fills, at least, that buy, and that sell; fewer leave it inconclusive.
        max_side_share: largest share of one answer among all, HOLD included.
        min_action_entropy: least entropy of the answers, bits.
        max_parse_failure_rate: largest share of answers that can't be read.
        min_action_rate, max_action_rate: bounds on the share of decisions that wish to trade.
        min_coverage: least share of rows on which the source was asked and its answer could be read.
    """

    min_side_share: float = Field(default=0.02, ge=0, le=0.5)
    min_side_fills: int = Field(default=1, ge=0)
    max_side_share: float = Field(default=1.0, ge=0, le=1)
    min_action_entropy: float = Field(default=0.0, ge=0)
    max_parse_failure_rate: float = Field(default=0.02, ge=0, le=1)
    min_action_rate: float = Field(default=0.0, ge=0, le=1)
    max_action_rate: float = Field(default=1.0, ge=0, le=1)
    min_coverage: float = Field(default=0.0, ge=0, le=1)


class Calibration(Config):
    """Whether stated confidence means what it says.

    Attributes:
        max_error: largest expected calibration error against the label.
        asked_of: "models": of language models, whose confidence is a probability; "all": of rules too,
            whose confidence is a weight that somebody wrote down.
        required: a candidate without confidences, or a tape without labels, fails; else it is not asked.
        min_n: fewer decisions than this leave it inconclusive.
    """

    max_error: float = Field(ge=0, le=1)
    asked_of: Literal["models", "all"] = "models"
    required: bool = False
    min_n: int = Field(default=200, ge=1)


class Stress(Config):
    """The primary difference again under harder assumptions, for both sides. None leaves the check out.

    Attributes:
        cost_factor: fee and gas times this.
        latency_factor: the run's latency times this (a latency of none becomes one swap).
        max_decision_s: most seconds that one decision may take.
    """

    cost_factor: float | None = Field(default=None, gt=1, le=100)
    latency_factor: int | None = Field(default=None, gt=1, le=1000)
    max_decision_s: float | None = Field(default=None, gt=0)


class Selection(Config):
    """What choosing among many candidates costs. None leaves the check out.

    Attributes:
        best_of_tries: the candidate must beat the champion by more than the best of as many worthless tries would
            by luck (single-step max-t, see `stats.spectra`), at the primary question's error rate.
        min_deflated_sharpe: least probability that the candidate's Sharpe ratio over the champion is
            above the best that so many candidates would show by luck; without it that is shown beside the others.
        max_looks: more evaluations than this on this stretch of the pool leave the verdict inconclusive.
    """

    best_of_tries: bool = False
    min_deflated_sharpe: float | None = Field(default=None, ge=0, lt=1)
    max_looks: int | None = Field(default=None, ge=1)


class PlantedFall(Config):
    """Moves that the tape may not hold, planted, with the sources asked again (see `replay.falls`).

    Attributes:
        fall, rise: share by which the price falls, and by which it rises; the one that costs more counts.
        fall_hours, asked_hours: how long the move takes, and over how long sources are asked.
        per_year: how many are expected. Nothing on the tape can tell.
        places, plugin_places: where they are planted, for language models and for other sources.
    """

    fall: float = Field(default=0.2, gt=0, lt=1)
    rise: float = Field(default=0.25, gt=0, le=10)
    fall_hours: float = Field(default=2.0, gt=0, le=48)
    asked_hours: float = Field(default=4.0, gt=0, le=96)
    per_year: float = Field(default=12.0, ge=0, le=365)
    places: int = Field(default=8, ge=2, le=1000)
    plugin_places: int = Field(default=32, ge=2, le=1000)


class Live(Config):
    """What a live session of the candidate has to show (`rook-bench live`, `gate --live`).

    Attributes:
        min_days: from the first swap that was decided in time to the last.
        max_late_share: share of the swaps since it began on which nothing could be traded: after a gap, too late,
            or killed.
        max_drift: decisions, orders and marks that do not come out again when the candidate is asked anew.
        against: "chain": the session's events were fetched anew from a node for the verdict; "journal": its own
            events are believed.
    """

    min_days: float = Field(default=7.0, ge=0)
    max_late_share: float = Field(default=0.05, ge=0, le=1)
    max_drift: int = Field(default=0, ge=0)
    against: Literal["chain", "journal"] = "chain"


class Assumptions(Config):
    """What a verdict may rest on; anything else is not what was asked, and INVALID.

    Attributes:
        real_costs: orders pay at least the pool's own fee, and gas that is not far below what the tape's own
            swaps paid, or what is usual on the chain.
        real_latency: orders land a swap, a block or a block's time after what they answer, or later.
        live_latency: the same without the swap: a block's swaps become known together, so that no order lands
            between them.
        require: exact values of settings by their dotted names ("frictions.latency.swaps", "clock.bucket_s").
    """

    real_costs: bool = False
    real_latency: bool = False
    live_latency: bool = False
    require: dict[str, Any] = Field(default_factory=dict)

    @field_validator("require")
    @classmethod
    def _can_be_met(cls, asked: dict[str, Any]) -> dict[str, Any]:
        for name, value in asked.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name} can't be {value:g}: nothing equals it")
        return asked


class Policy(Config):
    """A gate policy.

    Attributes:
        name: what the verdict calls it.
        primary: the question that decides; without it the gate only checks bounds.
        assumptions, evidence, degeneracy, stress, selection: see there.
        calibration, planted_fall, live: see there; None leaves it out.
        thresholds: bounds on the candidate's estimates, by metric.
        versus_champion: bounds on candidate minus champion, by metric (of point estimates).
        checks: further checks by name (plugins of kind gate_check), or as tables with parameters.
    """

    name: str = "default"
    primary: Primary | None = None
    assumptions: Assumptions = Assumptions()
    evidence: Evidence = Evidence()
    degeneracy: Degeneracy = Degeneracy()
    calibration: Calibration | None = None
    stress: Stress = Stress()
    planted_fall: PlantedFall | None = None
    live: Live | None = None
    selection: Selection = Selection()
    thresholds: dict[str, Bounds] = Field(default_factory=dict)
    versus_champion: dict[str, Bounds] = Field(default_factory=dict)
    checks: tuple[str | dict[str, Any], ...] = ()

    @field_validator("name")
    @classmethod
    def _shown(cls, name: str) -> str:
        # It stands in headings, file names and XML, which control characters and line breaks would break.
        if not name.strip() or not name.isprintable():
            raise ValueError("a name is printed: it needs letters, and no control character or line break")
        return name

    @model_validator(mode="after")
    def _answerable(self) -> Policy:
        needs = [
            name
            for name, value in (
                ("selection.best_of_tries", self.selection.best_of_tries or None),
                ("planted_fall", self.planted_fall),
                ("stress.cost_factor", self.stress.cost_factor),
                ("stress.latency_factor", self.stress.latency_factor),
                ("selection.min_deflated_sharpe", self.selection.min_deflated_sharpe),
            )
            if value is not None
        ]
        if needs and self.primary is None:
            raise ValueError(f"{needs[0]} asks about the primary difference: add a [primary] section")
        return self


def load_policy(path: str | Path) -> Policy:
    """Read a policy (TOML, YAML or JSON), a file or one that goes by name (`rook-promotion`, `first-champion`).

    Raises:
        ConfigError, UnknownName: for what it can't mean.
    """
    path = find("policy", path)
    policy = Policy.parse(read_mapping(path), where=path)
    known = [plugin.name for plugin in metric]
    for section in (policy.thresholds, policy.versus_champion):
        for name in section:
            if name not in known:
                raise UnknownName("metric", name, known, where=path)
    return policy
