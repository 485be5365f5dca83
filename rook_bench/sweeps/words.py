"""A sweep's figures as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rook_bench.report.formatting import count_of
from rook_bench.sweeps.found import Found
from rook_bench.sweeps.settings import Point, shown

LABELS = {
    "total_return": "Net return",
    "excess_return": "Net return over hold",
    "sharpe_ratio": "Sharpe ratio",
    "sharpe_ratio_excess": "Sharpe ratio over hold",
    "max_drawdown": "Largest drawdown",
    "orders": "Orders",
    "fills": "Fills",
    "reverts": "Reverts",
    "refusals": "Refused",
}
PERCENT = {"total_return", "excess_return", "max_drawdown"}
COUNTED = {"orders", "fills", "reverts", "refusals"}


def in_a_sentence(metric: str) -> str:
    """A column's label inside a sentence: "net return", and Sharpe with its capital."""
    label = LABELS[metric]
    return label if label.startswith("Sharpe") else label.lower()


def figure(metric: str, value: float | int | None) -> str:
    """A value of a column; "undefined" where there is none."""
    if value is None or not math.isfinite(value):
        return "undefined"
    if metric in COUNTED:
        return f"{int(value):,}"
    if metric in PERCENT:
        return f"{value:.2%}" if metric == "max_drawdown" else f"{value:+.2%}"
    return f"{value:+.2f}"


def point_in_words(point: Point) -> str:
    """For example "gwei 5, sizer fixed:0.1"; whole paths where two end alike."""
    return ", ".join(
        f"{name} {value_in_words(value)}" for name, value in zip(short_paths(list(point)), point.values(), strict=True)
    )


def short_paths(paths: Sequence[str]) -> list[str]:
    """The last parts of paths; whole ones where two end alike."""
    last = [path.rsplit(".", 1)[-1] for path in paths]
    return [name if last.count(name) == 1 else path for name, path in zip(last, paths, strict=True)]


def value_in_words(value: Any) -> str:
    """A value of an axis; a table of parameters as a reference."""
    if isinstance(value, dict):
        params = ",".join(f"{key}={shown(inner)}" for key, inner in value.items() if key != "name")
        return f"{value.get('name', '')}:{params}" if params else str(value.get("name", ""))
    return f"{value:.5g}" if isinstance(value, float) else shown(value)


def best_in_words(sweep: Found) -> str:
    """What was found, in one sentence."""
    if sweep.best is None:
        if not sweep.honest.any():
            return "no point can be the best: what decides, sizes or filters sees the future"
        why = "" if sweep.measured.fills.any() else ": nothing was bought or sold at any of them"
        return f"no point of {len(sweep):,} has a defined {in_a_sentence(sweep.by)}{why}"
    value = figure(sweep.by, float(getattr(sweep.measured, sweep.by)[sweep.best]))
    where = point_in_words(sweep.points[sweep.best])
    blocked = int((~sweep.honest).sum())
    left_out = f" ({blocked:,} that see the future left out)" if blocked else ""
    return f"best of {count_of(len(sweep), 'point')} by {in_a_sentence(sweep.by)}{left_out}: {value} at {where}"


def luck_in_words(sweep: Found) -> list[str]:
    """What being the best of so many is worth."""
    unchecked = None if sweep.evaluation is None else sweep.evaluation.run.lookahead
    lines = []
    if unchecked is not None and unchecked.status == "unchecked":
        lines.append(f"its decisions were not checked for look-ahead: {unchecked.detail}")
    if sweep.luck is None:
        return lines
    luck = sweep.luck
    if luck.deflated.value is None:
        lines.append(f"deflated Sharpe ratio over hold: undefined, {luck.deflated.undefined_because}")
    else:
        lines.append(
            f"deflated Sharpe ratio over hold {luck.deflated.value:.3f}: how likely it is above what the best of "
            f"{count_of(luck.tries, 'try', 'tries')} on these rows shows without skill (near copies counted once)"
        )
    if luck.overfitting.value is None:
        lines.append(f"probability of overfitting: undefined, {luck.overfitting.undefined_because}")
    else:
        lines.append(
            f"probability of overfitting {luck.overfitting.value:.2f}: how often the best of one half of these rows by "
            f"{in_a_sentence(sweep.by)} is below the middle in the other"
        )
    return lines


def forward_in_words(sweep: Found) -> str:
    """What choosing again and again would have given."""
    found = sweep.walk_forward
    if found is None:
        return ""
    value, low, high = found.per_day.value, found.per_day.low, found.per_day.high
    told = "undefined" if value is None else f"{value:+.1f} bps a day over hold"
    interval = f" ({low:+.1f} to {high:+.1f})" if low is not None and high is not None else ""
    return (
        f"walk-forward: {told}{interval}; {found.ahead} of {len(found.folds)} folds above hold, "
        f"{count_of(found.points, 'different point')} chosen"
    )


def purged_in_words(sweep: Found) -> str:
    """What choosing on the rest gave on the groups that were held out."""
    found = sweep.purged
    if found is None:
        return ""
    head = f"purged {found.groups},{found.held_out}: {found.splits} splits"
    if found.below_zero is None:
        return f"{head}, none with a defined {in_a_sentence(sweep.by)} on what was held out"
    values = sorted(value for value in found.outside.tolist() if math.isfinite(value))
    middle = float(np.median(values)) if values else None
    lost = f"not above zero in {found.below_zero:.0%}"
    return f"{head}; on what was held out {figure(sweep.by, middle)} in the middle, {lost}"
