"""What each filter did."""

from __future__ import annotations

from rook_bench.report.charts.filters import changed, finding
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import number
from rook_bench.report.questions.parts import Cell, Question, Table


def filters(first: Entry) -> Question:
    """What sizing and each filter changed, and all parts of the P&L."""
    frame = ("filters", "Filters", "What each filter did")
    if len(first.run.orders) == 0:
        return Question(*frame, f"{first.short} never wants to trade: there was nothing to size or to refuse.")
    found = first.analysis.contributions
    lead = (
        finding(first, found) + "."
        if changed(found)
        else "Sizing is the decisions' own and no filter changed an order."
    )
    unit = found.quote_unit
    amount = lambda value: Cell(number(value / unit, signed=True))  # noqa: E731
    rows = [
        (
            step.name,
            [
                amount(step.signal),
                amount(step.costs),
                amount(step.net),
                Cell(f"{step.orders:,}"),
                Cell(f"{step.fills:,}"),
            ],
        )
        for step in found.steps
    ]
    columns = ("Component", "Gains", "Costs", "Net", "Orders sent with it", "Fills with it")
    parts = [(name, [amount(value)]) for name, value in found.parts().items()]
    parts.append(("net", [amount(found.final.net)]))
    tables = [
        Table(f"What each component changed, {first.quote}", columns, rows),
        Table(f"All parts of the P&L, {first.quote}", ("Part", "Amount"), parts),
    ]
    notes = [
        "Each row replays the same decisions with one component more, in the configuration's order: what a filter is "
        "worth depends on what stands before it. Gains are at the pool price before costs. The parts sum to net "
        "exactly, in the smallest units. One tape tells what a filter did here, not what it will do."
    ]
    return Question(*frame, lead, (), tables, notes)
