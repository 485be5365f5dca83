"""Where does the edge die? The same decisions under other fees, latencies, gas prices and limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from rook_bench.metrics.sensitivity import Point, Surface
from rook_bench.report.cells import plain
from rook_bench.report.charts.canvas import INK, SOFT_INK, Picture, blank
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, percent, points
from rook_bench.report.topics.topic import Table, Topic

NAME = "edge"


def edge(first: Entry) -> Topic:
    """The return over hold under other costs, and where it becomes zero."""
    frame = (NAME, "Costs", "Where does the edge die?")
    if len(first.run.orders) == 0:
        return Topic(*frame, f"{first.label} never wants to trade, so no cost changes what it earns.")
    found = first.analysis.surface
    notes = [
        "The same decisions replayed with other costs; sizes are the run's own, and limits that look at balances or "
        "costs act anew. A source that knew of other costs might decide differently. Impact can't be scaled, so a "
        "multiple of costs is one of fee and gas. n is the number of fills. A curve may cross zero more than once; "
        "the lowest is given."
    ]
    draw = (partial(_heat_map, first, found), partial(_sweeps, first, found))
    return Topic(*frame, f"{_finding(first.label, found)}.", _break_evens(found), _tables(found), notes, draw)


def _tables(found: Surface) -> list[Table]:
    at_zero = [
        ("Multiple of fee and gas", [plain(found.break_even.at, signed=False)]),
        ("Pool fee, all else as in the run", [plain(found.break_even_fee.at, signed=False)]),
    ]
    rows = [
        (
            f"{name}: {point.label}" + (" (the run's own)" if point.own else ""),
            [plain(point.net), plain(point.over_hold)],
        )
        for name, swept in found.sweeps.items()
        for point in swept
    ]
    return [
        Table("Break-even", ("Where the return over hold is zero", "Value"), at_zero),
        Table("One assumption changed at a time", ("Assumption", "Net return", "Net over hold"), rows),
    ]


def _heat_map(first: Entry, found: Surface) -> Picture:
    title = _finding(first.short, found)
    note = (
        f"{count_of(len(first.run.orders), 'order')} of {first.short}, replayed under each pair; net return over "
        "that of holding. Orange loses against hold, green wins. The frame is the run's own. Gas and all else "
        "as in the run."
    )
    figure = blank(title, note)
    axes = figure.add_subplot()
    values = np.array([[np.nan if p.over_hold.value is None else p.over_hold.value for p in row] for row in found.grid])
    most = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    axes.imshow(values, cmap=_colours(), vmin=-(most or 1.0), vmax=most or 1.0, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        text = "undefined" if np.isnan(value) else percent(value, signed=True)
        axes.text(column, row, text, ha="center", va="center", fontsize=12, color=INK)
        if found.grid[row][column].own:
            box = Rectangle((column - 0.485, row - 0.48), 0.97, 0.96, fill=False, edgecolor=INK, linewidth=2.2)
            axes.add_patch(box)
    axes.set_xticks(range(len(found.latencies)), found.latencies, fontsize=10)
    axes.set_yticks(range(len(found.fees)), [f"{fee / 1e4:g}%" for fee in found.fees], fontsize=10)
    axes.set_xlabel("latency")
    axes.set_ylabel("pool fee")
    _bare(axes)
    fills = [point.net.n for row in found.grid for point in row]
    caption = (
        f"Every cell is a whole replay of the same decisions, with {min(fills):,} to {count_of(max(fills), 'fill')}. "
        "Along a row latency grows, down a column the fee does."
    )
    return Picture(NAME, "Return over hold by fee and latency", title, caption, figure, NAME)


def _colours() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("edge", ["#E58A4A", "#FAF7F2", "#4DB592"])


def _bare(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _sweeps(first: Entry, found: Surface) -> Picture:
    title = _swing(first, found)
    note = (
        "One assumption changed at a time, all else as in the run; the full dot is the run's own. Gas in multiples "
        "of it. A tighter slippage limit makes more orders revert, a wider one lets searchers take more."
    )
    figure = blank(title, note)
    grid = figure.subplots(2, 2, sharey=True)
    for axes, (name, swept) in zip(grid.flat, found.sweeps.items(), strict=True):
        _panel(axes, first, name, swept)
    for axes in grid[:, 0]:
        axes.set_ylabel("net over hold, %")
    caption = " ".join(f"By {name}: {_range(swept)}." for name, swept in found.sweeps.items())
    return Picture("sweeps", "Return over hold, one cost at a time", title, caption, figure, NAME)


def _panel(axes: Axes, first: Entry, name: str, swept: Sequence[Point]) -> None:
    places = np.arange(len(swept))
    values = np.array([np.nan if p.over_hold.value is None else 100 * p.over_hold.value for p in swept])
    own = np.array([point.own for point in swept])
    axes.axhline(0, color=INK, linewidth=0.9)
    axes.plot(places, values, color=first.colour, linewidth=1.5, zorder=3)
    axes.scatter(places, values, s=34, facecolor="white", edgecolor=first.colour, linewidth=1.4, zorder=4)
    axes.scatter(places[own], values[own], s=46, color=first.colour, zorder=5)
    axes.set_xticks(places, [point.label for point in swept], fontsize=8.5)
    axes.set_title(name, fontsize=10.5, loc="left", color=SOFT_INK)
    axes.margins(x=0.06, y=0.14)


def _known(swept: Sequence[Point]) -> list[float]:
    return [point.over_hold.value for point in swept if point.over_hold.value is not None]


def _range(swept: Sequence[Point]) -> str:
    known = _known(swept)
    if not known:
        return "undefined, costs ate up all equity"
    return f"{percent(min(known), signed=True)} to {percent(max(known), signed=True)}"


def _swing(first: Entry, found: Surface) -> str:
    spreads = {name: max(known) - min(known) for name, swept in found.sweeps.items() if (known := _known(swept))}
    if not spreads:
        return f"{first.short}: costs ate up all equity"
    name = max(spreads, key=lambda key: spreads[key])
    return (
        f"{first.short}: of these assumptions the {name} matters most, it moves the return over hold by "
        f"{points(spreads[name])} points"
    )


def _finding(name: str, found: Surface) -> str:
    """Whether there is an edge at these costs, and what it bears; the name as given."""
    own = next((point for row in found.grid for point in row if point.own), None)
    now = "undefined" if own is None or own.over_hold.value is None else percent(own.over_hold.value, signed=True)
    even = found.break_even
    if even.at.value is not None:
        return f"{name} ends {now} over hold; the edge dies at {even.at.value:.2f} times its fee and gas"
    if even.edge == "dead":
        return f"{name} ends {now} over hold; even without fee and gas there would be no edge"
    return f"{name} ends {now} over hold; {even.at.undefined_because}"


def _break_evens(found: Surface) -> list[str]:
    """Both break-evens in words."""
    costs, fee = found.break_even.at, found.break_even_fee.at
    multiple = f"{costs.value:.2f} times the run's own" if costs.value is not None else None
    pips = percent(fee.value, 3) if fee.value is not None else None
    return [
        f"Fee and gas together break even at {multiple or f'undefined: {costs.undefined_because}'}.",
        f"The pool fee breaks even at {pips or f'undefined: {fee.undefined_because}'}.",
    ]
