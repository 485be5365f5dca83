"""What a sweep gave over one of its axes, or over two."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from rook_bench.report.charts.canvas import INK, SOFT_INK, Picture, blank

WRITTEN = 120
"""Cells up to which each has its value written in it."""

TICKS = 14
"""Values of an axis that are written beside it, at most."""

NAME = "surface"
_UNDEFINED = "#E4E7EB"


def line(
    title: str, note: str, axis: tuple[str, Sequence[str]], values: NDArray[np.float64], own: int | None, label: str
) -> Picture:
    """One value for each place of an axis; the full dot is the best point's.

    Args:
        title, note: the finding, and what is shown.
        axis: its name and the words for its places.
        values: shape (places,); NaN is undefined.
        own: place of the best point, None where it is not on this line.
        label: of the values.
    """
    figure = blank(title, note)
    axes = figure.add_subplot()
    places = np.arange(len(values))
    if np.nanmin(values, initial=0.0) < 0 < np.nanmax(values, initial=0.0):
        axes.axhline(0, color=INK, linewidth=0.9)
    many = len(values) > 60
    axes.plot(places, values, color="#0072B2", marker=None if many else "o", markerfacecolor="white", markersize=6)
    if own is not None and np.isfinite(values[own]):
        axes.plot([own], [values[own]], marker="o", color="#0072B2", markersize=9, linestyle="none")
    gaps = places[~np.isfinite(values)]
    if len(gaps):
        axes.plot(gaps, np.zeros(len(gaps)), marker="x", color=SOFT_INK, linestyle="none", label="undefined",
                  transform=axes.get_xaxis_transform(), clip_on=False)  # fmt: skip
    _ticks(axes.set_xticks, axis[1])
    axes.set_xlabel(axis[0])
    axes.set_ylabel(label)
    return Picture(NAME, f"{label} by {axis[0]}", title, _range_of(values, label), figure)


def heat_map(
    title: str,
    note: str,
    x: tuple[str, Sequence[str]],
    y: tuple[str, Sequence[str]],
    values: NDArray[np.float64],
    own: tuple[int, int] | None,
    label: str,
    written: Callable[[float], str],
) -> Picture:
    """One value for each pair of places; the frame is the best point's.

    Args:
        title, note: the finding, and what is shown.
        x, y: names of the axes and the words for their places.
        values: shape (places of y, places of x); NaN is undefined.
        own: place of the best point on y and x.
        label: of the values; written: how one is written.
    """
    figure = blank(title, note)
    axes = figure.add_subplot()
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low < 0 < high:
        most = max(-low, high)
        low, high = -most, most
    image = axes.imshow(
        values, cmap=_colours(low, high), vmin=low, vmax=high if high > low else low + 1, aspect="auto",
        origin="lower", interpolation="nearest",
    )  # fmt: skip
    if values.size <= WRITTEN:
        size = 11 if values.shape[1] <= 8 else 8
        for (row, column), value in np.ndenumerate(values):
            text = written(value) if math.isfinite(value) else "undefined"
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=INK)
    else:
        bar = figure.colorbar(image, ax=axes, label=label, pad=0.015, fraction=0.05)
        bar.outline.set_visible(False)
    if own is not None:
        row, column = own
        if values.size > WRITTEN:  # a cell may be thinner than a line
            axes.plot([column], [row], marker="o", markersize=13, color=INK, markerfacecolor="none", markeredgewidth=2,
                      clip_on=False)  # fmt: skip
        box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=2.2, clip_on=False)
        axes.add_patch(box)
    _ticks(axes.set_xticks, x[1])
    _ticks(axes.set_yticks, y[1])
    axes.set_xlabel(x[0])
    axes.set_ylabel(y[0])
    _bare(axes)
    return Picture(NAME, f"{label} by {x[0]} and {y[0]}", title, _range_of(values, label), figure)


def _colours(low: float, high: float) -> Colormap:
    orange, pale, green = "#E58A4A", "#FAF7F2", "#4DB592"
    names = [orange, pale, green] if low < 0 < high else [orange, pale] if high <= 0 else [pale, green]
    return LinearSegmentedColormap.from_list("surface", names).with_extremes(bad=_UNDEFINED)


def _ticks(put: Callable[..., object], words: Sequence[str]) -> None:
    """Words beside an axis, as many as there is room for, the first and the last among them."""
    count = min(len(words), TICKS)
    places = sorted({round(place) for place in np.linspace(0, len(words) - 1, count)})
    rotated = max((len(words[place]) for place in places), default=0) * len(places) > 110
    put(places, [_short(words[place]) for place in places], fontsize=9, rotation=20 if rotated else 0)


def _short(text: str) -> str:
    return text if len(text) <= 26 else f"{text[:25]}\N{HORIZONTAL ELLIPSIS}"


def _bare(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _range_of(values: NDArray[np.float64], label: str) -> str:
    known = values[np.isfinite(values)]
    gone = int((~np.isfinite(values)).sum())
    undefined = f" {gone:,} undefined." if gone else ""
    if not len(known):
        return f"{label} is undefined at every point."
    return f"{label} runs from {known.min():.4g} to {known.max():.4g}.{undefined}"
