"""Runs side by side: who leads, by how much, and where they decided differently."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Estimate, InputError
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.core.untrusted import word
from rook_bench.metrics.clock import Borders, Clock
from rook_bench.metrics.means import mean_of
from rook_bench.report.cells import Cell, as_return, bare, interval_text
from rook_bench.report.formatting import count_of, percent, points
from rook_bench.report.metric_groups import GROUPS
from rook_bench.viewer.charts import Chart, Rival, Window, chart, compare_panes
from rook_bench.viewer.columns import Columns
from rook_bench.viewer.pages.desk import Desk, Page, Query, told_apart
from rook_bench.viewer.sentences import moment
from rook_bench.viewer.shelf import Found
from rook_bench.viewer.tables import Grid, To, figure, grid, measure

MOST = 8
ROWS = 100
"""Rows of different decisions that are shown."""

LATER = np.timedelta64(5, "m")
NAMES = {**dict(enumerate(SIDE_NAMES)), UNPARSED: "unreadable"}
WAY = {**{code: {"BUY": 1.0, "SELL": -1.0}.get(name, 0.0) for code, name in enumerate(SIDE_NAMES)}, UNPARSED: 0.0}


def runs_of(desk: Desk, ids: Sequence[str]) -> list[Found]:
    """The runs that an address names, each once; InputError for fewer than two or more than eight."""
    runs = [desk.shelf.get("run", id) for id in dict.fromkeys(ids)]
    if not 2 <= len(runs) <= MOST:
        raise InputError(f"{count_of(len(runs), 'run')}: tick two to {MOST} on the first page", where="the address")
    return runs


def compare_page(desk: Desk, ids: Sequence[str], query: Query) -> Page:
    """One sentence, a table, equity and difference, disagreements of the first two; of other tapes the table only."""
    runs, links = runs_of(desk, ids), desk.links
    names = told_apart(runs)
    same = len({run.facts.data_hash for run in runs}) == 1
    context: dict[str, Any] = {
        "runs": [(name, links.page("run", run.id)) for name, run in zip(names, runs, strict=True)],
        "same": same,
        "measures": _measures(desk, runs, names),
    }
    if same:
        columns = _columns(desk, runs)
        context |= {
            "lead": _lead(runs, names, columns),
            "chart": _chart(desk, _rivals(runs, names, columns), query, ids),
            "differences": _differences(names, columns),
            **_disagreements(desk, runs, names, columns[0]),
        }
    return Page("compare.html.j2", f"{names[0]} beside {', '.join(names[1:])}", "runs", context)


def compared_window(desk: Desk, ids: Sequence[str], query: Query) -> dict[str, Any]:
    """What the script of the page asks for when it is zoomed."""
    runs = runs_of(desk, ids)
    columns = _columns(desk, runs)
    return _chart(desk, _rivals(runs, told_apart(runs), columns), query, ids).data


def _rivals(runs: Sequence[Found], names: Sequence[str], columns: Sequence[Columns]) -> list[Rival]:
    return [
        Rival(name, each, run.facts.source == "hold", run.facts.lookahead.status == "declared")
        for run, name, each in zip(runs, names, columns, strict=True)
    ]


def _columns(desk: Desk, runs: Sequence[Found]) -> list[Columns]:
    columns = [desk.reader.columns(run) for run in runs]
    if len({len(each.at) for each in columns}) > 1:
        raise InputError("the runs say that they are of one tape, and have different numbers of rows", where="compare")
    return columns


def _chart(desk: Desk, rivals: Sequence[Rival], query: Query, ids: Sequence[str]) -> Chart:
    columns = rivals[0].columns
    window = Window.of(columns, query)
    panes, drawn = compare_panes(rivals, window)
    asked = [("run", id) for id in dict.fromkeys(ids)]
    live = desk.links.live
    places = {which: desk.links.asking(to, asked) for which, to in (("page", "/compare"), ("window", "/api/compare"))}
    return chart(panes, drawn, columns, window, desk.links, places if live else {})


def _lead(runs: Sequence[Found], names: Sequence[str], columns: Sequence[Columns]) -> str:
    """Who leads, by how much, or that it is too little to say; who knows the future is out of the race."""
    racing = [place for place, run in enumerate(runs) if run.facts.lookahead.status != "declared"]
    ends = {place: float(columns[place].equity[-1] / columns[place].hold[0]) for place in racing}
    if len(ends) < 2:
        return "Only one of them does not know the future."
    first, second = sorted(ends, key=lambda place: -ends[place])[:2]
    gap = _difference(columns[first], columns[second])
    said = f"{names[first]} leads: it ends {points(ends[first] - ends[second])} percentage points above {names[second]}"
    if gap.low is None or gap.high is None:
        return f"{said}, too few to say more: {gap.undefined_because or gap.convention.rpartition('; ')[2]}."
    bounds = f"95% interval of their difference {interval_text(gap, signed=True)}"
    return f"{said} ({bounds})." if gap.low > 0 else f"{said}, which is too few to say ({bounds})."


def _difference(one: Columns, other: Columns) -> Estimate:
    """Net return of one over another, paired on the buckets of the clock that metrics use."""
    borders, how = Borders(one, Clock()), "net return over the other's, paired by 5 min buckets"
    with np.errstate(invalid="ignore", divide="ignore"):
        values = borders.log_returns(one.equity) - borders.log_returns(other.equity)
    if len(values) == 0:
        return Estimate.undefined("there is no full bucket", n=0, unit="fraction", convention=how)
    if not values.any():
        return Estimate(0.0, len(values), "fraction", f"{how}; the two equity curves are the same", low=0.0, high=0.0)
    found = mean_of(values, unit="fraction", convention=how, factor=float(len(values)), lasting=True)
    return as_return(found) if math.isfinite(found.value or 0.0) else found


def _differences(names: Sequence[str], columns: Sequence[Columns]) -> Grid:
    rows: list[list[Cell | To]] = []
    for name, each in zip(names[1:], columns[1:], strict=True):
        gap = _difference(each, columns[0])
        bounds = interval_text(gap, signed=True) or "none: " + (
            gap.undefined_because or gap.convention.rpartition("; ")[2]
        )
        rows.append([Cell(name), bare(gap), Cell(bounds), Cell(f"{gap.n:,}")])
    return grid(f"Net return over {names[0]}", ("Source", "Difference", "95% interval", "Buckets"), rows)


def _measures(desk: Desk, runs: Sequence[Found], names: Sequence[str]) -> list[tuple[str, Grid]]:
    """Every measure of every run, group by group."""
    found = [desk.reader.estimates(run) for run in runs]
    groups = []
    for title, rows in GROUPS.items():
        told: list[list[Cell | To]] = [
            [Cell(row.label), *(measure(each, row.name) for each in found)]
            for row in rows
            if any(row.name in each for each in found)
        ]
        if told:
            groups.append((title, grid(title, ("", *names), told)))
    return groups


def _disagreements(desk: Desk, runs: Sequence[Found], names: Sequence[str], columns: Columns) -> dict[str, Any]:
    """Where the first two decided differently: by kind, and the rows after which the price moved most."""
    mine, theirs = (desk.reader.sides(run) for run in runs[:2])
    if not len(mine) == len(theirs) == len(columns.at):
        raise InputError("decisions and rows are not equally many", where="compare")
    apart = np.flatnonzero(mine != theirs)
    gain = _gain(mine[apart], theirs[apart], apart, columns)
    kinds: list[list[Cell | To]] = []
    for one in NAMES:
        for other in NAMES:
            which = (mine[apart] == one) & (theirs[apart] == other)
            if which.any():
                known = gain[which][~np.isnan(gain[which])]
                mean = figure(known.mean() if len(known) else None, 1)
                kinds.append([Cell(NAMES[one]), Cell(NAMES[other]), Cell(f"{int(which.sum()):,}"), mean])
    kinds.sort(key=lambda row: -int(getattr(row[2], "text", "0").replace(",", "")))
    order = np.argsort(-np.abs(np.nan_to_num(gain)), kind="stable")[:ROWS]
    told: list[list[Cell | To]] = []
    if len(order):
        rows = np.sort(apart[order])
        at = dict(zip(apart.tolist(), gain.tolist(), strict=True))
        reasons = [desk.reader.reasons(run, rows) for run in runs[:2]]
        for row, why, other in zip(rows.tolist(), *reasons, strict=True):
            told.append(
                [
                    To(f"{row:,}", desk.links.order(runs[0].id, row)),
                    Cell(moment(columns.at[row]).removesuffix(" UTC")),
                    Cell(NAMES[int(mine[row])]),
                    Cell(NAMES[int(theirs[row])]),
                    figure(at[row], 1),
                    Cell(word(why, 90) or "no reason given"),
                    Cell(word(other, 90) or "no reason given"),
                ]
            )
    heads = ("Row", "Decided, UTC", names[0], names[1], "5 min later, bps", f"Why, {names[0]}", f"Why, {names[1]}")
    count, some = len(columns.at), len(apart) > len(told)
    of_all = f"{len(apart):,} of {count:,} rows ({percent(len(apart) / count)})"
    return {
        "apart": f"{names[0]} and {names[1]} decide differently on {of_all}.",
        "kinds": grid("By kind", (names[0], names[1], "Rows", "5 min later, bps"), kinds),
        "rows": grid(
            f"The {len(told)} of {len(apart):,} after which the price moved most" if some else "Row by row",
            heads, told, sortable=True,
        ),
    }  # fmt: skip


def _gain(
    mine: NDArray[np.int8], theirs: NDArray[np.int8], rows: NDArray[np.intp], columns: Columns
) -> NDArray[np.float64]:
    """How far the price moved for the first side against the second, bps before costs; NaN beyond the end."""
    then = columns.at[rows] + LATER
    later = np.searchsorted(columns.at, then, side="right") - 1
    moved = 1e4 * (columns.price[later] / columns.price[rows] - 1.0)
    way = lambda sides: np.select([sides == code for code in WAY], list(WAY.values()))  # noqa: E731
    return np.where(then <= columns.at[-1], (way(mine) - way(theirs)) * moved, np.nan)
