"""The report of several sources over the same pools, each with a purse of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from rook_bench.core import Estimate
from rook_bench.metrics.purse import PurseAnalysis, difference, surely_gained
from rook_bench.report.cells import Cell, cell
from rook_bench.report.charts import purse as charts
from rook_bench.report.drawing import Draw
from rook_bench.report.entries import COLOURS, HOLD_COLOUR
from rook_bench.report.formatting import count_of, percent
from rook_bench.report.live import POINTS, has_library
from rook_bench.report.panes import Line, Pane, as_block, seconds_of
from rook_bench.report.purse import NAMES, by_section, render
from rook_bench.report.topics.topic import Table, Topic

SHOWN = ("total_return", "excess_return", "sharpe_ratio", "max_drawdown", "fills")


def write_purses_report(
    analyses: Sequence[PurseAnalysis],
    folder: Path,
    *,
    verdict: Mapping[str, Any] | None = None,
    with_pictures: bool = True,
) -> Path:
    """Write report.html and its PNG pictures into an existing folder; returns the page's path.

    Args:
        analyses: purses over the same pools; verdict: one over several pools that rests on them, as JSON.
    """
    topics = [*([] if verdict is None else [_verdicts(verdict)]), _sources(analyses), _pools(analyses)]
    draws: list[Draw] = [lambda: [charts.side_by_side(analyses)], lambda: [charts.gains(analyses)]]
    pictures = by_section(draws, folder) if with_pictures else {}
    title = f"{analyses[0].run.name} and {count_of(len(analyses) - 1, 'other')}, with one purse each"
    lead = _lead(analyses)
    if verdict is not None:
        title, lead = f"Gate: {analyses[0].run.name} on {len(verdict['pools'])} pools", f"{_promoted(verdict)} {lead}"
    page = folder / "report.html"
    page.write_text(render(analyses, topics, pictures, title, lead, _chart(analyses), verdict), encoding="utf-8")
    return page


def _promoted(verdict: Mapping[str, Any]) -> str:
    names, count = verdict["promoted_for"], len(verdict["pools"])
    return f"Promoted for {', '.join(names)} of {count} pools." if names else f"Promoted for none of {count} pools."


def _verdicts(verdict: Mapping[str, Any]) -> Topic:
    """Each pool's own verdict, with the answer to the question that decides."""
    rows, promoted, over = [], verdict["promoted_for"], verdict["purse"]["over"]
    for pool in verdict["pools"]:
        estimate = _asked(verdict, f"{pool['name']}: ")
        found = Cell("not asked") if estimate is None else cell(estimate, signed=True)
        own = f"in {pool['folder']}"
        rows.append((pool["name"], [found, Cell(pool["verdict"], (own,)), Cell(_because(verdict, pool))]))
    together = _asked(verdict, "one purse: ")
    found = Cell("not asked") if together is None else cell(together, signed=True)
    rows.append((f"one purse over {len(over)}", [found, Cell("decides" if verdict["purse"]["decides"] else "informs")]))
    rows[-1][1].append(Cell(", ".join(over)))
    lead = f"The candidate may follow the champion on {', '.join(promoted)}." if promoted else (
        "The champion stays on every pool."
    )  # fmt: skip
    notes = [
        "Each pool's verdict is of the source replayed there alone, with the whole capital. It includes the question "
        "whether the pool is among those on which the champion is beaten, whichever of them looks best (Holm 1979).",
        "One purse: the same decisions sharing one balance per token over the pools named; it decides where two or "
        "more would be promoted for.",
    ]
    columns = ("Pool", "Candidate less champion, bps per day", "Verdict", "Because")
    table = Table("By pool", columns, rows, told=True)
    return Topic("gate", "Pools judged", "For which pools?", lead, tables=[table], notes=notes)


def _because(verdict: Mapping[str, Any], pool: Mapping[str, Any]) -> str:
    """Names of the checks that keep a pool from being promoted for, or that all passed."""
    under = f"{pool['name']}: "
    open_ones = [check["name"].removeprefix(under) for check in verdict["checks"]
                 if check["name"].startswith(under) and check["status"] not in ("pass", "info", "waived")]  # fmt: skip
    more = f" and {len(open_ones) - 2} more" if len(open_ones) > 2 else ""
    return ", ".join(open_ones[:2]) + more or str(pool["reasons"][0])


