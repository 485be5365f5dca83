"""Where model and teacher disagree."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.metrics.disagreement import Kind
from rook_bench.report.charts.difference import total_text
from rook_bench.report.charts.disagreement import finding, judged
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, percent
from rook_bench.report.questions.parts import Cell, Question, Table, cell


def disagreement(entries: Sequence[Entry]) -> Question:
    """The first source against its teacher, by kind of disagreement."""
    frame = ("disagreement", "Against the teacher", "Where model and teacher disagree")
    found, why = judged(entries)
    if found is None:
        return Question(*frame, f"{why}.")
    first = entries[0]
    if not found.kinds:
        lead = f"{first.short} and {found.teacher} give the same answer wherever both can be read."
    else:
        lead = finding(first, found) + "."
    lines = [
        "A model that copies rules can only earn where it differs from them; "
        f"{count_of(found.agreed, 'row')} of {found.rows:,} agree and say nothing about which is better."
    ]
    if found.difference is None:
        lines.append(
            "The teacher is the labels, which are no run: there is no P&L of theirs to set against this one's."
        )
    else:
        total, small = total_text(found.difference)
        lines.append(
            f"As runs, with sizes and filters, the model ends {total} from its teacher in net log return ({small})."
        )
    rows = [_kind(kind, found.rows) for kind in (*found.kinds, *([found.together] if found.kinds else []))]
    tables = (
        [Table("Rows where both can be read and differ", ("Teacher to model", "Rows", "Mean gain"), rows)]
        if rows
        else []
    )
    if found.unparsed:
        unread = [_kind(kind, found.rows) for kind in found.unparsed]
        tables.append(Table("Rows where one answer can't be read", ("Teacher to model", "Rows", "Mean gain"), unread))
        lines.append(
            "An answer that can't be read sends no order; it is not a HOLD and counts in none of the numbers above."
        )
    notes = [f"Gain is the value of the model's action minus that of the teacher's: {found.values.convention}."]
    return Question(*frame, lead, lines, tables, notes)


def _kind(kind: Kind, total: int) -> tuple[str, list[Cell]]:
    name = "all of them" if kind.teacher == "any" else f"{kind.teacher} to {kind.model}"
    return name, [Cell(f"{kind.rows:,}", percent(kind.rows / total, 1)), cell(kind.gain)]
