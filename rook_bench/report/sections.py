"""A page of sections and nothing else: what was found, pictures, tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

from markupsafe import Markup

from rook_bench.report.drawing import drawn
from rook_bench.report.page import HERE, template_of
from rook_bench.report.pictures import drawings
from rook_bench.report.topics.topic import Topic


def write_sections(
    folder: Path, topics: Sequence[Topic], *, title: str, kind: str = "report", lines: Sequence[str] = ()
) -> Path:
    """Write report.html and the sections' PNG pictures into an existing folder; returns the page's path.

    Args:
        folder: where to.
        topics: the sections in order; the first is the result.
        title: the page's heading; lines: what stands under it.
        kind: what the page is ("report", "sweep").
    """
    draws = {topic.id: drawings(topic) for topic in topics}
    shown = iter(drawn(list(chain.from_iterable(draws.values())), folder))
    pictures = {name: list(chain.from_iterable(islice(shown, len(several)))) for name, several in draws.items()}
    css = Markup((HERE / "report.css").read_text(encoding="utf-8"))
    page = folder / "report.html"
    text = template_of("sections.html.j2").render(
        title=title, kind=kind, lines=lines, css=css, topics=topics, pictures=pictures
    )
    page.write_text(text, encoding="utf-8")
    return page
