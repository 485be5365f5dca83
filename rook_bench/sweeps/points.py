"""Which points are computed: all of a grid, or those that a sampler draws, a batch after the other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rook_bench.core import ConfigError, InputError
from rook_bench.sweeps.axes import MOST_VALUES, Axis
from rook_bench.sweeps.scores import LOWER, By

BATCH = 16
"""Points that a sampler draws before it is told what they gave; the same on every engine."""

Values = dict[str, Any]


class Points(Protocol):
    """Gives the points of a sweep.

    Attributes:
        total: how many there will be.
    """

    total: int

    def batches(self) -> Iterator[list[Values]]:
        """Points to compute; `tell` is called with what they gave before the next ones are asked for."""
        ...

    def refuse_twins(self, batch: Sequence[Values], identities: Sequence[str]) -> None:
        """ConfigError where two points of a batch are one and the same configuration."""
        ...

    def tell(self, values: Sequence[float]) -> None:
        """What the points of the last batch gave; NaN where that is undefined."""
        ...


@dataclass
class Grid:
    """Every combination of the axes' values, the last axis fastest."""

    axes: Sequence[Axis]

    def __post_init__(self) -> None:
        self.total = math.prod(len(axis) for axis in self.axes)
        if self.total > MOST_VALUES:
            hint = "take fewer values, or let a sampler draw (--points N)"
            raise ConfigError(f"{self.total:,} points; {MOST_VALUES:,} are the most", where="vary", hint=hint)

    def batches(self) -> Iterator[list[Values]]:
        """All of them at once."""
        paths = [axis.path for axis in self.axes]
        yield [
            dict(zip(paths, values, strict=True)) for values in itertools.product(*(axis.values for axis in self.axes))
        ]

    def refuse_twins(self, batch: Sequence[Values], identities: Sequence[str]) -> None:
        """Two paths to one key, or two words for one value: what looks like many tries would be fewer."""
        different = len(set(identities))
        if different < len(identities):
            what = f"{len(identities):,} points are {different:,} different configurations"
            raise ConfigError(what, where="vary", hint="do two paths set the same key, or two values mean the same?")

    def tell(self, values: Sequence[float]) -> None:
        """A grid learns nothing."""


class Sampled:
    """Points that Optuna draws: a tree-structured Parzen estimator, which looks where it was good before.

    Args:
        axes: lists are drawn from, ranges between their bounds.
        total: how many points.
        by: what they are drawn for.
        seed: of the sampler; the same points on every engine.

    Raises:
        InputError: without Optuna.
    """

    def __init__(self, axes: Sequence[Axis], total: int, by: By, seed: int) -> None:
        self.axes, self.total = axes, total
        try:
            import optuna
        except ImportError:
            hint = "install it with: pip install 'rook-bench[optuna]'"
            raise InputError("to draw points needs the package optuna", where="--points", hint=hint) from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._failed = optuna.trial.TrialState.FAIL
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(BATCH, total))
        self.study = optuna.create_study(direction="minimize" if by in LOWER else "maximize", sampler=sampler)
        self._asked: list[Any] = []

    def batches(self) -> Iterator[list[Values]]:
        """A batch after the other."""
        left = self.total
        while left > 0:
            self._asked = [self.study.ask() for _ in range(min(BATCH, left))]
            left -= len(self._asked)
            yield [self._draw(trial) for trial in self._asked]

    def refuse_twins(self, batch: Sequence[Values], identities: Sequence[str]) -> None:
        """What is drawn is drawn from ranges, where two may meet by chance."""

    def tell(self, values: Sequence[float]) -> None:
        """A point without a value has failed, as Optuna calls it."""
        for trial, value in zip(self._asked, values, strict=True):
            if math.isfinite(value):
                self.study.tell(trial, value)
            else:
                self.study.tell(trial, state=self._failed)

    def _draw(self, trial: Any) -> Values:
        drawn: Values = {}
        for axis in self.axes:
            if axis.span is None:
                # Optuna takes plain values only: a reference may be a table of parameters.
                drawn[axis.path] = axis.values[trial.suggest_categorical(axis.path, list(range(len(axis.values))))]
            elif axis.span.whole:
                drawn[axis.path] = trial.suggest_int(axis.path, int(axis.span.low), int(axis.span.high))
            else:
                drawn[axis.path] = trial.suggest_float(axis.path, axis.span.low, axis.span.high)
        return drawn


def points_of(axes: Sequence[Axis], drawn: int | None, by: By, seed: int) -> Points:
    """The points of these axes: a grid, or as many as are to be drawn.

    Raises:
        ConfigError: for ranges without steps of which nobody says how many points to draw.
    """
    spans = [axis.path for axis in axes if axis.span is not None]
    if drawn is None and spans:
        hint = "add a step (LOW:HIGH:STEP), or say how many points to draw (--points N)"
        raise ConfigError("a range without steps has no end of values", where=f"vary {spans[0]}", hint=hint)
    if drawn is None:
        return Grid(axes)
    if not spans:
        what = "there is no range to draw from"
        hint = "leave --points out for all combinations, or give a range (PATH=LOW:HIGH)"
        raise ConfigError(what, where="points", hint=hint)
    if not 1 <= drawn <= MOST_VALUES:
        raise ConfigError(f"{drawn} points", where="points", hint=f"give 1 to {MOST_VALUES:,}")
    return Sampled(axes, drawn, by, seed)
