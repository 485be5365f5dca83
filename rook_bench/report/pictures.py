"""Every picture of a report, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rook_bench.report.charts import CHARTS
from rook_bench.report.charts.canvas import NoPicture, Picture
from rook_bench.report.entries import Entry
from rook_bench.report.topics.topic import Topic


def pictures(entries: Sequence[Entry], asked: Sequence[Topic]) -> Iterator[Picture | NoPicture]:
    """Those of no question, then those of the questions, drawn one at a time; call it inside `style`."""
    for chart in CHARTS:
        yield from chart(entries)
    for topic in asked:
        yield from (draw() for draw in topic.draw)
