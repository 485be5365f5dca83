"""The pictures of a report, one per file. Each function takes entries and returns Pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rook_bench.report.charts.actions import actions
from rook_bench.report.charts.canvas import Picture
from rook_bench.report.charts.confidence import confidence
from rook_bench.report.charts.confusion import confusion
from rook_bench.report.charts.coverage import coverage
from rook_bench.report.charts.difference import difference
from rook_bench.report.charts.disagreement import disagree
from rook_bench.report.charts.distribution import distribution
from rook_bench.report.charts.drawdown import drawdown
from rook_bench.report.charts.edge import edge
from rook_bench.report.charts.equity import equity
from rook_bench.report.charts.filters import filters
from rook_bench.report.charts.markouts import markouts
from rook_bench.report.charts.regimes import when
from rook_bench.report.charts.reliability import reliability, reliability_profitable
from rook_bench.report.charts.waterfall import waterfall
from rook_bench.report.entries import Entry

CHARTS = (equity, drawdown, waterfall, actions, distribution, confusion, markouts, confidence, reliability)
"""In the order of the report's pictures."""

QUESTIONS = (difference, disagree, reliability_profitable, coverage, edge, filters, when)
"""Pictures that stand in sections of their own, see `report.questions`."""


def pictures(entries: Sequence[Entry]) -> Iterator[Picture]:
    """Every picture of a report, drawn one at a time; call it inside `style`."""
    for chart in (*CHARTS, *QUESTIONS):
        yield from chart(entries)
