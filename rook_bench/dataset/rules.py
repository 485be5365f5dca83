"""ROOK's heuristic rules: mean reversion and breakout behind three filters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import InputError, Side, mapped
from rook_bench.core.config import Config, read_mapping
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.shipped import find

if TYPE_CHECKING:
    import pandas as pd

MEAN_REVERSION_HISTORY = 20
"""Swaps before which mean reversion stays silent."""

BREAKOUT_HISTORY = 10
"""Swaps before which the breakout rule stays silent."""

BREAKOUT_SLIPPAGE_BPS = 30.0
BREAKOUT_DEADLINE_S = 120.0


class Rules(Config):
    """The keys of ROOK's JSON rule configs; fractions unless the name says otherwise.

    `max_liquidity_impact` counts the base token per 1e18 units of liquidity, as ROOK published it, which is another
    size in every pool; null switches it off. `max_impact_bps`, a key of our own, means the same in all of them:
    the price move that the swap's volume stands for.
    """

    mr_price_deviation_threshold: float = Field(default=0.02, gt=0)
    mr_volume_multiplier: float = Field(default=2.0, ge=0)
    mr_position_size: float = Field(default=0.05, ge=0, le=1)
    breakout_volatility_threshold: float = Field(default=0.005, ge=0)
    breakout_volume_threshold: float = Field(default=1.5, ge=0)
    breakout_price_momentum: float = Field(default=0.01, gt=0)
    breakout_position_size: float = Field(default=0.08, ge=0, le=1)
    max_volatility_threshold: float = Field(default=0.05, ge=0)
    min_volatility_threshold: float = Field(default=0.001, ge=0)
    max_liquidity_impact: float | None = Field(default=0.01, ge=0)
    max_impact_bps: float | None = Field(default=None, ge=0)
    min_liquidity_depth: float = Field(default=1000.0, ge=0)
    max_position_size: float = Field(default=0.1, ge=0, le=1)
    min_position_size: float = Field(default=0.01, ge=0, le=1)
    max_slippage_bps: float = Field(default=50.0, ge=0, le=10_000)
    default_deadline_s: float = Field(default=300.0, ge=0)
    active_hours_start: int = Field(default=8, ge=0, le=23)
    active_hours_end: int = Field(default=20, ge=0, le=23)

    @classmethod
    def from_file(cls, path: str | Path) -> Rules:
        """Read a rule config (JSON, TOML or YAML), a file or one that goes by name (`data_driven`)."""
        found = find("rules", path)
        return cls.parse(read_mapping(found), where=found)


class Features(Protocol):
    """Feature columns by name: the table of `compute_features`, or a `MarketView`, which computes what is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, name: str, /) -> Any: ...


def apply_rules(rules: Rules, features: Features, at: pd.DatetimeIndex | NDArray[np.datetime64]) -> DecisionTape:
    """Decide every row by the rules; `reason` is the name of the rule that fired.

    Args:
        rules: thresholds and sizes.
        features: the feature columns of the rows.
        at: UTC times of the rows.

    The order is ROOK's: market hours, volatility, liquidity impact, mean reversion, breakout.
    ROOK's config also names min_liquidity_depth and the position size bounds, but its labeller
    never applied them; neither does this (sizing and limits belong to risk).

    Raises:
        InputError: where the log does not tell the volume, without which no rule can decide.
    """
    import pandas as pd

    names = {"volume", "volatility", "volume_ratio", "price_deviation", "momentum_10", *_limits(rules)}
    columns = {name: np.asarray(features[name], dtype=np.float64) for name in sorted(names)}
    if mapped.count(len(features), lambda rows: np.isnan(columns["volume"][rows])):
        raise InputError("the rules need each swap's volume, which this log does not carry", where="rules")
    return DecisionTape.by_part(
        len(features),
        lambda rows: _apply(
            rules, {name: column[rows] for name, column in columns.items()}, pd.DatetimeIndex(at[rows]), rows
        ),
    )


def _limits(rules: Rules) -> dict[str, float]:
    """Features that the liquidity filter looks at, with the most that it allows."""
    limits = {"liquidity_impact": rules.max_liquidity_impact, "impact_bps": rules.max_impact_bps}
    return {name: most for name, most in limits.items() if most is not None}


def _apply(rules: Rules, columns: Mapping[str, NDArray[np.float64]], at: pd.DatetimeIndex, rows: slice) -> DecisionTape:
    """Decide some rows; columns and times are theirs."""
    volatility, ratio = columns["volatility"], columns["volume_ratio"]
    deviation, momentum = columns["price_deviation"], columns["momentum_10"]
    row = np.arange(rows.start, rows.stop)

    closed = ~((at.hour >= rules.active_hours_start) & (at.hour <= rules.active_hours_end))
    wild = (volatility > rules.max_volatility_threshold) | (volatility < rules.min_volatility_threshold)
    heavy = np.zeros(len(row), dtype=bool)
    for name, most in _limits(rules).items():
        heavy |= ~(columns[name] <= most)
    reverting = (row >= MEAN_REVERSION_HISTORY) & (ratio > rules.mr_volume_multiplier)
    breaking = (
        (row >= BREAKOUT_HISTORY)
        & (volatility > rules.breakout_volatility_threshold)
        & (ratio > rules.breakout_volume_threshold)
    )
    # The first condition that holds decides; the order of this list is the order of the rules.
    fired = [
        ("MARKET_HOURS", closed),
        ("VOLATILITY_FILTER", wild),
        ("LIQUIDITY_FILTER", heavy),
        ("MEAN_REVERSION_BUY", reverting & (deviation < -rules.mr_price_deviation_threshold)),
        ("MEAN_REVERSION_SELL", reverting & (deviation > rules.mr_price_deviation_threshold)),
        ("BREAKOUT_BUY", breaking & (momentum > rules.breakout_price_momentum)),
        ("BREAKOUT_SELL", breaking & (momentum < -rules.breakout_price_momentum)),
    ]
    code = np.select([mask for _, mask in fired], np.arange(len(fired)), len(fired))
    names = np.array([*(name for name, _ in fired), "NO_SIGNAL"], dtype=object)
    sides = np.array([_side_of(name) for name in names], dtype=np.int8)
    mean_reversion, breakout = (
        np.array([name.startswith(rule) for name in names])[code] for rule in ("MEAN_REVERSION", "BREAKOUT")
    )
    with np.errstate(invalid="ignore"):
        reversion_confidence = np.minimum(0.8, np.abs(deviation) * 10 + ratio * 0.1)
        breakout_confidence = np.minimum(0.9, np.abs(momentum) * 20 + volatility * 10)
    return DecisionTape.from_sides(
        sides[code],
        size=np.select([mean_reversion, breakout], [rules.mr_position_size, rules.breakout_position_size], 0.0),
        slippage_bps=np.where(breakout, min(rules.max_slippage_bps, BREAKOUT_SLIPPAGE_BPS), rules.max_slippage_bps),
        deadline_s=np.where(breakout, BREAKOUT_DEADLINE_S, rules.default_deadline_s),
        confidence=np.select([mean_reversion, breakout], [reversion_confidence, breakout_confidence], 0.5),
        reason=names[code],
    )


def _side_of(rule: str) -> Side:
    """What a rule that fired asks for: its name ends with it."""
    word = rule.rpartition("_")[2]
    return Side[word] if word in ("BUY", "SELL") else Side.HOLD
