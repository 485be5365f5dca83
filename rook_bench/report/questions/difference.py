"""Is the difference real?"""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.report.charts.difference import days_text, differences, finding, total_text
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import number, percent
from rook_bench.report.questions.parts import Cell, Question, Table, cell


def difference(entries: Sequence[Entry]) -> Question:
    """Paired differences of the first source against every other, and the tape it would take to see them."""
    frame = ("difference", "Is it real?", "Is the difference real?")
    found, first = differences(entries), entries[0]
    if not found:
        return Question(*frame, "There is one source only, so there is no difference to ask about.")
    rows = []
    for other, pair in found:
        needed = pair.days_needed
        why = needed.undefined_because or ""
        days = Cell("undefined", "", why) if why else Cell(days_text(pair))
        alike = Cell(percent(pair.alike, 1), "decisions identical" if pair.same_decisions else "")
        total, small = total_text(pair)
        undefined = pair.total.undefined_because or ""
        rows.append((f"{first.label} minus {other.label}", [
            Cell(total, "" if undefined else small, undefined), cell(pair.per_day), alike, days,
        ]))  # fmt: skip
    columns = ("Difference", "In total, net", "Per day", "Same side", "Days of tape needed")
    span = first.run.frame.span_s / 86_400
    notes = [
        "Net log returns are compared bucket by bucket, which takes out what moved both. The interval allows for "
        "dependence between buckets. Days needed: how long a tape would show a difference of this size with 80% "
        f"power at a one-sided level of 2.5%, were it the true one; this tape has {number(span, 1)} days. A difference "
        "measured on a short tape is itself uncertain, and so is the length that it asks for.",
        "Each interval stands for itself: the more sources are compared, the likelier one of them looks different by "
        "luck.",
    ]
    lead = finding(first, *found[0]) + "."
    return Question(*frame, lead, (), [Table("Paired differences", columns, rows)], notes)
