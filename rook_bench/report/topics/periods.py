"""How did it go over time: months, weeks, days, the deepest falls, and measures that roll."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rook_bench.metrics.clock import YEAR_S
from rook_bench.metrics.periods import Periods, Unit, deepest_falls, periods, rolling
from rook_bench.report.cells import Cell
from rook_bench.report.charts.canvas import NoPicture, Picture, blank, days, end_labels, limits, time_axis
from rook_bench.report.entries import HOLD_COLOUR, Entry
from rook_bench.report.formatting import count_of, number, percent
from rook_bench.report.headline import utc
from rook_bench.report.panes import extremes
from rook_bench.report.topics.topic import Table, Topic

NAME = "periods"

LEAST_DAYS: dict[Unit, float] = {"month": 45.0, "week": 14.0, "day": 2.0}
"""Days of tape from which on a table of such periods says something."""

ROWS = 400
"""Periods of a table; of more the newest are shown."""

FALLS = 10
WINDOWS = ((120.0, 30), (21.0, 7), (6.0, 2))
"""From how many days of tape on a window of how many days rolls."""

POINTS = 4_000


def over_time(entries: Sequence[Entry]) -> Topic | None:
    """Every source by month, week and day, and the first one's deepest falls; None on a tape of less than two days."""
    first = entries[0]
    frame = first.run.frame
    span = frame.span_s / 86_400
    units = [unit for unit, least in LEAST_DAYS.items() if span >= least]
    if not units:
        return None
    found = {unit: periods(frame.at, unit) for unit in units}
    tables = [_table(entries, unit, found[unit]) for unit in units]
    tables.append(_falls(first))
    notes = [
        "Days, weeks (from Monday) and months are those of UTC; a return is net, from the last swap before a period to "
        "the last in it. A period that the tape holds only a part of says so. Falls are marked on the clock of the "
        "returns, so that the deepest may be less deep than the largest drawdown, which is marked after every swap.",
    ]
    window = next((days for least, days in WINDOWS if span >= least), None)
    draw = () if window is None else (partial(_picture, entries, window),)
    return Topic(
        NAME, "Over time", "How it went over time", _lead(first, units[0], found[units[0]]), (), tables, notes, draw
    )


def _lead(first: Entry, unit: Unit, found: Periods) -> str:
    returns = found.returns(first.run.equity, first.opening)
    known = np.flatnonzero(~np.isnan(returns))
    won = int((returns[known] > 0).sum())
    best, worst = (int(known[place(returns[known])]) for place in (np.argmax, np.argmin))
    said = f"{first.label} gains in {won:,} of {count_of(len(known), unit)}"
    if len(known) < 2:
        return f"{said}."
    most, least = (f"{_name(found, place, unit)} ({percent(returns[place], signed=True)})" for place in (best, worst))
    return f"{said}, most in {most}, least in {least}."


def _name(found: Periods, place: int, unit: Unit) -> str:
    text = str(found.starts[place].astype("datetime64[M]" if unit == "month" else "datetime64[D]"))
    return f"the week of {text}" if unit == "week" else text


def _table(entries: Sequence[Entry], unit: Unit, found: Periods) -> Table:
    first = entries[0]
    columns = [entry.run.equity for entry in entries]
    names = [entry.label for entry in entries]
    if not any(entry.holds for entry in entries):
        columns.append(first.run.hold_equity)
        names.append("hold the opening mix")
    returns = [found.returns(equity, first.run.hold_equity[0]) for equity in columns]
    last = range(max(0, len(found.starts) - ROWS), len(found.starts))
    rows = [
        (
            _name(found, place, unit).removeprefix("the week of "),
            [
                Cell("undefined", why="nothing was left")
                if np.isnan(each[place])
                else Cell(percent(each[place], signed=True))
                for each in returns
            ],
        )
        for place in last
    ]
    rows = [
        (name, [Cell(cells[0].text, ("a part of it",), cells[0].why), *cells[1:]] if found.part[place] else cells)
        for place, (name, cells) in zip(last, rows, strict=True)
    ]
    some = f", the newest {ROWS} of {len(found.starts):,}" if len(found.starts) > ROWS else ""
    return Table(f"By {unit}{some}", (unit.capitalize(), *names), rows, sortable=len(rows) > 12)


def _falls(first: Entry) -> Table:
    sampled, frame = first.analysis.sampled, first.run.frame
    at = np.concatenate([frame.at[:1], sampled.at, frame.at[-1:]])
    equity = np.concatenate([[first.opening], sampled.equity, first.run.equity[-1:]])
    rows = [
        (
            percent(fall.depth),
            [
                Cell(utc(at[fall.start]).removesuffix(" UTC")),
                Cell(utc(at[fall.bottom]).removesuffix(" UTC")),
                Cell("not yet" if fall.end is None else utc(at[fall.end]).removesuffix(" UTC")),
            ],
        )
        for fall in deepest_falls(equity, FALLS)
    ]
    return Table(
        f"The deepest falls of {first.label}", ("Depth", "From, UTC", "Lowest, UTC", "Reached again, UTC"), rows
    )


def _picture(entries: Sequence[Entry], window: int) -> Picture | NoPicture:
    """Net return and volatility of the days before, as they roll along."""
    first = entries[0]
    sampled, frame = first.analysis.sampled, first.run.frame
    count = round(window * 86_400 / first.analysis.clock.bucket_s)
    heading = f"Over the {window} days before"
    lines = [(each.short, each.colour, each.dash, each.ink, each.analysis.sampled.log_returns) for each in entries
             if not each.bound and not each.ruined]  # fmt: skip
    if not any(entry.holds for entry in entries):
        hold = sampled.borders.log_returns(first.run.hold_equity)
        lines.append(("hold", HOLD_COLOUR, "--", HOLD_COLOUR, hold))
    lines = [line for line in lines if len(line[-1]) >= count and np.isfinite(line[-1]).all()]
    if not lines:
        return NoPicture(
            "rolling", heading, f"No source has {window} days of returns, or all of them are ruined.", NAME
        )
    at = sampled.at[count:]
    drawn = [(*line[:-1], *rolling(line[-1], count)) for line in lines]
    title = f"Net return and volatility of {window} days, as they roll"
    figure = blank(
        title, f"{count_of(len(frame), 'swap')}. Returns of {first.analysis.clock.label} buckets, net of all costs."
    )
    top, under = figure.subplots(2, 1, sharex=True)
    year = np.sqrt(YEAR_S / first.analysis.clock.bucket_s)
    for axes, which, unit in ((top, 4, f"net return of {window} days, %"), (under, 5, "volatility, % a year")):
        ends, shown = [], []
        for line in reversed(drawn):
            values = 100.0 * (np.expm1(line[4]) if which == 4 else line[5] * year)
            kept = extremes([values], POINTS)
            axes.plot(at[kept], values[kept], color=line[1], linestyle=line[2], linewidth=1.4)
            ends.append((float(values[-1]), f"{line[0]}  {number(float(values[-1]), 1)}%", line[3]))
            shown.append(values)
        axes.set_ylim(*limits(shown))
        axes.set_ylabel(unit)
        end_labels(axes, ends, gap=0.12)
    under.set_xlabel(f"time, UTC ({days(frame.at)})")
    time_axis(under, frame.at)
    figure.align_ylabels()
    mine = drawn[0]
    caption = (
        f"Of {mine[0]}, {window} days gave between {percent(float(np.expm1(mine[4].min())), signed=True)} and "
        f"{percent(float(np.expm1(mine[4].max())), signed=True)}."
    )
    return Picture("rolling", heading, title, caption, figure, NAME)
