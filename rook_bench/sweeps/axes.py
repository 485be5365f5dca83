"""What is varied, and over which values: `risk.max_order_fraction=0.05,0.1`, `frictions.gas.gwei=1:10:1`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from rook_bench.core import ConfigError

MOST_VALUES = 100_000
"""Values of one axis, and points of one sweep, at most."""

LARGEST = 300
"""Digits of a number that is meant."""


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds, both included, that a sampler draws from.

    Attributes:
        low, high: the bounds.
        whole: whether only whole numbers are meant.
    """

    low: float
    high: float
    whole: bool


@dataclass(frozen=True)
class Axis:
    """One parameter and its values.

    Attributes:
        path: what is varied, as in a configuration file ("frictions.gas.gwei"), "source.PARAMETER" or "source".
        values: in order; empty where a sampler draws from `span`.
        span: bounds to draw from, None where there are values.
    """

    path: str
    values: tuple[Any, ...]
    span: Range | None = None

    def __len__(self) -> int:
        return len(self.values)


def axes_of(vary: Mapping[str, Any] | Iterable[str]) -> list[Axis]:
    """The axes in order.

    Args:
        vary: values by path, or texts "PATH=VALUES" as on the command line.

    Raises:
        ConfigError: for a text that names no path or no values, two axes of one path, or too many values.
    """
    axes = [_of(path, values) for path, values in vary.items()] if isinstance(vary, Mapping) else list(map(parse, vary))
    for index, axis in enumerate(axes):
        if any(axis.path == other.path for other in axes[:index]):
            raise ConfigError("it is varied twice", where=f"vary {axis.path}", hint="put its values on one axis")
    return axes


def parse(text: str) -> Axis:
    """An axis of a text: PATH=A,B,C or PATH=FIRST:LAST:STEP, with a JSON list PATH=["A,1", "B"], or PATH=LOW:HIGH."""
    path, equals, written = text.partition("=")
    path, written = path.strip(), written.strip()
    if not equals or not path or not written:
        hint = "write PATH=A,B,C or PATH=FIRST:LAST:STEP, such as frictions.gas.gwei=0.1,1,5"
        raise ConfigError("it names no parameter and its values", where=f"vary {text}", hint=hint)
    if written.startswith("["):
        try:
            return _of(path, json.loads(written))
        except ValueError as error:
            raise ConfigError(f"it is no JSON list ({error})", where=f"vary {path}") from None
    numbers = [_number(part) for part in written.split(":")]
    if len(numbers) > 3 and all(number is not None for number in numbers):
        raise ConfigError(f"'{written}' is no range", where=f"vary {path}", hint="write FIRST:LAST:STEP")
    if any(not part.strip() for part in written.split(",")):
        raise ConfigError("a value between its commas is empty", where=f"vary {path}", hint=f"write {path}=A,B,C")
    if len(numbers) in (2, 3) and all(number is not None for number in numbers):
        return _span(path, written, [number for number in numbers if number is not None])
    return _of(path, [value_of(part.strip()) for part in written.split(",")])


def value_of(text: str) -> Any:
    """A number where it is one, true or false, else the text."""
    if text in ("true", "false"):
        return text == "true"
    number = _number(text)
    if number is None:
        return text
    return int(number) if number == number.to_integral_value() and set(text) <= set("+-0123456789") else float(number)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < LARGEST else None


def _span(path: str, written: str, numbers: list[Decimal]) -> Axis:
    first, last, *rest = numbers
    whole = all(set(part.strip()) <= set("+-0123456789") for part in written.split(":"))
    if last < first:
        raise ConfigError(f"{last} is below {first}", where=f"vary {path}", hint="write the smaller one first")
    if not rest:
        return Axis(path, (), Range(float(first), float(last), whole))
    step = rest[0]
    if step <= 0:
        raise ConfigError(f"a step of {step}", where=f"vary {path}", hint="give one above zero")
    # In decimals: 0.4:0.9:0.05 ends with 0.9, and none of its values is 0.6000000000000001.
    if (last - first) / step > 10**15:
        raise ConfigError(f"more values than {MOST_VALUES:,}, which are the most", where=f"vary {path}")
    count = int((last - first) / step) + 1
    if count > MOST_VALUES:
        raise ConfigError(f"{count:,} values; {MOST_VALUES:,} are the most", where=f"vary {path}")
    return Axis(path, tuple(int(first + k * step) if whole else float(first + k * step) for k in range(count)))


def _of(path: str, values: Any) -> Axis:
    """An axis of values in memory, each once."""
    if isinstance(values, Range):
        return Axis(path, (), values)
    if isinstance(values, str):
        return parse(f"{path}={values}")
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        values = [values]
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    different = list({f"{type(value).__name__} {value!r}": value for value in plain}.values())
    if not different:
        raise ConfigError("it has no values", where=f"vary {path}", hint=f"write {path}=A,B,C")
    if len(different) > MOST_VALUES:
        raise ConfigError(f"{len(different):,} values; {MOST_VALUES:,} are the most", where=f"vary {path}")
    return Axis(path, tuple(different))
