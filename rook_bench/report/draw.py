"""One picture of a report by itself, for a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.core import InputError, UnknownName
from rook_bench.metrics import Analysis
from rook_bench.report.charts import CHARTS, QUESTIONS, Picture
from rook_bench.report.charts.canvas import style
from rook_bench.report.entries import make_entries


def draw(analyses: Sequence[Analysis], name: str) -> Picture:
    """The picture of that name; where a report has one per source, that of the first.

    Raises:
        UnknownName: for a picture that there is not.
        InputError: where these runs have nothing to show in it.
    """
    charts = {chart.__name__: chart for chart in (*CHARTS, *QUESTIONS)}
    if name not in charts:
        raise UnknownName("picture", name, charts)
    with style():
        drawn = next(iter(charts[name](make_entries(analyses))), None)
    if drawn is None:
        raise InputError("there is nothing to draw", where=f"picture {name}")
    return drawn
