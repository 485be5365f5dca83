"""What to say of rules that don't suit a pool, before anything is learnt from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rook_bench.core import SIDE_NAMES, mapped, texts
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.ranks import quantile
from rook_bench.dataset.fit_rules import PREFIX
from rook_bench.dataset.rules import Features, Rules
from rook_bench.dataset.splits import Splits

NEARLY_ALL = 0.9
"""A filter that takes more than this share of the rows is told of."""

HARDLY = 0.005
"""Rules that trade on a smaller share of the rows than this are told of."""


def rule_cautions(rules: Rules, features: Features, labels: DecisionTape, splits: Splits | None = None) -> list[str]:
    """Filters that take nearly all rows, rules that never fire, splits of one class: a line each.

    Each line gives the feature's quantiles and the threshold, so that a reader sees how far apart they are.

    Args:
        rules, features, labels: the thresholds, what they were held against, and what came of it.
        splits: of a tape that is prepared; None where the rules are asked as a source.
    """
    fired = labels.reason
    count = len(labels) - labels.counts()["HOLD"]
    trading = count / len(labels)
    lines = _filters(rules, features, fired)
    if splits is not None or count == 0:  # on a stretch of its own a rule may well have nothing to do
        lines += _rules(rules, features, fired)
    if 0 < trading < HARDLY:
        lines.append(f"the rules trade on {count:,} of {len(labels):,} rows ({trading:.2%})")
    suited = not lines
    for name, rows in splits.items() if splits is not None else ():
        found = {SIDE_NAMES[code] for code in np.unique(labels.side[rows])}
        if len(rows) and len(found) < len(SIDE_NAMES):
            missing = " or ".join(side for side in SIDE_NAMES if side not in found)
            lines.append(f"the {name} split has no {missing} among its {len(rows):,} rows")
    if not suited:
        lines.append(f"thresholds for this pool: --rules {PREFIX}mean-reversion,breakout --target-action-rate 0.1")
    return lines


def _filters(rules: Rules, features: Features, fired: texts.Column) -> list[str]:
    lines = []
    thresholds = {
        "VOLATILITY_FILTER": (
            "volatility",
            f"allowed is {rules.min_volatility_threshold:g} to {rules.max_volatility_threshold:g}",
        ),
        "LIQUIDITY_FILTER": (
            ("liquidity_impact", f"allowed is at most {rules.max_liquidity_impact:g}")
            if rules.max_liquidity_impact is not None
            else ("impact_bps", f"allowed is at most {rules.max_impact_bps or 0:g}")
        ),
        "MARKET_HOURS": ("", f"allowed are {rules.active_hours_start} to {rules.active_hours_end} UTC"),
    }
    for name, (feature, allowed) in thresholds.items():
        share = mapped.count(len(fired), lambda rows: fired[rows] == name) / len(fired)  # noqa: B023
        if share > NEARLY_ALL:
            seen = f"{feature} is {quantiles(features[feature])}, " if feature else ""
            lines.append(f"{name} takes {share:.1%} of the rows: {seen}{allowed}")
    return lines


def _rules(rules: Rules, features: Features, fired: texts.Column) -> list[str]:
    calm = f" and volatility above {rules.breakout_volatility_threshold:g} ({quantiles(features['volatility'])})"
    thresholds = {
        "MEAN_REVERSION": ("price_deviation", rules.mr_price_deviation_threshold, rules.mr_volume_multiplier, ""),
        "BREAKOUT": ("momentum_10", rules.breakout_price_momentum, rules.breakout_volume_threshold, calm),
    }
    lines = []
    for name, (feature, threshold, volume, further) in thresholds.items():
        if threshold >= 1 or any(rule.startswith(name) for rule in texts.different(fired)):
            continue  # 100% and more says that the rule is not wanted
        column = np.asarray(features[feature], dtype=np.float64)
        size = mapped.by_part(len(column), lambda rows: np.abs(column[rows]))  # noqa: B023
        lines.append(
            f"{name} never fires: |{feature}| is {quantiles(size)}, asked is more than "
            f"{threshold:g} at {volume:g} times the mean volume{further}"
        )
    return lines


def quantiles(values: Any) -> str:
    """For example "0.0004 in the middle and 0.0021 at most on 99% of the rows", of a column of numbers."""
    column = np.asarray(values, dtype=np.float64)
    defined = mapped.gathered(len(column), lambda rows: column[rows][np.isfinite(column[rows])])
    if not len(defined):
        return "undefined everywhere"
    middle, high = quantile(defined, 0.5), quantile(defined, 0.99)
    return f"{middle:.3g} in the middle and {high:.3g} at most on 99% of the rows"
