"""ROOK's rules fitted to a pool: thresholds at which they trade a wanted share of the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.dataset.rules import BREAKOUT_HISTORY, MEAN_REVERSION_HISTORY, Rules

PREFIX = "fit:"
KINDS = ("mean-reversion", "breakout")

TYPICAL = 0.5
"""A rule looks at rows whose volume, or volatility, lies above this quantile."""

EXTREME = 0.995
"""What lies beyond this quantile of volatility or impact is left alone by the filters."""

NEVER = 10.0
"""A price deviation, or a momentum, that no pool shows: tenfold."""


@dataclass(frozen=True)
class RuleFit:
    """Which rules to fit, and how often they shall trade.

    Attributes:
        kinds: "mean-reversion", "breakout", or both; each gets an equal share of the trades.
        target_action_rate: share of the training rows on which they trade.
    """

    kinds: tuple[str, ...]
    target_action_rate: float = 0.1

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in KINDS:
                raise UnknownName("rule", kind, KINDS, where=PREFIX + ",".join(self.kinds))
        if len(set(self.kinds)) < len(self.kinds):
            raise ConfigError("a rule is named twice", where=PREFIX + ",".join(self.kinds))
        if not 0 < self.target_action_rate <= 0.5:
            raise ConfigError(
                f"{self.target_action_rate:g} is no share that rules can trade at",
                where="target-action-rate",
                hint="give more than 0 and at most 0.5",
            )

    @classmethod
    def parse(cls, reference: str, target_action_rate: float | None = None) -> RuleFit:
        """From "fit:mean-reversion,breakout"; "fit:" alone fits both."""
        kinds = tuple(kind.strip() for kind in reference.removeprefix(PREFIX).split(",") if kind.strip())
        return cls(kinds or KINDS, 0.1 if target_action_rate is None else target_action_rate)

    def fit(self, features: pd.DataFrame, rows: NDArray[np.intp], *, where: object = "rules") -> Rules:
        """Thresholds from the quantiles of these rows alone; what they look back on lies before them.

        The filters leave the most extreme half percent alone, a rule looks at rows of more than median volume
        (breakout: of more than median volatility too), and its threshold is where the wanted number of them lies
        beyond. Hours are not restricted.

        Args:
            features: of the whole tape (see `market.features.compute_features`).
            rows: the training rows.
            where: what an error names.

        Raises:
            InputError: where too few rows can trade at all.
        """
        seen = features.iloc[rows]
        column = {name: seen[name].to_numpy(dtype=np.float64) for name in _READ}
        if np.isnan(column["volume_ratio"]).all():
            raise InputError("the rules need each swap's volume, which this log does not carry", where=where)
        if np.isnan(column["impact_bps"]).all():
            raise InputError("no training row has liquidity", where=where, hint="use another part of the tape")
        volatility, ratio, impact = column["volatility"], column["volume_ratio"], column["impact_bps"]
        wildest, heaviest = _digits(np.nanquantile(volatility, EXTREME)), _digits(np.nanquantile(impact, EXTREME))
        busy, moving = _digits(np.nanquantile(ratio, TYPICAL)), _digits(np.nanquantile(volatility, TYPICAL))
        calm = (volatility <= wildest) & (impact <= heaviest)
        wanted = max(1, round(self.target_action_rate * len(rows) / len(self.kinds)))
        deviation = momentum = NEVER
        free = calm & (rows >= MEAN_REVERSION_HISTORY) & (ratio > busy)
        if "mean-reversion" in self.kinds:
            size = np.abs(column["price_deviation"])
            deviation = _threshold(size, free, wanted, "mean-reversion", where)
            calm = calm & ~(free & (size > deviation))
        free = calm & (rows >= BREAKOUT_HISTORY) & (ratio > busy) & (volatility > moving)
        if "breakout" in self.kinds:
            momentum = _threshold(np.abs(column["momentum_10"]), free, wanted, "breakout", where)
        return Rules(
            mr_price_deviation_threshold=deviation,
            mr_volume_multiplier=busy,
            breakout_volatility_threshold=moving,
            breakout_volume_threshold=busy,
            breakout_price_momentum=momentum,
            max_volatility_threshold=wildest,
            min_volatility_threshold=0.0,
            max_liquidity_impact=None,
            max_impact_bps=heaviest,
            active_hours_start=0,
            active_hours_end=23,
        )


_READ = ("volatility", "volume_ratio", "impact_bps", "price_deviation", "momentum_10")


def _threshold(size: NDArray[np.float64], free: NDArray[np.bool_], wanted: int, kind: str, where: object) -> float:
    """The value that `wanted` of the free rows lie beyond."""
    sizes = np.sort(size[free & ~np.isnan(size)])[::-1]
    moving = int((sizes > 0).sum())
    if moving <= wanted:
        raise InputError(
            f"{kind} could trade on {moving:,} of the {len(size):,} training rows, {wanted:,} are wanted",
            where=where,
            hint="ask for another --target-action-rate, or use a longer tape",
        )
    return _digits((sizes[wanted - 1] + sizes[wanted]) / 2)


def _digits(value: float) -> float:
    """The six digits that a file shows."""
    return float(f"{value:.6g}")


def rules_of(reference: str | Path | Rules | RuleFit, target_action_rate: float | None = None) -> Rules | RuleFit:
    """Rules from a file or a name, or what "fit:..." asks to be fitted.

    Raises:
        ConfigError: for a rate beside rules that are given.
    """
    if isinstance(reference, str) and reference.startswith(PREFIX):
        return RuleFit.parse(reference, target_action_rate)
    if target_action_rate is not None:
        raise ConfigError(
            "it is for rules that are fitted", where="target-action-rate", hint=f"give --rules {PREFIX}mean-reversion"
        )
    return reference if isinstance(reference, Rules | RuleFit) else Rules.from_file(reference)
