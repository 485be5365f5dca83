"""Whether the sources are right as often as they say they are sure: the label, or the action that paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from rook_bench.metrics.calibration import BINS, Reliability, wilson
from rook_bench.report.charts.canvas import INK, PICTURES, SOFT_INK, NoPicture, Picture, blank
from rook_bench.report.entries import SHORT, Entry, names_within
from rook_bench.report.formatting import number, percent
from rook_bench.report.topics.confidence.stated import Held, Stated

MOST = 4
"""Panels that fit one picture."""

NAME_CHARS = {1: SHORT, 2: SHORT, 3: SHORT, 4: 24}
"""Characters of a name that fit above a panel, by the number of panels."""


@dataclass(frozen=True)
class _Truth:
    """What a decision is held against: `right` completes "a source is ... as often as it says"."""

    name: str
    heading: str
    right: str
    section: str


LABEL = _Truth("reliability", "Confidence against labels", "the label", PICTURES)
PAID = _Truth("reliability-profitable", "Confidence against what paid", "the action that paid", "confidence")


def against_label(found: Sequence[Stated]) -> Picture | NoPicture:
    """A reliability diagram per source, its decisions by bin in a strip below."""
    if all(source.label is None for source in found):
        why = "The tape carries no labels to hold a confidence against."
        return NoPicture(LABEL.name, LABEL.heading, why, LABEL.section)
    return _picture([(source.entry, source.label) for source in found if source.label is not None], LABEL)


def against_paid(found: Sequence[Stated]) -> Picture | NoPicture:
    """The same against the action that paid its costs over the next minutes."""
    return _picture([(source.entry, source.paid) for source in found], PAID)


Sources = Sequence[tuple[Entry, Held]]


def _picture(sources: Sources, truth: _Truth) -> Picture | NoPicture:
    varying = [(entry, held) for entry, held in sources if held.varies]
    if not varying:
        return NoPicture(truth.name, truth.heading, "No source states a confidence that varies.", truth.section)
    shown = varying[:MOST]
    title = _finding(*shown[0], truth)
    figure = blank(title, _note(sources, varying))
    grid = figure.subplots(2, len(shown), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1))
    names = names_within([entry for entry, _ in sources], NAME_CHARS[len(shown)])
    for (above, below), (entry, held) in zip(grid.T, shown, strict=True):
        _diagram(above, entry, held.bins, names[entry])
        _strip(below, entry, held.bins, counts=len(shown) <= 2)
    most = max(row.count for _, held in shown for row in held.bins)
    _scales(grid[0, 0], grid[1, 0], most, truth)
    caption = f"On the dashed line a source is {truth.right} as often as it says. " + " ".join(
        f"{entry.label}: {_in_words(held, truth)}." for entry, held in varying
    )
    return Picture(truth.name, truth.heading, title, caption, figure, truth.section)


def _diagram(axes: Axes, entry: Entry, bins: Sequence[Reliability], name: str) -> None:
    axes.plot((0, 1), (0, 1), color=SOFT_INK, linewidth=1.0, linestyle="--")
    confidence = [row.confidence for row in bins]
    correct = np.array([row.correct for row in bins])
    reach = [correct - [row.correct_low for row in bins], [row.correct_high for row in bins] - correct]
    axes.plot(confidence, correct, color=entry.colour, linewidth=1.2, alpha=0.4)
    axes.errorbar(
        confidence, correct, yerr=reach, color=entry.colour, fmt="o", markersize=5, elinewidth=1.4, capsize=3,
        clip_on=False, zorder=3,
    )  # fmt: skip
    axes.set_title(name, fontsize=9.5, color=entry.ink, loc="left")


def _strip(axes: Axes, entry: Entry, bins: Sequence[Reliability], *, counts: bool) -> None:
    bars = axes.bar(
        [row.low for row in bins], [row.count for row in bins], [row.high - row.low for row in bins], align="edge",
        color=entry.colour, edgecolor="white", linewidth=0.6,
    )  # fmt: skip
    if counts:
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=7.5, color=INK, padding=1)
    axes.set_xlabel("stated confidence")


def _scales(diagram: Axes, strip: Axes, most: int, truth: _Truth) -> None:
    """Scales and names of the leftmost panel, which the others share."""
    diagram.set_xlim(0, 1)
    diagram.set_ylim(0, 1)
    diagram.set_ylabel(f"share that is {truth.right}")
    # On a linear scale a bin of ten beside one of a thousand would not show.
    strip.set_yscale("log")
    strip.set_ylim(0.5, 6.0 * most)
    strip.yaxis.set_major_locator(LogLocator(numticks=4))
    strip.yaxis.set_minor_locator(NullLocator())
    strip.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    strip.set_ylabel("decisions")


def _note(sources: Sources, varying: Sources) -> str:
    note = (
        "Every decision that states a confidence, HOLD included, in ten bins. Above the dashed line: not sure enough; "
        "below it: too sure. Whiskers: 95% Wilson interval, as if the decisions were independent. Lower row: decisions "
        "per bin, on a log scale."
    )
    silent = [entry.short for entry, held in sources if not held.varies]
    if silent:
        note += f" No confidence, or always the same: {', '.join(silent)}."
    if len(varying) > MOST:
        note += f" No room for: {', '.join(entry.short for entry, _ in varying[MOST:])}."
    return note


def _in_words(held: Held, truth: _Truth) -> str:
    return (
        f"mean confidence {number(held.mean)}, {truth.right} on {percent(held.right, 1)} of n = "
        f"{len(held.correct):,}, calibration error {percent(held.error, 1)} ({BINS} bins)"
    )


def _finding(entry: Entry, held: Held, truth: _Truth) -> str:
    low, high = wilson(int(held.correct.sum()), len(held.correct))
    judgement = "too sure" if held.mean > high else "not sure enough" if held.mean < low else "right on average"
    return (
        f"{entry.short} states a confidence of {number(held.mean)} on average and is {truth.right} on "
        f"{percent(held.right, 1)} of decisions: {judgement}, calibration error {percent(held.error, 1)}"
    )
