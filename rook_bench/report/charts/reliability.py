"""Whether the sources are right as often as they say they are sure: the label, or the action that paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter
from numpy.typing import NDArray

from rook_bench.metrics.calibration import (
    BINS,
    Reliability,
    binned,
    calibration_error,
    stated,
    stated_profitable,
    wilson,
)
from rook_bench.report.charts.canvas import INK, SOFT_INK, Picture, blank, nothing
from rook_bench.report.entries import SHORT, Entry
from rook_bench.report.formatting import number, percent, shorten

HEADING = "Confidence against labels"
MOST = 4
"""Panels that fit one picture."""

NAME_CHARS = {1: SHORT, 2: SHORT, 3: SHORT, 4: 24}
"""Characters of a name that fit above a panel, by the number of panels."""


def reliability(entries: Sequence[Entry]) -> list[Picture]:
    """A reliability diagram per source, its decisions by bin in a strip below."""
    if all("label_side" not in entry.run.frame.labels for entry in entries):
        return [nothing("reliability", HEADING, "The tape carries no labels to hold a confidence against.")]
    label = _Truth("reliability", HEADING, "the label", "pictures", lambda entry: stated(entry.run))
    return [_picture(entries, label)]


def reliability_profitable(entries: Sequence[Entry]) -> list[Picture]:
    """The same against the action that paid its costs over the next minutes."""
    heading, right = "Confidence against what paid", "the action that paid"
    of = lambda entry: stated_profitable(entry.run, entry.analysis.action_values)  # noqa: E731
    return [_picture(entries, _Truth("reliability-profitable", heading, right, "confidence", of))]


Pairs = tuple[NDArray[np.float64], NDArray[np.bool_]]


@dataclass(frozen=True)
class _Truth:
    """What a decision is held against: `right` completes "a source is ... as often as it says"."""

    name: str
    heading: str
    right: str
    section: str
    of: Callable[[Entry], Pairs | None]

    def varies(self, entry: Entry) -> bool:
        pairs = self.of(entry)
        return pairs is not None and len(np.unique(pairs[0])) > 1

    def bins(self, entry: Entry) -> list[Reliability]:
        pairs = self.of(entry)
        return [] if pairs is None else binned(*pairs, 10)

    def overall(self, entry: Entry) -> tuple[float, int, int, float]:
        """Mean confidence, decisions that are right, decisions, calibration error."""
        pairs = self.of(entry)
        assert pairs is not None
        return float(pairs[0].mean()), int(pairs[1].sum()), len(pairs[0]), calibration_error(*pairs)


def _picture(entries: Sequence[Entry], truth: _Truth) -> Picture:
    varying = [entry for entry in entries if truth.varies(entry)]
    if not varying:
        return nothing(truth.name, truth.heading, "No source states a confidence that varies.", truth.section)
    shown = varying[:MOST]
    title = _finding(shown[0], truth)
    figure = blank(title, _note(entries, varying))
    grid = figure.subplots(2, len(shown), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1))
    for (above, below), entry in zip(grid.T, shown, strict=True):
        bins = truth.bins(entry)
        _diagram(above, entry, bins, NAME_CHARS[len(shown)])
        _strip(below, entry, bins, counts=len(shown) <= 2)
    most = max(row.count for entry in shown for row in truth.bins(entry))
    _scales(grid[0, 0], grid[1, 0], most, truth)
    caption = f"On the dashed line a source is {truth.right} as often as it says. " + " ".join(
        f"{entry.label}: {_in_words(entry, truth)}." for entry in varying
    )
    return Picture(truth.name, truth.heading, title, caption, figure, section=truth.section)


def _diagram(axes: Axes, entry: Entry, bins: Sequence[Reliability], name_chars: int) -> None:
    axes.plot((0, 1), (0, 1), color=SOFT_INK, linewidth=1.0, linestyle="--")
    confidence = [row.confidence for row in bins]
    correct = np.array([row.correct for row in bins])
    reach = [correct - [row.correct_low for row in bins], [row.correct_high for row in bins] - correct]
    axes.plot(confidence, correct, color=entry.colour, linewidth=1.2, alpha=0.4)
    axes.errorbar(
        confidence, correct, yerr=reach, color=entry.colour, fmt="o", markersize=5, elinewidth=1.4, capsize=3,
        clip_on=False, zorder=3,
    )  # fmt: skip
    axes.set_title(shorten(entry.short, name_chars), fontsize=9.5, color=entry.ink, loc="left")


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


def _note(entries: Sequence[Entry], varying: Sequence[Entry]) -> str:
    note = (
        "Every decision that states a confidence, HOLD included, in ten bins. Above the dashed line: not sure enough; "
        "below it: too sure. Whiskers: 95% Wilson interval, as if the decisions were independent. Lower row: decisions "
        "per bin, on a log scale."
    )
    silent = [entry.short for entry in entries if entry not in varying]
    if silent:
        note += f" No confidence, or always the same: {', '.join(silent)}."
    if len(varying) > MOST:
        note += f" No room for: {', '.join(entry.short for entry in varying[MOST:])}."
    return note


def _in_words(entry: Entry, truth: _Truth) -> str:
    confidence, hits, count, error = truth.overall(entry)
    return (
        f"mean confidence {number(confidence)}, {truth.right} on {percent(hits / count, 1)} of n = {count:,}, "
        f"calibration error {percent(error, 1)} ({BINS} bins)"
    )


def _finding(entry: Entry, truth: _Truth) -> str:
    confidence, hits, count, error = truth.overall(entry)
    low, high = wilson(hits, count)
    judgement = "too sure" if confidence > high else "not sure enough" if confidence < low else "right on average"
    return (
        f"{entry.short} states a confidence of {number(confidence)} on average and is {truth.right} on "
        f"{percent(hits / count, 1)} of decisions: {judgement}, calibration error {percent(error, 1)}"
    )
