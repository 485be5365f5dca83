"""Where model and teacher disagree, and who was right there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from rook_bench.core import SIDE_NAMES, Estimate
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.untrusted import word
from rook_bench.metrics.disagreement import NAMES, Apart, Disagreement, Kind, teaches
from rook_bench.metrics.disagreement import disagreement as compare
from rook_bench.report.cells import Cell, cell
from rook_bench.report.charts.canvas import INK, SIDE_COLOURS, Picture, blank
from rook_bench.report.charts.forest import Line, forest, sureness
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent
from rook_bench.report.headline import utc
from rook_bench.report.topics.difference import total_texts
from rook_bench.report.topics.topic import Table, Topic

NAME = "disagreement"
ROWS = 200
"""Rows of different answers that the page shows."""

LONGEST = 90
LABELS = "the labels on the tape"
COLUMNS = ("Teacher to model", "Rows", "Mean gain")
COLOURS = SIDE_COLOURS | {"HOLD": "#8A94A0"}
"""By what the model says; HOLD's own colour is too pale for a line."""


def disagreement(entries: Sequence[Entry]) -> Topic:
    """The first source against its teacher, by kind of disagreement."""
    frame = (NAME, "Against the teacher", "Where model and teacher disagree")
    first = entries[0]
    teacher, why = _teacher(entries)
    if why:
        return Topic(*frame, why)
    found = compare(first.run, None if teacher is None else teacher.run, first.analysis.clock)
    label, short = (LABELS, LABELS) if teacher is None else (teacher.label, teacher.short)
    lines = [
        "A model that copies rules can only earn where it differs from them; "
        f"{count_of(found.agreed, 'row')} of {found.rows:,} agree and say nothing about which is better.",
        _as_runs(found),
    ]
    if found.unparsed:
        lines.append(
            "An answer that can't be read sends no order; it is not a HOLD and counts in none of the numbers above."
        )
    notes = [f"Gain is the value of the model's action minus that of the teacher's: {found.values.convention}."]
    if not found.kinds:
        lead = f"{first.label} and {label} give the same answer wherever both can be read."
        return Topic(*frame, lead, lines, _tables(found), notes)
    lead = f"{_finding(first.label, label, found)}."
    title = _finding(first.short, short, found)
    tables = [*_tables(found), *_row_by_row(first, teacher, found)]
    return Topic(*frame, lead, lines, tables, notes, (partial(_picture, found, title),))


def _row_by_row(first: Entry, teacher: Entry | None, found: Disagreement) -> list[Table]:
    """The rows on which the two say different things and it mattered most, in the order of the tape."""
    mine, theirs = first.run.decided.tape, None if teacher is None else teacher.run.decided.tape
    labels = first.run.frame.labels.get("label_side") if theirs is None else None
    taught = [] if labels is None else [SIDE_NAMES.index(name) for name in labels]
    other = np.array(taught) if theirs is None else theirs.side
    rows = np.flatnonzero(mine.side != other)
    gain = found.values.of(mine.side)[rows] - found.values.of(other)[rows]
    kept = np.sort(np.argsort(-np.abs(np.nan_to_num(gain)), kind="stable")[:ROWS])
    if len(kept) == 0:
        return []
    price, at = first.run.frame.price, first.run.frame.at
    cells = [
        (
            utc(at[row]).removesuffix(" UTC"),
            [
                Cell(NAMES[int(other[row])]),
                Cell(NAMES[int(mine.side[row])]),
                Cell(number(float(price[row]), 2)),
                Cell("\N{EN DASH}") if np.isnan(gain[place]) else Cell(number(float(gain[place]), 1, signed=True)),
                Cell(_reason(mine, row), (f"teacher: {_reason(theirs, row)}",) if theirs is not None else ()),
            ],
        )
        for place, row in zip(kept.tolist(), rows[kept].tolist(), strict=True)
    ]
    some = f"the {len(kept)} of {len(rows):,} where it mattered most" if len(rows) > len(kept) else "all of them"
    columns = ("Decided, UTC", "Teacher", "Model", "Price", "Gain, bps", "Why")
    return [Table(f"Row by row: {some}", columns, cells, sortable=True, told=True)]


