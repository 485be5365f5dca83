"""Every picture of a report, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from rook_bench.report.charts import CHARTS
from rook_bench.report.charts.canvas import NoPicture, Picture
from rook_bench.report.entries import Entry
from rook_bench.report.topics.topic import Topic


def pictures(entries: Sequence[Entry], asked: Sequence[Topic]) -> list[Callable[[], Sequence[Picture | NoPicture]]]:
    """What draws those of no question, then those of the questions; call them one at a time inside `style`."""
    return [partial(chart, entries) for chart in CHARTS] + [draw for topic in asked for draw in drawings(topic)]


def drawings(topic: Topic) -> list[Callable[[], Sequence[Picture | NoPicture]]]:
    """What draws a question's pictures."""
    return [partial(_alone, draw) for draw in topic.draw]


def _alone(draw: Callable[[], Picture | NoPicture]) -> list[Picture | NoPicture]:
    return [draw()]
