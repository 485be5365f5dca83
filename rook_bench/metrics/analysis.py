"""Everything measured on one Run: the estimates of every metric, and the tables behind the charts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rook_bench.core import Estimate, mapped
from rook_bench.core.blame import place_of, told
from rook_bench.core.hashing import PACKAGE
from rook_bench.metrics.action_value import ActionValues, action_values
from rook_bench.metrics.attribution import Attribution, attribute
from rook_bench.metrics.calibration import Reliability, reliability
from rook_bench.metrics.clock import Clock, Sampled
from rook_bench.metrics.contributions import Contributions, contributions
from rook_bench.metrics.decisions import confusion
from rook_bench.metrics.execution import outcomes, rejections
from rook_bench.metrics.intervals import intervals
from rook_bench.metrics.markouts import Markout, markouts
from rook_bench.metrics.regimes import Regimes, regimes
from rook_bench.metrics.sensitivity import Surface, surface
from rook_bench.metrics.walk_forward import WalkForward, walk_forward
from rook_bench.plugins import Plugin, metric
from rook_bench.replay import Run


@dataclass(frozen=True, eq=False, repr=False)
class Analysis:
    """A Run with all that was measured on it.

    Attributes:
        run, clock: what was measured, and how returns were sampled.
        estimates: one Estimate per metric, by name.
        attribution: the P&L split into its parts.
        confusion: rows by label and decision, None where the tape has no labels.
        outcomes, rejections: orders by outcome; refused orders by filter.
        markouts: by side and horizon.
        reliability: by bin of stated confidence, empty where there is no label or no confidence.
    """

    run: Run
    clock: Clock
    estimates: dict[str, Estimate]
    attribution: Attribution
    confusion: dict[str, dict[str, int]] | None
    outcomes: dict[str, int]
    rejections: dict[str, int]
    markouts: list[Markout]
    reliability: list[Reliability]

    @property
    def name(self) -> str:
        """The run's short name."""
        return self.run.name

    @property
    def sampled(self) -> Sampled:
        """The run's equity on the clock."""
        return Sampled(self.run, self.clock)

    # What follows is dear. A report asks for it, each at most once; measuring a run does not.

    @cached_property
    def action_values(self) -> ActionValues:
        """What each action was worth at each row."""
        return action_values(self.run)

    @cached_property
    def intervals(self) -> dict[str, Estimate]:
        """The headline metrics with their intervals."""
        return intervals(self.sampled, self.estimates)

    @cached_property
    def surface(self) -> Surface:
        """The same decisions under other costs and latencies."""
        return surface(self.run)

    @cached_property
    def contributions(self) -> Contributions:
        """The P&L by component, each filter included."""
        return contributions(self.run)

    @cached_property
    def regimes(self) -> Regimes:
        """When the return over hold was earned."""
        return regimes(self.sampled)

    @cached_property
    def walk_forward(self) -> WalkForward:
        """The return over hold of consecutive stretches."""
        return walk_forward(self.sampled)

    def to_json(self) -> dict[str, Any]:
        """The shape stored in metrics.json: each metric's Estimate by name."""
        return {name: estimate.to_json() for name, estimate in self.estimates.items()}


def analyse(run: Run, clock: Clock | None = None) -> Analysis:
    """Measure a Run with every registered metric. One of a user's that fails is undefined, and says why."""
    clock = clock or Clock()
    sampled = Sampled(run, clock)
    estimates = {plugin.name: _measured(plugin, sampled) for plugin in metric}
    return Analysis(
        run=run,
        clock=clock,
        estimates=estimates,
        attribution=attribute(run),
        confusion=confusion(run),
        outcomes=outcomes(run),
        rejections=rejections(run),
        markouts=markouts(run),
        reliability=reliability(run),
    )


def _measured(plugin: Plugin, sampled: Sampled) -> Estimate:
    """What a metric says; an undefined Estimate where it is a user's and fails."""
    mapped.release()  # what the one before has read
    if plugin.file.is_relative_to(PACKAGE):
        estimate: Estimate = plugin.factory(sampled)
        return estimate
    unit = str(plugin.traits.get("unit", ""))
    try:
        answer = plugin.factory(sampled)
    except Exception as error:  # a metric of one's own may fail in any way, and costs its own number only
        return Estimate.undefined(told(error, plugin.factory, plugin.file), n=0, unit=unit)
    if isinstance(answer, Estimate):
        return answer
    what = f"it gave {type(answer).__name__} and no Estimate ({place_of(plugin.factory, plugin.file)})"
    return Estimate.undefined(what, n=0, unit=unit)
