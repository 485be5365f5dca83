"""The questions that the sections after the pictures answer: one file each, with its words, pictures and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rook_bench.report.asked import asked_of
from rook_bench.report.entries import Entry
from rook_bench.report.topics.confidence import confidence
from rook_bench.report.topics.difference import difference
from rook_bench.report.topics.disagreement import disagreement
from rook_bench.report.topics.edge import edge
from rook_bench.report.topics.filters import filters
from rook_bench.report.topics.periods import over_time
from rook_bench.report.topics.regimes import regimes
from rook_bench.report.topics.said import said
from rook_bench.report.topics.topic import Topic
from rook_bench.report.topics.trades import trades


def topics(entries: Sequence[Entry], verdict: Mapping[str, Any] | None = None) -> list[Topic]:
    """Every question in the order of the page; the last three are about the first source.

    Its orders are a section where it made some, what was asked and said where a language model was asked.

    Args:
        verdict: what a gate said, as in verdict.json: where it asked the same, the page says the same.
    """
    first = entries[0]
    compared = [difference(entries, asked_of(verdict)), disagreement(entries), confidence(entries)]
    found = [*compared, over_time(entries), trades(first), said(entries), edge(first), filters(first), regimes(first)]
    return [topic for topic in found if topic is not None]
