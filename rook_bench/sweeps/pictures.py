"""The surface of a sweep, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, UnknownName
from rook_bench.report.charts.canvas import Picture, style
from rook_bench.report.charts.surface import heat_map, line
from rook_bench.sweeps.axes import Axis
from rook_bench.sweeps.found import Found
from rook_bench.sweeps.scores import BY, LOWER, best_of
from rook_bench.sweeps.words import LABELS, PERCENT, figure, short_paths, value_in_words


def surface_of(sweep: Found, x: str | None = None, y: str | None = None, metric: str | None = None) -> Picture:
    """A heat map over two axes, or a line over one; see `Sweep.plot`."""
    name = metric or sweep.by
    if name not in LABELS:
        raise UnknownName("column", name, LABELS)
    axes = _axes(sweep, x, y)
    centre = sweep.best if sweep.best is not None else 0
    held = {axis.path: sweep.points[centre].get(axis.path) for axis in sweep.axes if axis not in axes}
    values, own = _slice(sweep, axes, held, name, centre)
    scale = 100.0 if name in PERCENT else 1.0
    label = LABELS[name] + (", %" if name in PERCENT else "")
    words = [(axis.path, [value_in_words(value) for value in axis.values]) for axis in axes]
    title = _finding(sweep, name, values, axes)
    rest = ", ".join(f"{path} {value_in_words(value)}" for path, value in held.items())
    note = (
        f"{len(sweep):,} points on {len(sweep.part.frame):,} swaps ({sweep.part.split}), each a whole replay. "
        + (f"All else as in the best point: {rest}. " if rest else "")
        + "What was chosen here flatters itself: judge it on other rows."
    )
    with style():
        if len(axes) == 1:
            return line(title, note, words[0], values * scale, None if sweep.best is None else own[0], label)
        return heat_map(
            title, note, words[1], words[0], values * scale, None if sweep.best is None else (own[0], own[1]), label,
            lambda value: figure(name, value / scale),
        )  # fmt: skip


def _axes(sweep: Found, x: str | None, y: str | None) -> list[Axis]:
    """The axes that are shown: y first, then x."""
    known = {axis.path: axis for axis in sweep.axes}
    for path in (x, y):
        if path is not None and path not in known:
            raise UnknownName("axis", path, known)
    if x is not None and x == y:
        raise InputError("both axes are the same", where=f"plot {x}", hint="name two")
    several = [axis for axis in sweep.axes if len(axis) > 1 and axis.path not in (x, y)]
    across = known[x] if x is not None else next(iter(several), None)
    several = [axis for axis in several if axis is not across]
    up = known[y] if y is not None else next(iter(several), None) if x is None else None
    shown = [axis for axis in (up, across) if axis is not None] or [sweep.axes[0]]
    drawn = [axis.path for axis in sweep.axes if axis.span is not None]
    if drawn:
        what = f"points were drawn from {drawn[0]}, so no two of them stand in one line"
        raise InputError(what, where="plot", hint="read sweep.table(), or sweep a grid")
    return shown


def _slice(
    sweep: Found, axes: list[Axis], held: dict[str, Any], name: str, centre: int
) -> tuple[NDArray[np.float64], list[int]]:
    """Values on the places of the axes, all else as in the best point; and its own place."""
    column = np.where(sweep.honest, getattr(sweep.measured, name), np.nan)
    place = [{repr(value): index for index, value in enumerate(axis.values)} for axis in axes]
    values = np.full([len(axis) for axis in axes], np.nan)
    for index, point in enumerate(sweep.points):
        if all(point.get(path) == value for path, value in held.items()):
            values[tuple(at[repr(point[axis.path])] for at, axis in zip(place, axes, strict=True))] = column[index]
    own = [at[repr(sweep.points[centre][axis.path])] for at, axis in zip(place, axes, strict=True)]
    return values, own


def _finding(sweep: Found, name: str, values: NDArray[np.float64], axes: list[Axis]) -> str:
    known = values[np.isfinite(values)]
    label = LABELS[name]
    if not len(known):
        return f"{label} is undefined at every point"
    by = next((one for one in BY if one == name), None)
    flat = values.ravel()
    best = int(np.nanargmax(flat)) if by is None else best_of(flat, by, np.ones(flat.size, dtype=bool))
    assert best is not None
    places = np.unravel_index(best, values.shape)
    names = short_paths([axis.path for axis in axes])
    where = " and ".join(
        f"{short} {value_in_words(axis.values[place])}" for short, axis, place in zip(names, axes, places, strict=True)
    )
    word = "lowest" if name in LOWER else "highest"
    return f"{label} is {word} at {where}: {figure(name, float(flat[best]))}"
