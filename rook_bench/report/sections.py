"""A page of sections and nothing else: what was found, pictures, tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from rook_bench.report.charts.canvas import Picture, style
from rook_bench.report.page import HERE, Shown, template_of
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
    drawn: dict[str, list[Shown]] = {}
    with style():
        for topic in topics:
            for place in topic.draw:
                picture = place()
                png = picture.to_png() if isinstance(picture, Picture) else None
                if png is not None:
                    (folder / f"{picture.name}.png").write_bytes(png)
                drawn.setdefault(topic.id, []).append(Shown.of(picture, png))
    css = Markup((HERE / "report.css").read_text(encoding="utf-8"))
    page = folder / "report.html"
    text = template_of("sections.html.j2").render(
        title=title, kind=kind, lines=lines, css=css, topics=topics, pictures=drawn
    )
    page.write_text(text, encoding="utf-8")
    return page
