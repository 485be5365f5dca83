"""When was it earned or lost?"""

from __future__ import annotations

from rook_bench.report.charts.regimes import finding, total_text
from rook_bench.report.entries import Entry
from rook_bench.report.questions.parts import Cell, Question, Table, cell


def regimes(first: Entry) -> Question:
    """The return over hold by volatility, trend and time of day."""
    frame = ("regimes", "When", "When was it earned or lost?")
    found = first.analysis.regimes
    if first.fills == 0:
        return Question(*frame, f"{first.short} has no fills: it never differs from holding.")
    rows = [
        (
            f"{row.group}: {row.name}",
            [
                Cell(f"{row.buckets:,}"),
                Cell(total_text(row), "", row.total.undefined_because or ""),
                cell(row.mean),
            ],
        )
        for row in found.rows
    ]
    columns = ("Regime", "Buckets", "Net over hold, sum", "Mean per bucket")
    notes = [
        "A bucket's volatility and trend come from prices before it. Low, middle and high are thirds of this tape. A "
        "move is flat below 0.43 of its own trailing deviation, as a third of a random walk's moves are. Times are "
        "UTC. Buckets of a kind are put end to end for the interval. With ten intervals, one that misses zero by "
        "chance is no surprise."
    ]
    defined = any(row.mean.value is not None for row in found.rows)
    lead = finding(first, found) if defined else "The tape is too short: no regime has enough full buckets"
    return Question(*frame, lead + ".", (), [Table("Net log return over hold by regime", columns, rows)], notes)
