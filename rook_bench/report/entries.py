"""The sources of a report: unique names, and one colour each in every picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rook_bench.core import InputError
from rook_bench.core.hashing import PACKAGE
from rook_bench.metrics import Analysis
from rook_bench.metrics.performance import is_ruined
from rook_bench.replay import Run
from rook_bench.replay.naming import names_of
from rook_bench.replay.run import slug

COLOURS = ("#0072B2", "#E69F00", "#CC79A7", "#56B4E9", "#332288", "#8C6D1F", "#44AA99", "#882255")
"""Told apart with the common kinds of colour blindness; green and vermilion are kept for BUY and SELL."""

HOLD_COLOUR, BOUND_COLOUR = "#555555", "#A0A0A0"
SHORT = 30
"""Longest name inside a picture."""


@dataclass(frozen=True, eq=False)
class Entry:
    """One analysed run as the report shows it.

    Attributes:
        alias: what the user calls its source, None where they don't.
        label: its name, unique in the report; short: the same, or where that is too long for a picture what
            tells it from the others.
        slug: its name in file names.
        colour, dash: how its lines are drawn.
        bound: whether it knows the future by its own word, so that nothing honest can reach it.
        holds: whether it is the project's own source that keeps the opening balances.
        first: whether it is the run in question (the candidate of a comparison).
    """

    analysis: Analysis
    alias: str | None
    label: str
    short: str
    slug: str
    colour: str
    dash: str
    bound: bool
    holds: bool
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
    def ruined(self) -> bool:
        """Whether it lost nearly all that it had at some time."""
        return is_ruined(self.analysis.estimates)

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


def make_entries(analyses: Sequence[Analysis], aliases: Sequence[str | None] | None = None) -> list[Entry]:
    """Name and colour every run. InputError without a run.

    Args:
        analyses: the runs.
        aliases: what the user calls them, as many as runs; by default the runs' labels.
    """
    if not analyses:
        raise InputError("there is no run to report", where="report")
    references = [analysis.run.source.reference for analysis in analyses]
    called = list(aliases) if aliases is not None else _given([analysis.run.label for analysis in analyses], references)
    labels = names_of(references, aliases=called)
    shorts = names_of(references, aliases=called, longest=SHORT)
    slugs = _file_names(labels)
    palette = iter(range(len(analyses)))
    entries = []
    for index, analysis in enumerate(analyses):
        bound, holds = analysis.run.lookahead.status == "declared", _holds(analysis)
        if bound or holds:
            colour, dash = (BOUND_COLOUR, ":") if bound else (HOLD_COLOUR, "--")
        else:
            place = next(palette)
            # After all colours are used once, dashes tell the second round apart.
            colour, dash = COLOURS[place % len(COLOURS)], "-" if place < len(COLOURS) else "-."
        names = called[index], labels[index], shorts[index], slugs[index]
        entries.append(Entry(analysis, *names, colour, dash, bound, holds, index == 0))
    return entries


def _given(labels: Sequence[str], references: Sequence[str]) -> list[str | None]:
    """The labels that somebody gave; one that was derived to tell runs apart is derived again, to fit its place."""
    derived = names_of(references)
    return [None if label in ("", name) else label for label, name in zip(labels, derived, strict=True)]


def names_within(entries: Sequence[Entry], longest: int) -> dict[Entry, str]:
    """Names of at most `longest` characters, where less room is left than for `short`."""
    references, aliases = [entry.run.source.reference for entry in entries], [entry.alias for entry in entries]
    return dict(zip(entries, names_of(references, aliases=aliases, longest=longest), strict=True))


def _holds(analysis: Analysis) -> bool:
    plugin = analysis.run.source.choice.plugin
    return plugin.name == "hold" and plugin.file.is_relative_to(PACKAGE)


def _file_names(labels: Sequence[str]) -> list[str]:
    """The labels in what file systems allow; those that became equal are numbered."""
    taken: set[str] = set()
    result = []
    for label in labels:
        name = candidate = slug(label.replace("/", "-"))[:60]
        number = 1
        while candidate in taken:
            number += 1
            candidate = f"{name}-{number}"
        taken.add(candidate)
        result.append(candidate)
    return result
