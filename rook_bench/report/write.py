"""Write a report: report.html and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rook_bench.metrics import Analysis


def write_report(
    analyses: Sequence[Analysis],
    folder: Path,
    *,
    title: str,
    verdict: dict[str, Any] | None = None,
    looks: dict[str, Any] | None = None,
) -> Path:
    """Write report.html and its PNG pictures into an existing folder; returns the page's path.

    Args:
        analyses: one run, or a comparison: the first is the one in question, the others are what
            it is measured against, all on the same tape.
        folder: where to; files of an earlier report there are replaced.
        title: the page's heading.
        verdict: what a gate said, if one did: {"verdict", "reasons", "checks", "policy"}.
        looks: how often this stretch was judged before, if that is recorded: {"count", "candidates",
            "first_at", "last_at", "pbo"}, the last the JSON of an Estimate or None.

    Raises:
        InputError: where there is no analysis.
    """
    # Drawing libraries load here, so that importing this package costs nothing.
    from rook_bench.report.charts import pictures
    from rook_bench.report.charts.canvas import style
    from rook_bench.report.entries import make_entries
    from rook_bench.report.page import render

    entries = make_entries(analyses)
    drawn = []
    with style():
        for picture in pictures(entries):
            png = picture.to_png()
            (folder / f"{picture.name}.png").write_bytes(png)
            drawn.append((picture, png))
    page = folder / "report.html"
    page.write_text(render(entries, drawn, title=title, verdict=verdict, looks=looks), encoding="utf-8")
    return page
