"""What is true of a row: the level of each step of a draft, and the side that the rules make of such levels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import ConfigError, suggest
from rook_bench.dataset.rules import MEAN_REVERSION_HISTORY, Features, Rules, apply_rules
from rook_bench.language.draft import Bound, Draft, Question, Step

UNKNOWN = -1
"""Level of a step whose feature is undefined."""

RULED_BY = ("volume", "volatility", "volume_ratio", "price_deviation", "momentum_10", "liquidity_impact", "impact_bps")
"""Features that the rules read."""


def true_levels(draft: Draft, rules: Rules, features: Features) -> NDArray[np.int64]:
    """The level of each step on each row, shape (rows, steps); UNKNOWN where a feature that counts is undefined."""
    return np.column_stack([_levels(step, rules, features) for step in draft.steps])


def side_of(
    draft: Draft, rules: Rules, levels: NDArray[np.integer], features: Features, at: pd.DatetimeIndex
) -> NDArray[np.int8]:
    """The side that the rules choose where verdicts stand in place of numbers, shape (rows,).

    Each feature that a step asks about takes a value of its level; the others, and the hour, are the row's own.
    """
    own = {name: np.array(features[name], dtype=np.float64) for name in RULED_BY}
    for number, step in enumerate(draft.steps):
        for question in step.questions:
            below, above = bounds_of(question, rules)
            typical = np.array([_typical(level - step.lowest, below, above) for level in range(len(step.words))])
            own[question.feature] = typical[levels[:, number]]
    # The rules keep silent on the first rows of a tape, which these need not be.
    early = np.zeros(MEAN_REVERSION_HISTORY, dtype=np.intp)
    rows = np.concatenate([early, np.arange(len(at))]) if len(at) else early[:0]
    table = Columns({name: values[rows] for name, values in own.items()}, len(rows))
    return apply_rules(rules, table, at[rows]).side[len(rows) - len(at) :]


@dataclass(frozen=True)
class Turned:
    """Per row the first verdict which, turned, makes the rules choose another side; shape (rows,) each.

    Attributes:
        chosen: the side that they choose as it is.
        step, level: which step, and the level it is turned to; UNKNOWN where no single one would do.
        side: what the rules then choose.
    """

    chosen: NDArray[np.int8]
    step: NDArray[np.int64]
    level: NDArray[np.int64]
    side: NDArray[np.int8]


def turned(draft: Draft, rules: Rules, levels: NDArray[np.integer], features: Features, at: pd.DatetimeIndex) -> Turned:
    """Which verdict decides, row by row."""
    before = side_of(draft, rules, levels, features, at)
    rows = len(before)
    out = Turned(before, np.full(rows, UNKNOWN), np.full(rows, UNKNOWN), before.copy())
    for number, step in enumerate(draft.steps):
        for level in range(len(step.words)):
            changed = levels.copy()
            changed[:, number] = level
            side = side_of(draft, rules, changed, features, at)
            new = (side != before) & (out.step == UNKNOWN)
            out.step[new], out.level[new], out.side[new] = number, level, side[new]
    return out


class Columns(dict[str, NDArray[np.float64]]):
    """Feature columns of some rows; the length is theirs."""

    def __init__(self, columns: Mapping[str, NDArray[np.float64]], rows: int) -> None:
        super().__init__(columns)
        self.rows = rows

    @classmethod
    def of(cls, features: Features, rows: NDArray[np.intp]) -> Columns:
        """What the rules read, of some of the rows."""
        return cls({name: np.asarray(features[name], dtype=np.float64)[rows] for name in RULED_BY}, len(rows))

    def __len__(self) -> int:
        return self.rows


def _levels(step: Step, rules: Rules, features: Features) -> NDArray[np.int64]:
    rows = len(features)
    down, up, unknown = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=bool)
    for question in step.questions:
        below, above = bounds_of(question, rules)
        values = np.asarray(features[question.feature], dtype=np.float64)
        if np.isfinite([*below, *above]).any():  # one that no rule asks need not be known
            unknown |= np.isnan(values)
        down = np.maximum(down, sum((values < bound for bound in below), np.zeros(rows, dtype=np.int64)))
        up = np.maximum(up, sum((values > bound for bound in above), np.zeros(rows, dtype=np.int64)))
    return np.where(unknown, UNKNOWN, step.lowest + up - down)


def _typical(level: int, below: list[float], above: list[float]) -> float:
    """A value above so many of the bounds as `level` says, or below as many where it is negative."""
    edges = sorted([*below, *above])
    place = min(max(len(below) + level, 0), len(edges))
    low = edges[place - 1] if place else -math.inf
    high = edges[place] if place < len(edges) else math.inf
    if math.isinf(low) and math.isinf(high):
        return 0.0
    if math.isinf(low) or math.isinf(high):
        edge = high if math.isinf(low) else low
        return edge + math.copysign(abs(edge) + 1.0, -1.0 if math.isinf(low) else 1.0)
    return (low + high) / 2


def bounds_of(question: Question, rules: Rules) -> tuple[list[float], list[float]]:
    """Bounds below and above as numbers; infinite where the rules do without."""
    below = [_number(bound, rules, missing=-math.inf) for bound in question.below]
    return below, [_number(bound, rules, missing=math.inf) for bound in question.above]


def _number(bound: Bound, rules: Rules, missing: float) -> float:
    if not isinstance(bound, str):
        return float(bound)
    key = bound.removeprefix("-")
    known = type(rules).model_fields
    if key not in known:
        raise ConfigError(f"the draft asks about '{key}', which is no key of the rules", hint=suggest(key, known))
    value = getattr(rules, key)
    if value is None:
        return missing
    return -float(value) if bound.startswith("-") else float(value)
