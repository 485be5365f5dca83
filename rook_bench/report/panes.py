"""What a live chart is drawn from: panes of lines on one clock, thinned so that a page can hold them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

Times = NDArray[np.datetime64]


def extremes(lines: Sequence[NDArray[np.float64]], most: int) -> NDArray[np.intp]:
    """Places at which all lines are drawn: of each of many stretches the lowest and the highest of every line.

    Args:
        lines: shape (n,) each.
        most: about how many places; where n is no more, all are.

    Returns:
        Ascending places, both ends among them.
    """
    count = len(lines[0])
    if count <= most:
        return np.arange(count)
    size = -(-count // max(1, most // (2 * len(lines))))
    whole = count - count % size
    found = [np.array([0, count - 1], dtype=np.intp)]
    for line in lines:
        for place in (np.argmin, np.argmax):
            found.append(place(line[:whole].reshape(-1, size), axis=1) + np.arange(0, whole, size))
            if whole < count:
                found.append(np.array([whole + place(line[whole:])]))
    return np.unique(np.concatenate(found))


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a pane.

    Attributes:
        name: of the line; colour: as CSS has it, "" for that of soft text; dash: as in Matplotlib.
        values: shape (n,).
        apart: whether it does not stretch the scale.
        area: whether what lies between it and zero is filled.
    """

    name: str
    colour: str
    values: NDArray[np.float64]
    dash: str = "-"
    width: float = 1.4
    apart: bool = False
    area: bool = False


@dataclass(frozen=True, eq=False)
class Pane:
    """Lines at the same times, over one axis.

    Attributes:
        label, unit, digits: of the axis, after its numbers, and of a value that is pointed at.
        height: pixels.
        at: UTC, ascending, shape (n,).
        marks: fills: the place in `at`, the row of the order, and 1 for a buy or -1 for a sell, shape (m, 3).
        of: whose fills those are.
    """

    label: str
    unit: str
    digits: int
    height: int
    at: Times
    lines: Sequence[Line]
    marks: NDArray[np.int64] | None = None
    of: str = ""

    def thinned(self, most: int) -> Pane:
        """With about so many times at most, and every one of its marks."""
        kept = extremes([line.values for line in self.lines], most)
        if self.marks is not None:
            kept = np.union1d(kept, self.marks[:, 0])
        lines = [replace(line, values=line.values[kept]) for line in self.lines]
        marks = self.marks
        if marks is not None:
            marks = np.column_stack([np.searchsorted(kept, marks[:, 0]), marks[:, 1:]])
        return replace(self, at=self.at[kept], lines=lines, marks=marks)

    def to_json(self, holes: Times) -> dict[str, Any]:
        """As the script reads it: seconds since 1970, and null in the middle of every hole."""
        places = np.searchsorted(self.at, holes)
        told: dict[str, Any] = {
            "label": self.label,
            "unit": self.unit,
            "digits": self.digits,
            "height": self.height,
            "at": _seconds(np.insert(self.at, places, holes)),
            "lines": [
                {
                    "name": line.name,
                    "colour": line.colour,
                    "dash": line.dash,
                    "width": line.width,
                    "apart": line.apart,
                    "area": line.area,
                    "values": _numbers(np.insert(line.values.astype(np.float64), places, np.nan)),
                }
                for line in self.lines
            ],
        }
        if self.marks is not None and len(self.marks):
            first = self.marks[:, 0] + np.searchsorted(places, self.marks[:, 0], side="right")
            told |= {"marks": np.column_stack([first, self.marks[:, 1:]]).tolist(), "of": self.of}
        return told


def middles(at: Times, holes: NDArray[np.intp]) -> Times:
    """A time in the middle of each hole; `holes` are the first rows after them."""
    before, after = at[holes - 1], at[holes]
    return before + (after - before) // 2


def seconds_of(moment: np.datetime64) -> float:
    """Seconds since 1970, to the millisecond."""
    return int(moment.astype("datetime64[ms]").astype(np.int64)) / 1000


def _seconds(at: Times) -> list[float]:
    whole: list[int] = at.astype("datetime64[ms]").astype(np.int64).tolist()
    return [each // 1000 if each % 1000 == 0 else each / 1000 for each in whole]


def _numbers(values: NDArray[np.float64], digits: int = 7) -> list[float | None]:
    return [float(f"{each:.{digits}g}") if np.isfinite(each) else None for each in values.tolist()]


def as_block(value: Any) -> Markup:
    """JSON that can stand in a page's data block: nothing in it ends the block."""
    return Markup(json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