def _reason(tape: DecisionTape, row: int) -> str:
    return word(str(tape.reason[row]).strip(), LONGEST) or "no reason given"


def _teacher(entries: Sequence[Entry]) -> tuple[Entry | None, str]:
    """The source that the first one learned from (None: the labels); and why there is none, if so."""
    first = entries[0]
    if teaches(first.run):
        return None, (f"{first.label} is the teacher itself; put a model first to see where it differs from its rules.")
    found = next((entry for entry in entries[1:] if teaches(entry.run)), None)
    if found is None and "label_side" not in first.run.frame.labels:
        return None, "There is no teacher here: no source is a set of rules, and the tape carries no labels."
    return found, ""


def _as_runs(found: Disagreement) -> str:
    if found.difference is None:
        return "The teacher is the labels, which are no run: there is no P&L of theirs to set against this one's."
    total, small = total_texts(found.difference)
    return f"As runs, with sizes and filters, the model ends {total} from its teacher in net return ({small})."


def _tables(found: Disagreement) -> list[Table]:
    tables = []
    if found.kinds:
        rows = [
            *(_row(_to(kind), kind, found.rows) for kind in found.kinds),
            _row("all of them", found.together, found.rows),
        ]
        tables.append(Table("Rows where both can be read and differ", COLUMNS, rows))
    if found.unparsed:
        rows = [_row(_to(kind), kind, found.rows) for kind in found.unparsed]
        tables.append(Table("Rows where one answer can't be read", COLUMNS, rows))
    return tables


def _to(kind: Kind) -> str:
    return f"{kind.teacher} to {kind.model}"


def _row(name: str, apart: Apart, rows: int) -> tuple[str, list[Cell]]:
    return name, [Cell(f"{apart.rows:,}", (percent(apart.rows / rows, 1),)), cell(apart.gain)]


def _picture(found: Disagreement, title: str) -> Picture:
    """Mean gain by kind of disagreement, with its interval."""
    note = (
        f"{count_of(found.rows, 'row')}, {found.together.rows:,} of them in disagreement. Value of the model's "
        f"action minus that of the teacher's, {found.values.horizon_s:g} s after the order lands, less the pool fee "
        "and the run's own impact and gas per value traded. Every row counts alike, whatever the order's size. Bars: "
        "95% interval."
    )
    figure = blank(title, note)
    axes = figure.add_subplot()
    together = Line("all of them", found.together.gain, _text(found.together.gain), INK)
    lines = [
        Line(f"{kind.teacher} \N{RIGHTWARDS ARROW} {kind.model}", kind.gain, _text(kind.gain), COLOURS[kind.model])
        for kind in found.kinds
    ]
    forest(axes, [together, *lines])
    axes.set_xlabel("teacher \N{RIGHTWARDS ARROW} model, bps per action; right of zero the model was right")
    caption = "Where both agree the model can't be better than its teacher. " + " ".join(
        f"{_to(kind)}: {_in_words(kind.gain)}." for kind in found.kinds
    )
    return Picture(NAME, "Gain where model and teacher disagree", title, caption, figure, NAME)


def _text(gain: Estimate) -> str:
    value = "undefined" if gain.value is None else f"{number(gain.value, 1, signed=True)} bps"
    return f"{value}\nn = {gain.n:,}"


def _in_words(gain: Estimate) -> str:
    """The gain with its interval and n."""
    if gain.value is None:
        return f"undefined ({gain.undefined_because})"
    bounds = ""
    if gain.low is not None and gain.high is not None:
        bounds = f", 95% {number(gain.low, 1, signed=True)} to {number(gain.high, 1, signed=True)}"
    return f"{number(gain.value, 1, signed=True)} bps{bounds} (n = {gain.n:,})"


def _finding(first: str, teacher: str, found: Disagreement) -> str:
    """Which of the two was right where they disagree; the names as given."""
    gain = found.together.gain
    where = f"{first} differs from {teacher} on {percent(found.together.rows / found.rows, 1)} of rows"
    if gain.value is None:
        return f"{where}; who was right is undefined: {gain.undefined_because}"
    size = f"{number(abs(gain.value), 1)} bps per action"
    did = "gains" if gain.value >= 0 else "loses"
    return f"{where} and {did} {size} there" + (", which may be chance" if sureness(gain) == "unsure" else "")
