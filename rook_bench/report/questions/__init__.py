"""The questions that the sections after the pictures answer, in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.report.entries import Entry
from rook_bench.report.questions.confidence import confidence
from rook_bench.report.questions.difference import difference
from rook_bench.report.questions.disagreement import disagreement
from rook_bench.report.questions.edge import edge
from rook_bench.report.questions.filters import filters
from rook_bench.report.questions.parts import Question
from rook_bench.report.questions.regimes import regimes


def questions(entries: Sequence[Entry]) -> list[Question]:
    """Every question in the order of the page; the last three are about the first source."""
    first = entries[0]
    compared = [difference(entries), disagreement(entries), confidence(entries)]
    return [*compared, edge(first), filters(first), regimes(first)]
