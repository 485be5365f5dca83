"""What all pictures share: size, style, title and footnote."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib.dates as mdates
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import offset_copy
from numpy.typing import NDArray
from PIL import Image

from rook_bench.market.frame import SwapFrame

DPI = 160
SIZE_IN = (10.0, 5.625)
"""1600 x 900 pixels: one slide."""

BUY_COLOUR, SELL_COLOUR, HOLD_SHARE_COLOUR, UNPARSED_COLOUR = "#009E73", "#D55E00", "#D0D4D8", "#1A1A1A"
SIDE_COLOURS = {"BUY": BUY_COLOUR, "HOLD": HOLD_SHARE_COLOUR, "SELL": SELL_COLOUR, "UNPARSED": UNPARSED_COLOUR}
INK, SOFT_INK, GRID = "#1F2328", "#59636E", "#E4E7EB"

_TITLE_POINTS, _NOTE_POINTS = 14.0, 8.0

_TITLE_CHARS, _NOTE_CHARS = 78, 156
_LEGEND_ROW = 0.047

_STYLE: dict[str, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a source's name is a dollar sign
    "axes.edgecolor": "#9AA3AD",
    "axes.labelcolor": SOFT_INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": SOFT_INK,
    "ytick.color": SOFT_INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
}


PICTURES = "pictures"
"""The part of the page for pictures that belong to no question."""


@contextmanager
def style() -> Iterator[None]:
    """The report's look, whatever the user's matplotlibrc says; nothing stays changed after the block."""
    with matplotlib.style.context(["default", _STYLE]):
        yield


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawn picture and the words that go with it.

    Attributes:
        name: file name without its ending.
        heading: what kind of picture it is ("Equity").
        title: the finding, as written in the picture.
        caption: one more sentence for the page.
        section: the part of the page that it belongs to.
        folded: whether it unfolds with others of its kind there.
    """

    name: str
    heading: str
    title: str
    caption: str
    figure: Figure
    section: str = PICTURES
    folded: bool = False

    @property
    def alt(self) -> str:
        """The picture in words, for those who can't see it."""
        return f"{self.heading}. {self.title}. {self.caption}".rstrip()

    def _repr_png_(self) -> bytes:
        with style():  # a notebook's own settings may make its background dark
            return self.to_png()

    def to_png(self) -> bytes:
        """The picture as a PNG of 1600 x 900 pixels; call it inside `style`."""
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            # A name in a script the font lacks is drawn as boxes; the page shows it in full.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            # Laid out and drawn once: savefig lays out again, and draws once more for it.
            canvas = FigureCanvasAgg(self.figure)
            engine = self.figure.get_layout_engine()
            if engine is not None and self.figure.axes:
                engine.execute(self.figure)
                self.figure.set_layout_engine("none")
            canvas.draw()
        # A palette takes a third of the bytes, and nobody can see it: white stays white, and of 256 levels the edge of
        # a letter differs by 16 at most.
        whole = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        few = whole.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(buffer, "png", dpi=(DPI, DPI))
        return buffer.getvalue()


@dataclass(frozen=True)
class NoPicture:
    """A picture that would show nothing: it is not drawn, and the page says why in `sentence`."""

    name: str
    heading: str
    sentence: str
    section: str = PICTURES


def blank(title: str, footnote: str = "", legend_rows: int = 0) -> Figure:
    """A figure with its title and footnote in place and the room between them left to the axes.

    Args:
        title, footnote: wrapped; of a title two lines are kept, of a footnote three.
        legend_rows: rows kept free for `legend_above`.
    """
    figure = Figure(figsize=SIZE_IN, dpi=DPI)
    title_lines = _title_lines(title)
    note_lines = _lines(footnote, _NOTE_CHARS, 3)
    figure.text(
        0.025, 0.968, "\n".join(title_lines), va="top", fontsize=_TITLE_POINTS, fontweight="bold", linespacing=1.25
    )
    figure.text(
        0.025, 0.02, "\n".join(note_lines), va="bottom", fontsize=_NOTE_POINTS, color=SOFT_INK, linespacing=1.35
    )
    top = _below_title(title) - _LEGEND_ROW * legend_rows
    bottom = 0.03 + 0.028 * len(note_lines)
    figure.set_layout_engine("constrained", rect=(0.015, bottom, 0.97, top - bottom), h_pad=0.06, w_pad=0.06)
    return figure


def legend_above(figure: Figure, title: str, handles: Sequence[Any], names: Sequence[str], columns: int) -> None:
    """A legend between the title and the axes, in the room that `blank` kept for it; to be read row by row."""
    # matplotlib fills one column after the other.
    order = [index for column in range(columns) for index in range(column, len(names), columns)]
    legend = figure.legend(
        [handles[index] for index in order], [names[index] for index in order], ncols=columns,
        loc="upper left", bbox_to_anchor=(0.013, _below_title(title) + 0.005),
        fontsize=9, handlelength=1.8, columnspacing=1.6, borderaxespad=0.3,
    )  # fmt: skip
    legend.set_in_layout(False)


