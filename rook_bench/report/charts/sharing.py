"""What each way to train on several pools gained over training on a pool alone."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.core import Estimate
from rook_bench.report.charts.canvas import BUY_COLOUR, SELL_COLOUR, SOFT_INK, Picture, blank
from rook_bench.report.charts.forest import Line, forest, sureness

COLOURS = {"above": BUY_COLOUR, "below": SELL_COLOUR, "unsure": SOFT_INK, "same": SOFT_INK}


def draw_sharing(rows: Sequence[tuple[str, Estimate]], unit: str) -> Picture:
    """Dots with intervals.

    Args:
        rows: pool and way in words, and what it gained over the adapter of the pool alone.
        unit: of that, in words.
    """
    lines = [Line(name, one, _text(one), COLOURS[sureness(one)]) for name, one in rows]
    better, worse = (sum(sureness(one) == where for _, one in rows) for where in ("above", "below"))
    title = f"Against an adapter of the pool alone, each on its own: {better} of {len(rows)} better, {worse} worse"
    note = (
        f"Difference on the pool's own test rows, {unit}, with its 95% interval; a hollow dot has none. All are cut at "
        f"one date and draw as many rows of each pool, in as many epochs: of {len(rows)} some differ by luck, and "
        "another seed trains another adapter."
    )
    figure = blank(title, note)
    axes = figure.add_subplot()
    forest(axes, lines, size=9.0)
    axes.set_xlabel(f"gained over the adapter of the pool alone, {unit}")
    return Picture("sharing", "What sharing is worth", title, note, figure)


def _text(one: Estimate) -> str:
    return "undefined" if one.value is None else f"{one.value:+.3g}"
