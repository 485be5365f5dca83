"""Where does the edge die?"""

from __future__ import annotations

from rook_bench.report.charts.edge import break_evens, finding
from rook_bench.report.entries import Entry
from rook_bench.report.questions.parts import Question, Table, plain


def edge(first: Entry) -> Question:
    """The return over hold under other costs, and where it becomes zero."""
    frame = ("edge", "Costs", "Where does the edge die?")
    if len(first.run.orders) == 0:
        return Question(*frame, f"{first.short} never wants to trade, so no cost changes what it earns.")
    found = first.analysis.surface
    rows = [
        (
            f"{name}: {point.label}" + (" (the run's own)" if point.own else ""),
            [plain(point.net), plain(point.over_hold)],
        )
        for name, points in found.sweeps.items()
        for point in points
    ]
    tables = [
        Table("Break-even", ("Where the return over hold is zero", "Value"), [
            ("Multiple of fee and gas", [plain(found.break_even, signed=False)]),
            ("Pool fee, all else as in the run", [plain(found.break_even_fee, signed=False)]),
        ]),
        Table("One assumption changed at a time", ("Assumption", "Net return", "Net over hold"), rows),
    ]  # fmt: skip
    notes = [
        "The same decisions replayed with other costs; sizes are the run's own, and limits that look at balances or "
        "costs act anew. A source that knew of other costs might decide differently. Impact can't be scaled, so a "
        "multiple of costs is one of fee and gas. n is the number of fills. A curve may cross zero more than once; "
        "the lowest is given."
    ]
    return Question(*frame, finding(first, found) + ".", [f"{line}." for line in break_evens(found)], tables, notes)