def legend_grid(names: Sequence[str]) -> tuple[int, int]:
    """Rows and columns of a legend: one row where the names fit in it."""
    columns = len(names) if sum(len(name) + 7 for name in names) < 120 else 3
    return -(-len(names) // columns), columns


def _below_title(title: str) -> float:
    return 1.0 - 0.05 - 0.048 * len(_title_lines(title))


def _title_lines(title: str) -> list[str]:
    """At most two lines, of about the same length, so that no word stands alone."""
    lines = _lines(title, _TITLE_CHARS, 2)
    if len(textwrap.wrap(title, _TITLE_CHARS, break_on_hyphens=False)) != 2:
        return lines
    narrower = range(len(title) // 2, _TITLE_CHARS)
    return next(
        (
            even
            for even in (textwrap.wrap(title, width, break_on_hyphens=False) for width in narrower)
            if len(even) == 2
        ),
        lines,
    )


def _lines(text: str, width: int, most: int) -> list[str]:
    return textwrap.wrap(text, width, max_lines=most, placeholder=" \N{HORIZONTAL ELLIPSIS}", break_on_hyphens=False)


def time_axis(axes: Axes, at: NDArray[np.datetime64]) -> None:
    """Clock times in UTC, the date where it changes, over the whole tape."""
    locator = mdates.AutoDateLocator(minticks=4, maxticks=9)
    formatter = mdates.ConciseDateFormatter(locator, show_offset=False)
    formatter.formats = ["%Y", "%b %Y", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S"]
    formatter.zero_formats = ["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(formatter)
    first, last = at[0], at[-1]
    if first == last:
        last = first + np.timedelta64(1, "s")
    axes.set_xlim(mdates.date2num(first), mdates.date2num(last))


def broken(
    at: NDArray[np.datetime64], values: NDArray[np.float64], frame: SwapFrame
) -> tuple[NDArray[np.datetime64], NDArray[np.float64]]:
    """The line with a break in every stretch that the tape is missing."""
    if not len(frame.holes):
        return at, values
    before, after = frame.at[frame.holes - 1], frame.at[frame.holes]
    middle = before + (after - before) // 2
    places = np.searchsorted(at, middle)
    return np.insert(at, places, middle), np.insert(values, places, np.nan)


def round_step(span_s: float, most: int) -> float:
    """A round number of seconds that divides the span into at most about `most` stretches."""
    for step in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400):
        if span_s <= step * most:
            return float(step)
    return 86_400.0 * math.ceil(span_s / most / 86_400)


def days(at: NDArray[np.datetime64]) -> str:
    """The days a tape covers ("5 Feb 2025" or "5 Feb 2025 to 6 Feb 2025")."""
    names = [
        f"{date.day} {date:%b %Y}" for date in (moment.astype("datetime64[s]").item() for moment in (at[0], at[-1]))
    ]
    return names[0] if names[0] == names[1] else f"{names[0]} to {names[1]}"


def end_labels(axes: Axes, ends: Sequence[tuple[float, str, str]], gap: float = 0.062) -> None:
    """Write names right of the axes at the heights where lines end, pushed apart so that none overlap.

    A name that was pushed away keeps a thin line to its own line's end.

    Args:
        axes: with its y limits already set.
        ends: data height, text and colour of each.
        gap: least distance between two texts, as a share of the axes' height.
    """
    low, high = axes.get_ylim()
    wanted = sorted(((min(max((y - low) / (high - low), 0.0), 1.0), text, colour) for y, text, colour in ends))
    heights = spread([height for height, _, _ in wanted], gap)
    beside = offset_copy(axes.transAxes, axes.get_figure(root=True), x=LABEL_POINTS, units="points")
    for (end, text, colour), height in zip(wanted, heights, strict=True):
        pushed = abs(height - end) > NEAR
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.8, "relpos": (0.0, 0.5), "shrinkA": 0, "shrinkB": 0}
        axes.annotate(
            text, (1.0, end), xycoords="axes fraction", xytext=(1.0, height), textcoords=beside, va="center",
            fontsize=9, color=colour, annotation_clip=False, arrowprops=line if pushed else None,
        )  # fmt: skip


LABEL_POINTS = 16
"""From the axes to the names beside them: room for a line between the two."""

NEAR = 0.012
"""A name moved by less than this share of the axes' height still stands at its line."""


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights as near to the wanted ones (ascending) as a least gap between them allows, none above 1."""
    heights: list[float] = []
    for height in wanted:
        heights.append(max(height, heights[-1] + gap) if heights else height)
    over = 1.0
    for index in range(len(heights) - 1, -1, -1):
        heights[index] = min(heights[index], over)
        over = heights[index] - gap
    return heights


def limits(values: Sequence[NDArray[np.float64]], bounds: Sequence[NDArray[np.float64]] = ()) -> tuple[float, float]:
    """y limits around the values; those of unreachable bounds count only if they don't flatten the rest."""
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    for bound in bounds:
        wider = min(low, float(bound.min())), max(high, float(bound.max()))
        if wider[1] - wider[0] <= 2.5 * (high - low):
            low, high = wider
    margin = 0.06 * (high - low) or max(abs(high) * 0.1, 0.1)
    return low - margin, high + margin