def _asked(verdict: Mapping[str, Any], under: str) -> Estimate | None:
    """What the question that decides found, on a pool or for the purse."""
    for check in verdict["checks"]:
        if check["name"].startswith(f"{under}net return vs champion (") and check["estimate"] is not None:
            return Estimate.from_json(check["estimate"])
    return None


def _lead(analyses: Sequence[PurseAnalysis]) -> str:
    first = analyses[0]
    total, held = (first.estimates[name].value or 0.0 for name in ("total_return", "hold_return"))
    line = (
        f"{first.run.name} with one purse over {count_of(len(first.run.legs), 'pool')}: {percent(total, signed=True)} "
        f"after all costs; what it opened with, held, {percent(held, signed=True)}."
    )
    apart = [difference(first, one) for one in analyses[1:]]
    better = sum(one.low is not None and one.low > 0 for one in apart)
    worse = sum(one.high is not None and one.high < 0 for one in apart)
    if len(apart) == 1:
        than = analyses[1].run.name
        told = f"surely earned {'more' if better else 'less'} than" if better or worse else "can't be told from"
        line += f" It {told} {than}."
    elif apart:
        line += f" Of {count_of(len(apart), 'other')} it surely earned more than {better}, and less than {worse}."
    return line


def _sources(analyses: Sequence[PurseAnalysis]) -> Topic:
    first, rows = analyses[0], []
    for one in analyses:
        signed = {name: name.endswith(("return", "ratio")) for name in SHOWN}
        cells = [cell(one.estimates[name], signed=signed[name]) for name in SHOWN]
        rows.append((one.run.name, cells))
    apart = [(one.run.name, [cell(difference(first, one), signed=True)]) for one in analyses[1:]]
    best = max(analyses, key=lambda one: float(one.equity[-1]))
    lead = f"{best.run.name} came to most: {percent(best.estimates['total_return'].value or 0.0, signed=True)}."
    tables = [Table("Whole purses", ("Source", *(NAMES[name] for name in SHOWN)), rows)]
    if apart:
        tables.append(Table(f"{first.run.name} less another", ("Other", "Net log return, bps per day"), apart))
    notes = [
        "Differences are paired: the same buckets of time in both purses, with intervals that allow for dependence."
    ]
    return Topic("numbers", "Numbers", "Who earned more?", lead, tables=tables, notes=notes)


def _pools(analyses: Sequence[PurseAnalysis]) -> Topic:
    first, found = analyses[0], surely_gained(analyses)
    rows = [
        (name, [cell(one.pool_gain(place), signed=True) for one in analyses]) for place, name in enumerate(first.names)
    ]
    tried = sum(int(one.gains[:, place].any()) for one in analyses for place in range(len(one.names)))
    if found.undefined_because is not None:
        lead = f"Who gained where can't be told: {found.undefined_because}."
    elif found.names:
        lead = f"Of {count_of(tried, 'source on a pool', 'sources on pools')} {', '.join(found.names)} surely gained."
    else:
        lead = f"Of {count_of(tried, 'source on a pool', 'sources on pools')} none surely gained over holding."
    notes = [
        "Surely: with a chance of at most 5% that any is named by luck, however many there are "
        f"({found.convention}). An interval in the table stands for itself.",
        "Added: what the pool's orders put into the purse at prices of the time, over the opening value.",
    ]
    table = Table("Added by pool", ("Pool", *(one.run.name for one in analyses)), rows)
    return Topic("pools", "Pools", "Who gains where?", lead, tables=[table], notes=notes)


def _chart(analyses: Sequence[PurseAnalysis]) -> Markup | None:
    if not has_library():
        return None
    first = analyses[0]
    lines = [
        Line(one.run.name, COLOURS[place % len(COLOURS)], 100.0 * (one.equity / one.hold[0] - 1.0), width=2.0)
        for place, one in enumerate(analyses)
    ]
    lines.append(Line("held", HOLD_COLOUR, 100.0 * (first.hold / first.hold[0] - 1.0), "--"))
    pane = Pane("change of value", "%", 3, 320, first.at, lines)
    span = [seconds_of(first.at[0]), seconds_of(first.at[-1])]
    return as_block({"panes": [pane.thinned(POINTS).to_json(np.empty(0, "M8[ns]"))], "span": span})
