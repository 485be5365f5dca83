"""Whether the sources are the label as often as they say they are sure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from rook_bench.metrics.calibration import BINS, Reliability, calibration_error, stated, wilson
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
    varying = [entry for entry in entries if _varies(entry)]
    if not varying:
        return [nothing("reliability", HEADING, "No source states a confidence that varies.")]
    shown = varying[:MOST]
    title = _finding(shown[0])
    figure = blank(title, _note(entries, varying))
    grid = figure.subplots(2, len(shown), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 1))
    for (above, below), entry in zip(grid.T, shown, strict=True):
        bins = entry.analysis.reliability
        _diagram(above, entry, bins, NAME_CHARS[len(shown)])
        _strip(below, entry, bins, counts=len(shown) <= 2)
    most = max(row.count for entry in shown for row in entry.analysis.reliability)
    _scales(grid[0, 0], grid[1, 0], most)
    caption = "On the dashed line a source is the label as often as it says. " + " ".join(
        f"{entry.label}: {_in_words(entry)}." for entry in varying
    )
    return [Picture("reliability", HEADING, title, caption, figure)]


def _varies(entry: Entry) -> bool:
    pairs = stated(entry.run)
    return pairs is not None and len(np.unique(pairs[0])) > 1


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


def _scales(diagram: Axes, strip: Axes, most: int) -> None:
    """Scales and names of the leftmost panel, which the others share."""
    diagram.set_xlim(0, 1)
    diagram.set_ylim(0, 1)
    diagram.set_ylabel("share that is the label")
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


def _overall(entry: Entry) -> tuple[float, int, int, float]:
    """Mean confidence, decisions that are the label, decisions, calibration error."""
    pairs = stated(entry.run)
    assert pairs is not None
    return float(pairs[0].mean()), int(pairs[1].sum()), len(pairs[0]), calibration_error(*pairs)


def _in_words(entry: Entry) -> str:
    confidence, hits, count, error = _overall(entry)
    return (
        f"mean confidence {number(confidence)}, the label on {percent(hits / count, 1)} of n = {count:,}, "
        f"calibration error {percent(error, 1)} ({BINS} bins)"
    )


def _finding(entry: Entry) -> str:
    confidence, hits, count, error = _overall(entry)
    low, high = wilson(hits, count)
    judgement = "too sure" if confidence > high else "not sure enough" if confidence < low else "right on average"
    return (
        f"{entry.short} states a confidence of {number(confidence)} on average and is the label on "
        f"{percent(hits / count, 1)} of decisions: {judgement}, calibration error {percent(error, 1)}"
    )
