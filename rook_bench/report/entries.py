"""The sources of a report: unique names, and one colour each in every picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rook_bench.core import InputError
from rook_bench.metrics import Analysis
from rook_bench.replay import Run
from rook_bench.replay.run import slug
from rook_bench.report.formatting import shorten

COLOURS = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#332288", "#8C6D1F", "#44AA99", "#882255")
"""Told apart with the common kinds of colour blindness; green and vermilion are kept for BUY and SELL."""

HOLD_COLOUR, BOUND_COLOUR = "#555555", "#A0A0A0"
SHORT = 30
"""Longest name inside a picture."""

_ENDING = re.compile(r"\.(json|ya?ml|toml|parquet|py)$")


@dataclass(frozen=True, eq=False)
class Entry:
    """One analysed run as the report shows it.

    Attributes:
        label: its name, unique in the report; short: the same, cut for pictures.
        slug: its name in file names.
        colour, dash: how its lines are drawn.
        bound: whether it knows the future by its own word, so that nothing honest can reach it.
        first: whether it is the run in question (the candidate of a comparison).
    """

    analysis: Analysis
    label: str
    short: str
    slug: str
    colour: str
    dash: str
    bound: bool
    first: bool

    @property
    def ink(self) -> str:
        """The colour for text, dark enough to read on white."""
        channels = (int(self.colour[place : place + 2], 16) for place in (1, 3, 5))
        return "#" + "".join(f"{round(channel * 0.72):02x}" for channel in channels)

    @property
    def run(self) -> Run:
        """The run."""
        return self.analysis.run

    @property
    def opening(self) -> float:
        """Value of the opening balances in quote."""
        parts = self.analysis.attribution
        return parts.opening / parts.quote_unit

    @property
    def fills(self) -> int:
        """Orders that filled, wholly or partly."""
        return int(self.run.orders.filled.sum())

    @property
    def quote(self) -> str:
        """Symbol of the quote token."""
        return self.run.frame.pool.quote.symbol

    @property
    def base(self) -> str:
        """Symbol of the base token."""
        return self.run.frame.pool.base.symbol


def make_entries(analyses: Sequence[Analysis]) -> list[Entry]:
    """Name and colour every run; InputError where there is none."""
    if not analyses:
        raise InputError("there is no run to report", where="report")
    labels = unique([analysis.name for analysis in analyses], " ({})")
    slugs = unique([slug(analysis.run.source.reference)[:60] for analysis in analyses], "-{}")
    palette = iter(range(len(analyses)))
    entries = []
    for index, (analysis, label, file_name) in enumerate(zip(analyses, labels, slugs, strict=True)):
        bound = analysis.run.lookahead.status == "declared"
        keeps = analysis.run.source.choice.plugin.name == "hold"
        if bound or keeps:
            colour, dash = (BOUND_COLOUR, ":") if bound else (HOLD_COLOUR, "--")
        else:
            place = next(palette)
            # After all colours are used once, dashes tell the second round apart.
            colour, dash = COLOURS[place % len(COLOURS)], "-" if place < len(COLOURS) else "-."
        short = shorten(_ENDING.sub("", label), SHORT)
        entries.append(Entry(analysis, label, short, file_name, colour, dash, bound, index == 0))
    return entries


def unique(names: Sequence[str], pattern: str) -> list[str]:
    """The names, repeated ones numbered from the second on ("hold", "hold (2)")."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate in taken:
            number += 1
            candidate = name + pattern.format(number)
        taken.add(candidate)
        result.append(candidate)
    return result
