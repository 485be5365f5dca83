"""One picture of a report by itself, for a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.core import InputError, UnknownName
from rook_bench.metrics import Analysis
from rook_bench.report.charts import CHARTS
from rook_bench.report.charts.canvas import NoPicture, Picture, style
from rook_bench.report.entries import make_entries
from rook_bench.report.topics import topics


def draw(analyses: Sequence[Analysis], name: str) -> Picture:
    """The picture of that name ("equity", "difference", ...), as its file is called beside a report.

    Where a report has one for each source, the first source's.

    Raises:
        UnknownName: for a picture that there is not, with the near name.
        InputError: where these runs have nothing to show in it.
    """
    entries = make_entries(analyses)
    charts = {chart.__name__: chart for chart in CHARTS}
    with style():
        if name in charts:
            found = next(iter(charts[name](entries)), None)
            return _shown(found, name)
        seen = list(charts)
        for topic in topics(entries):
            for place in topic.draw:
                picture = place()
                if name in (picture.name, topic.id):
                    return _shown(picture, name)
                seen.append(picture.name)
    raise UnknownName("picture", name, seen)


def _shown(picture: Picture | NoPicture | None, name: str) -> Picture:
    if isinstance(picture, Picture):
        return picture
    why = "these runs have none" if picture is None else picture.sentence.rstrip(".")
    raise InputError(why, where=f"picture '{name}'")
