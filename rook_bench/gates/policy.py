"""What a candidate has to show: the policy file of the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from rook_bench.core import UnknownName
from rook_bench.core.config import Config, read_mapping
from rook_bench.core.estimate import with_unit
from rook_bench.plugins import metric


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
        return self

    def text(self, unit: str) -> str:
        """For example "at most 10.00%"."""
        low = "" if self.min is None else f"at least {with_unit(self.min, unit)}"
        high = "" if self.max is None else f"at most {with_unit(self.max, unit)}"
        return " and ".join(part for part in (low, high) if part)


class Evidence(Config):
    """How much tape a verdict needs; less leaves it inconclusive."""

    min_days: float = Field(default=30.0, ge=0)
    min_fills: int = Field(default=100, ge=0)
    min_chained_share: float = Field(default=0.0, ge=0, le=1)


class Degeneracy(Config):
    """What marks a candidate that doesn't look at the market (shares of all decisions; entropy in bits)."""

    max_side_share: float = Field(default=0.99, ge=0, le=1)
    min_action_entropy: float = Field(default=0.05, ge=0)
    max_parse_failure_rate: float = Field(default=0.02, ge=0, le=1)


class Policy(Config):
    """A gate policy.

    Attributes:
        name: what the verdict calls it.
        evidence, degeneracy: see there.
        thresholds: bounds on the candidate's estimates, by metric.
        versus_champion: bounds on candidate minus champion, by metric.
        checks: further checks by name (plugins of kind gate_check), or as tables with parameters.
    """

    name: str = "default"
    evidence: Evidence = Evidence()
    degeneracy: Degeneracy = Degeneracy()
    thresholds: dict[str, Bounds] = Field(default_factory=dict)
    versus_champion: dict[str, Bounds] = Field(default_factory=dict)
    checks: tuple[str | dict[str, Any], ...] = ()


def load_policy(path: str | Path) -> Policy:
    """Read a policy (TOML, YAML or JSON); ConfigError or UnknownName for what it can't mean."""
    policy = Policy.parse(read_mapping(path), where=path)
    known = [plugin.name for plugin in metric]
    for section in (policy.thresholds, policy.versus_champion):
        for name in section:
            if name not in known:
                raise UnknownName("metric", name, known, where=path)
    return policy
