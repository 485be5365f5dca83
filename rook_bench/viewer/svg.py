"""Panes as SVG, for whoever runs no script: the same lines, the same fills, links to their orders."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from markupsafe import Markup, escape

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1000.0, 78.0, 8.0, 24.0, 26.0
DASHES = {"-": "", "--": "6 4", ":": "2 3", "-.": "7 3 2 3"}


Axis = Callable[[float], float]


def svg(pane: Mapping[str, Any], span: Sequence[float], order: Callable[[int], str | None]) -> Markup:
    """A pane as `Pane.to_json` gives it, over a span of seconds since 1970; `order` is the address of a row's order."""
    height = float(pane["height"])
    known = [value for line in _near(pane["lines"]) for value in line["values"] if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = (high - low) * 0.04 or abs(high) * 0.01 or 1.0
    low, high = low - room, high + room
    first, last = span
    x = lambda at: LEFT + (WIDTH - LEFT - RIGHT) * (at - first) / ((last - first) or 1.0)  # noqa: E731
    y = lambda value: TOP + (height - TOP - BOTTOM) * (high - value) / (high - low)  # noqa: E731
    across = ticks(low, high, max(2, int(height / 60)))
    along = _along(pane, span)
    parts = [_grid(across, along, x, y, height)]
    for line in pane["lines"]:
        parts.append(_line(line, line.get("at", pane["at"]), x, y, straight=bool(pane.get("steps"))))
    for index, row, side in pane.get("marks", []):
        parts.append(_mark(x(pane["at"][index]), y(pane["lines"][0]["values"][index]), side, order(row), row))
    names = ", ".join(line["name"] for line in pane["lines"])
    clip = f"clip-{height:.0f}-{len(pane['at'])}"
    body = Markup("").join(parts)
    return Markup(
        '<svg class="pane" viewBox="0 0 {} {}" role="img" aria-label="{}: {}"><title>{}: {}</title>'
        '<clipPath id="{}"><rect x="{}" y="0" width="{}" height="{}"/></clipPath>'
        '<text class="axis" x="{}" y="14">{}{}</text><g clip-path="url(#{})">{}</g>{}</svg>'
    ).format(
        int(WIDTH), int(height), pane["label"], names, pane["label"], names, clip, LEFT, WIDTH - LEFT - RIGHT + 4,
        height, LEFT, pane["label"], _legend(pane["lines"]), clip, body,
        _numbers(across, along, str(pane["unit"]), x, y, height),
    )  # fmt: skip


def _legend(lines: Sequence[Mapping[str, Any]]) -> Markup:
    """The names of lines in their colours, where there are several."""
    if len(lines) < 2:
        return Markup("")
    one = Markup('<tspan dx="14" fill="{}">{} {}</tspan>')
    dash = {"-": "\u2501", "--": "\u2505"}
    said = [
        one.format(line["colour"] or "currentColor", dash.get(line["dash"], "\u2509"), line["name"]) for line in lines
    ]
    return Markup("").join(said)


def _near(lines: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [line for line in lines if not line["apart"]] or list(lines)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers within two others, about so many at most."""
    rough = (high - low) / max(1, most)
    size = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [place * step for place in range(first, last + 1)][: 2 * most + 2]


def moments(first: float, last: float, most: int = 6) -> tuple[list[float], str]:
    """Round times within two others, and how they are written."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
    days = (2, 5, 10, 20, 50, 100, 200, 500)
    step = next((each for each in (*steps, *(86_400 * day for day in days)) if (last - first) <= each * most), 10**8)
    pattern = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86_400 else "%d %b %y"
    return [at * float(step) for at in range(math.ceil(first / step), math.floor(last / step) + 1)][:20], pattern


def _grid(values: Sequence[float], along: Sequence[tuple[float, str]], x: Axis, y: Axis, height: float) -> Markup:
    line = Markup('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    across = [line.format(LEFT, WIDTH - RIGHT, y(value), y(value)) for value in values]
    return Markup("").join([*across, *(line.format(x(at), x(at), TOP, height - BOTTOM) for at, _ in along)])


def _numbers(
    values: Sequence[float], along: Sequence[tuple[float, str]], unit: str, x: Axis, y: Axis, height: float
) -> Markup:
    side, under = (
        Markup('<text class="tick ') + kind + Markup('" x="{:.1f}" y="{:.1f}">{}</text>') for kind in ("end", "middle")
    )
    said = [f"{value:,.6g}{unit}" if abs(value) < 1e4 else f"{value:,.0f}{unit}" for value in values]
    beside = [side.format(LEFT - 6, y(value) + 4, text) for value, text in zip(values, said, strict=True)]
    return Markup("").join([*beside, *(under.format(x(at), height - 6, text) for at, text in along)])


def _along(pane: Mapping[str, Any], span: Sequence[float]) -> list[tuple[float, str]]:
    """Round places along the bottom, with what is written there: times, or steps of training."""
    if pane.get("steps"):
        return [(at, f"{at:,.0f}") for at in ticks(span[0], span[1], 6)]
    found, pattern = moments(span[0], span[1])
    return [(at, datetime.fromtimestamp(at, UTC).strftime(pattern)) for at in found]


def _line(line: Mapping[str, Any], at: Sequence[float], x: Axis, y: Axis, *, straight: bool) -> Markup:
    """Steps, for a value holds until the next swap; broken where one is missing."""
    step = "L{0:.1f} {1:.1f}" if straight else "H{0:.1f}V{1:.1f}"
    paths = []
    for missing, group in groupby(zip(at, line["values"], strict=True), key=lambda each: each[1] is None):
        if missing:
            continue
        points = [(x(when), min(max(y(value), -9e3), 9e3)) for when, value in group]
        steps = [f"M{points[0][0]:.1f} {points[0][1]:.1f}", *(step.format(*point) for point in points[1:])]
        paths.append("".join(steps))
    return Markup('<path class="{}" d="{}" stroke="{}" stroke-width="{}" stroke-dasharray="{}"/>').format(
        "line" if line["colour"] else "line soft", " ".join(paths), line["colour"] or "currentColor",
        line["width"], DASHES[line["dash"]],
    )  # fmt: skip


def _mark(x: float, y: float, side: int, address: str | None, row: int) -> Markup:
    shape = f"M{x:.1f} {y + 3:.1f}l5 9h-10z" if side > 0 else f"M{x:.1f} {y - 3:.1f}l5 -9h-10z"
    name = f"{'BUY' if side > 0 else 'SELL'} of row {row:,}"
    mark = Markup('<path class="{}" d="{}"><title>{}</title></path>').format("buy" if side > 0 else "sell", shape, name)
    if address is None:
        return mark
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(address, escape(name), mark)
