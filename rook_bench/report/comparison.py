"""The comparison table: a column per source, a row per metric, and why a cell has no number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rook_bench.plugins import metric
from rook_bench.report.cells import Cell, count_text, estimate_text, interval_text
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, duration
from rook_bench.report.metric_groups import Row, grouped

SHORT_SPAN_S = 30 * 86_400.0
"""A ratio annualised from less than this is mostly extrapolation."""

LAST_SHOWN = "Risk"
"""The last group of measures that the page shows at once; the others unfold."""

LOOKAHEAD = {
    "clean": "clean",
    "leak": "leak: sees the future",
    "declared": "declared: unreachable bound",
    "unchecked": "not checked",
}


def comparison(entries: Sequence[Entry]) -> dict[str, Any]:
    """Groups of rows of cells, how many of them are shown at once, the footnotes of undefined cells, and look-ahead."""
    footnotes: dict[str, int] = {}
    groups = [
        (title, [(row, [_cell(entry, row, footnotes) for entry in entries]) for row in rows])
        for title, rows in grouped(entries).items()
    ]
    return {
        "groups": groups,
        "shown": 1 + next((place for place, (title, _) in enumerate(groups) if title == LAST_SHOWN), len(groups)),
        "footnotes": [(number, text) for text, number in footnotes.items()],
        "annualised": _annualised(entries),
        "intervals": any(entry.analysis.intervals for entry in entries),
        "lookahead": [_lookahead(entry) for entry in entries],
    }


def _cell(entry: Entry, row: Row, footnotes: dict[str, int]) -> Cell:
    estimate = entry.analysis.intervals.get(row.name) or entry.analysis.estimates.get(row.name)
    if estimate is None:
        return Cell("not measured", why="this run was measured without that metric")
    text, n = estimate_text(estimate, entry.quote, signed=row.signed), count_text(estimate)
    if estimate.undefined_because is not None:
        why = estimate.undefined_because
        return Cell(text, (n,), why, footnotes.setdefault(why, len(footnotes) + 1))
    bounds = interval_text(estimate, entry.quote, signed=row.signed)
    return Cell(text, (bounds, n) if bounds else (n,))


def _annualised(entries: Sequence[Entry]) -> str:
    """A warning about ratios that were annualised from a short tape; "" for a long one or where there are none."""
    first = entries[0]
    returns = len(first.analysis.sampled.returns)
    if first.run.frame.covered_s >= SHORT_SPAN_S or returns < 2:
        return ""
    return (
        f"Volatility and ratios are annualised from {count_of(returns, 'return')} of {first.analysis.clock.label} over "
        f"{duration(first.run.frame.covered_s)}: read their signs and order, not their size."
    )


def _lookahead(entry: Entry) -> dict[str, str]:
    found = entry.run.lookahead
    return {"status": found.status, "text": LOOKAHEAD.get(found.status, found.status), "detail": found.detail}


def conventions(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """How every metric of the table was computed, in the metrics' own words, each said once."""
    summaries = {plugin.name: plugin.summary for plugin in metric}
    listed = []
    for rows in grouped(entries).values():
        for row in rows:
            estimates = [entry.analysis.estimates.get(row.name) for entry in entries]
            said = dict.fromkeys(e.how for e in estimates if e is not None and e.how)
            listed.append(
                {
                    "row": row,
                    "summary": summaries.get(row.name, ""),
                    "conventions": [text[:1].upper() + text[1:] for text in said],
                }
            )
    return listed
