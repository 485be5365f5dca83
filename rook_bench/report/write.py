"""Write a report: report.html and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
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
    aliases: Sequence[str | None] | None = None,
    with_pictures: bool = True,
) -> Path:
    """Write report.html, its PNG pictures and trades.csv into an existing folder; returns the page's path.

    Args:
        analyses: one run, or a comparison: the first is the one in question, the others are what
            it is measured against, all on the same tape.
        folder: where to; files of an earlier report there are replaced.
        title: the page's heading.
        verdict: what a gate said, if one did, as in verdict.json: {"verdict", "reasons", "checks", "policy",
            "candidate", "champion", "tape"}.
        looks: how often this stretch was judged before, if that is recorded: {"count", "candidates",
            "first_at", "last_at"}.
        aliases: what the user calls the sources, None for those without.
        with_pictures: whether to draw them, which takes the most time; the live chart is there without.

    Raises:
        InputError: where there is no analysis.
    """
    # Drawing libraries load here, so that importing this package costs nothing.
    from rook_bench.report.drawing import drawn
    from rook_bench.report.entries import make_entries
    from rook_bench.report.page import render
    from rook_bench.report.pictures import pictures
    from rook_bench.report.topics import topics
    from rook_bench.report.topics.trades import write_trades
    from rook_bench.report.verdict import arranged

    entries = arranged(make_entries(analyses, aliases), verdict)
    asked = topics(entries, verdict)
    shown = list(chain.from_iterable(drawn(pictures(entries, asked), folder))) if with_pictures else []
    write_trades(entries[0], folder)
    page = folder / "report.html"
    page.write_text(render(entries, asked, shown, title=title, verdict=verdict, looks=looks), encoding="utf-8")
    return page
