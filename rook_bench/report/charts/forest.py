"""Estimates on one line each: a dot, its interval, and the number beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes

from rook_bench.core import Estimate
from rook_bench.report.charts.canvas import INK, SOFT_INK


@dataclass(frozen=True)
class Line:
    """One line: its name, what was estimated (already in the axis' unit), the text beside it, and a colour."""

    name: str
    estimate: Estimate
    text: str
    colour: str


Sureness = Literal["above", "below", "unsure", "same"]
"""Where an estimate lies for sure: above or below zero, neither, or at exactly zero."""


def forest(axes: Axes, lines: Sequence[Line], *, size: float = 9.5) -> None:
    """Draw the lines from the top, text of `size` points; what has no interval has no whisker."""
    axes.axvline(0, color=INK, linewidth=1.0, zorder=2)
    reach = [0.0]
    for place, line in enumerate(lines):
        value, low, high = line.estimate.value, line.estimate.low, line.estimate.high
        if value is not None:
            reach += [bound for bound in (value, low, high) if bound is not None]
            if low is not None and high is not None:
                axes.plot([low, high], [place, place], color=line.colour, linewidth=2.4, alpha=0.55, zorder=3)
            face = line.colour if low is not None else "white"
            axes.scatter([value], [place], s=48, facecolor=face, edgecolor=line.colour, linewidth=1.5, zorder=4)
        axes.annotate(
            line.text, (1.0, place), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
            va="center", fontsize=size - 0.5, color=INK if value is not None else SOFT_INK, annotation_clip=False,
            linespacing=1.25,
        )  # fmt: skip
    axes.set_yticks(range(len(lines)), [line.name for line in lines], fontsize=size, color=INK)
    spare = max(0.0, 3 - len(lines)) / 2
    axes.set_ylim(len(lines) - 0.4 + spare, -0.6 - spare)
    span = max(reach) - min(reach) or 1.0
    axes.set_xlim(min(reach) - 0.06 * span, max(reach) + 0.06 * span)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def sureness(estimate: Estimate) -> Sureness:
    """Which of them; "unsure" where the interval holds zero or there is none."""
    if estimate.low is None or estimate.high is None:
        return "unsure"
    if estimate.low == estimate.high == 0:
        return "same"
    return "above" if estimate.low > 0 else "below" if estimate.high < 0 else "unsure"
