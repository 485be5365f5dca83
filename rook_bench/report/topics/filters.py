"""What each filter did to the P&L of the first source, and sizing before them."""

from __future__ import annotations

import re
import textwrap
from functools import partial

from rook_bench.metrics.contributions import Contributions, Step
from rook_bench.replay.naming import shorten
from rook_bench.report.cells import Cell
from rook_bench.report.charts.canvas import Picture, blank
from rook_bench.report.charts.waterfall import COSTS, bars
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number
from rook_bench.report.topics.topic import Table, Topic

NAME = "filters"
MOST = 13
"""Bars that fit one picture."""

Bars = list[tuple[str, float | None]]


def filters(first: Entry) -> Topic:
    """What sizing and each filter changed, and all parts of the P&L."""
    frame = (NAME, "Filters", "What each filter did")
    if len(first.run.orders) == 0:
        return Topic(*frame, f"{first.label} never wants to trade: there was nothing to size or to refuse.")
    found = first.analysis.contributions
    notes = [
        "Each row replays the same decisions with one component more, in the configuration's order: what a filter is "
        "worth depends on what stands before it. Gains are at the pool price before costs. The parts sum to net "
        "exactly, in the smallest units. One tape tells what a filter did here, not what it will do."
    ]
    if not any(step.signal or step.costs for step in found.steps[1:]):
        lead = "Sizing is the decisions' own and no filter changed an order, so the P&L is that of the bare decisions."
        return Topic(*frame, lead, (), _tables(first, found), notes)
    lead = f"{_finding(first, first.label, found)}."
    return Topic(*frame, lead, (), _tables(first, found), notes, (partial(_picture, first, found),))


def _tables(first: Entry, found: Contributions) -> list[Table]:
    def amount(units: int) -> Cell:
        return Cell(number(units / found.quote_unit, signed=True))

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
    final, (bare, *later) = found.final, found.steps
    parts = [
        ("market", final.market),
        ("signal", bare.signal),
        *((step.name, step.signal) for step in later),
        *((cost, -getattr(final, cost)) for cost in COSTS),
        ("net", final.net),
    ]
    return [
        Table(f"What each component changed, {first.quote}", columns, rows),
        Table(f"All parts of the P&L, {first.quote}", ("Part", "Amount"), [(name, [amount(n)]) for name, n in parts]),
    ]


def _picture(first: Entry, found: Contributions) -> Picture:
    """A waterfall from the market by decisions, sizing, each filter and each cost to the net P&L."""
    title = _finding(first, first.short, found)
    note = (
        "Each step replays the same decisions with one component more, in the configuration's order; its bar is the "
        "change of what trading gained at the pool price. Costs are those of the final run. The parts sum to net "
        "exactly."
    )
    figure = blank(title, note)
    axes = figure.add_subplot()
    bars(axes, _bars(found), first)
    axes.set_ylabel(f"P&L, {first.quote}")
    caption = " ".join(_sentences(found, first.quote))
    return Picture(NAME, "P&L by component", title, caption, figure, NAME)


def _bars(found: Contributions) -> Bars:
    """Parts that are zero by nature are left out; filters that changed least give way, the table has them all."""
    final, unit = found.final, found.quote_unit
    bare, sizing, *refusing = found.steps
    costs: Bars = [
        (cost, -getattr(final, cost) / unit) for cost in COSTS if getattr(final, cost) or cost not in ("mev", "reverts")
    ]
    start: Bars = [("market", final.market / unit), ("decisions\n(bare)", bare.signal / unit)]
    sized: Bars = [("sizing", sizing.signal / unit)] if sizing.signal else []
    beyond = len(start) + len(sized) + len(refusing) + len(costs) + 1 - MOST
    rest: Bars = []
    if beyond > 0:
        least = sorted(refusing, key=lambda step: abs(step.signal))[: beyond + 1]
        rest = [(f"{len(least)} other\nfilters", sum(step.signal for step in least) / unit)]
        refusing = [step for step in refusing if step not in least]
    shown: Bars = [(_tick(step.name), step.signal / unit) for step in refusing]
    return [*start, *sized, *rest, *shown, *costs, ("net", None)]


def _tick(name: str) -> str:
    return "\n".join(textwrap.wrap(shorten(re.sub(r"[_:=,]+", " ", name), 24), 10)) if len(name) > 9 else name


def _sentences(found: Contributions, quote: str) -> list[str]:
    """What each component did."""
    unit, (bare, *later) = found.quote_unit, found.steps
    first = (
        f"The bare decisions gain {number(bare.signal / unit, signed=True)} {quote} and cost "
        f"{number(bare.costs / unit)} {quote}."
    )
    return [first, *(_in_words(step, unit, quote) for step in later)]


def _in_words(step: Step, unit: int, quote: str) -> str:
    signal, costs, net = (number(value / unit, signed=True) for value in (step.signal, step.costs, step.net))
    return f"{step.name}: gains change by {signal}, costs by {costs}, net {net} {quote}."


def _finding(first: Entry, name: str, found: Contributions) -> str:
    """What sizing and filters did together, in quote; the name as given."""
    later = found.steps[1:]
    net, costs = (sum(getattr(step, part) for step in later) / found.quote_unit for part in ("net", "costs"))
    did, whom = ("add", "to") if net >= 0 else ("take", "from")
    saved = "saving" if costs <= 0 else "costing"
    before, after = found.steps[0].fills, found.steps[-1].fills
    return (
        f"Sizing and filters {did} {number(abs(net))} {first.quote} {whom} {name}, {saved} {number(abs(costs))} "
        f"in costs: {count_of(after, 'fill')} instead of {before:,}"
    )
