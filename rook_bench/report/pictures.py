"""Every picture of a report, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rook_bench.core import mapped
from rook_bench.report.charts import CHARTS
from rook_bench.report.charts.canvas import NoPicture, Picture
from rook_bench.report.entries import Entry
from rook_bench.report.topics.topic import Topic


def pictures(entries: Sequence[Entry], asked: Sequence[Topic]) -> Iterator[Picture | NoPicture]:
    """Those of no question, then those of the questions, drawn one at a time; call it inside `style`."""
    for chart in CHARTS:
        yield from chart(entries)
        mapped.release()
    for draw in (draw for topic in asked for draw in topic.draw):
        yield draw()
        mapped.release()
