"""A number with its evidence, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """One reported number.

    Attributes:
        value: the point estimate; None exactly when it is undefined.
        low, high: interval bounds, None where no interval was computed.
        n: number of observations behind the value (buckets, fills, trades: see `convention`).
        unit: unit of value, low and high ("fraction", "bps", "quote", "count", "s", ...).
        convention: how it was computed, printed beside the number.
        method: how its interval was made; "" where there is none.
        undefined_because: why there is no value; None exactly when there is one.

    No code reads `convention` or `method`: both are for people.

    Undefined is never zero: a NaN is refused, `Estimate.undefined(...)` says why.
    """

    value: float | None
    n: int
    unit: str
    convention: str = ""
    low: float | None = None
    high: float | None = None
    undefined_because: str | None = None
    method: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != (self.undefined_because is not None):
            raise ValueError("an Estimate has either a value or a reason why it is undefined")
        for number in (self.value, self.low, self.high):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{number!r} is not finite; use Estimate.undefined and say why")
        if self.method and self.low is None and self.high is None:
            raise ValueError("an Estimate without an interval has no method by which one was made")

    def __str__(self) -> str:
        return f"undefined: {self.undefined_because}" if self.value is None else with_unit(self.value, self.unit)

    @classmethod
    def undefined(cls, because: str, *, n: int, unit: str, convention: str = "") -> Estimate:
        """An estimate that has no value, and why."""
        return cls(None, n, unit, convention, undefined_because=because)

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    @property
    def how(self) -> str:
        """Convention and method in one line, for a person."""
        return "; ".join(part for part in (self.convention, self.method) if part)

    def to_json(self) -> dict[str, Any]:
        """The shape stored in metrics.json."""
        order = ("value", "low", "high", "n", "unit", "convention", "undefined_because", "method")
        fields = asdict(self)
        return {name: fields[name] for name in order}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Estimate:
        """Read back what `to_json` wrote; records from before there was a method have none."""
        return cls(**record)


def with_unit(value: float, unit: str) -> str:
    """A value for a person: fractions as percent, everything else with its unit."""
    return f"{value:.2%}" if unit == "fraction" else f"{value:.4g} {unit}"
