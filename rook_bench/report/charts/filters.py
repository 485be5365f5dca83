"""What sizing and each filter did to the P&L of the first source."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from rook_bench.metrics.contributions import DECISIONS, Contributions, Step
from rook_bench.report.charts.canvas import Picture, blank, nothing
from rook_bench.report.charts.waterfall import bars
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, shorten

NAME, HEADING, SECTION = "filters", "P&L by component", "filters"
MOST = 13
"""Bars that fit one picture."""


def filters(entries: Sequence[Entry]) -> list[Picture]:
    """A waterfall from the market by decisions, sizing, each filter and each cost to the net P&L."""
    first = entries[0]
    if len(first.run.orders) == 0:
        return [
            nothing(
                NAME, HEADING, f"{first.short} never wants to trade: there was nothing to size or to refuse.", SECTION
            )
        ]
    found = first.analysis.contributions
    if not changed(found):
        why = "Sizing is the decisions' own and no filter changed an order, so the P&L is that of the bare decisions."
        return [nothing(NAME, HEADING, why, SECTION)]
    parts = {name: value / found.quote_unit for name, value in found.parts().items()}
    zero = [name for name in ("mev", "reverts", "sizing") if parts.get(name) == 0]
    steps: list[tuple[str, float | None]] = [(_tick(name), value) for name, value in parts.items() if name not in zero]
    beyond = len(steps) + 1 - MOST
    if beyond > 0:
        # Filters that changed least give way; the table has them all.
        names = sorted((step.name for step in found.steps[2:]), key=lambda name: abs(parts[name]))[: beyond + 1]
        rest = sum(parts[name] for name in names)
        kept = [(_tick(name), value) for name, value in parts.items() if name not in (*zero, *names)]
        place = 1 + next(index for index, (name, _) in enumerate(kept) if name.startswith("decisions"))
        steps = [*kept[:place], (f"{len(names)} other\nfilters", rest), *kept[place:]]
    steps.append(("net", None))
    title = finding(first, found)
    note = (
        "Each step replays the same decisions with one component more, in the configuration's order; its bar is the "
        "change of what trading gained at the pool price. Costs are those of the final run. The parts sum to net "
        "exactly."
    )
    figure = blank(title, note)
    axes = figure.add_subplot()
    bars(axes, steps, first)
    axes.set_ylabel(f"P&L, {first.quote}")
    caption = " ".join(f"{in_words(step, found, first.quote)}." for step in found.steps)
    return [Picture(NAME, HEADING, title, caption, figure, section=SECTION)]


def changed(found: Contributions) -> bool:
    """Whether sizing or a filter changed anything."""
    return any(step.signal or step.costs for step in found.steps[1:])


def _tick(name: str) -> str:
    if name == "signal":
        return "decisions\n(bare)"
    return "\n".join(textwrap.wrap(shorten(re.sub(r"[_:=,]+", " ", name), 24), 10)) if len(name) > 9 else name


def in_words(step: Step, found: Contributions, quote: str) -> str:
    """One step in a sentence."""
    signal, costs, net = (value / found.quote_unit for value in (step.signal, step.costs, step.net))
    if step.name == DECISIONS:
        return f"The bare decisions gain {number(signal, signed=True)} {quote} and cost {number(costs)} {quote}"
    return (
        f"{step.name}: gains change by {number(signal, signed=True)}, costs by {number(costs, signed=True)}, "
        f"net {number(net, signed=True)} {quote}"
    )


def finding(first: Entry, found: Contributions) -> str:
    """What sizing and filters did together, in quote."""
    later = found.steps[1:]
    net, costs = (sum(getattr(step, name) for step in later) / found.quote_unit for name in ("net", "costs"))
    did, whom = ("add", "to") if net >= 0 else ("take", "from")
    saved = "saving" if costs <= 0 else "costing"
    before, after = found.steps[0].fills, found.steps[-1].fills
    return (
        f"Sizing and filters {did} {number(abs(net))} {first.quote} {whom} {first.short}, {saved} {number(abs(costs))} "
        f"in costs: {count_of(after, 'fill')} instead of {before:,}"
    )
