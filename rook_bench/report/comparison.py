"""The comparison table: a column per source, a row per metric, and why a cell has no number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rook_bench.core import Estimate
from rook_bench.plugins import metric
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, duration, quantity
from rook_bench.report.metric_groups import Row, grouped

SHORT_SPAN_S = 30 * 86_400.0
"""A ratio annualised from less than this is mostly extrapolation."""

LOOKAHEAD = {
    "clean": "clean",
    "leak": "leak: sees the future",
    "declared": "declared: unreachable bound",
    "unchecked": "not checked",
}


@dataclass(frozen=True)
class Cell:
    """What one cell shows: the value, its n, an interval; or "undefined" with why and its footnote's number."""

    text: str
    n: str = ""
    interval: str = ""
    why: str = ""
    note: int | None = None


def comparison(entries: Sequence[Entry]) -> dict[str, Any]:
    """Groups of rows of cells, the footnotes that undefined cells refer to, and look-ahead by source."""
    footnotes: dict[str, int] = {}
    groups = [
        (title, [(row, [_cell(entry, row, footnotes) for entry in entries]) for row in rows])
        for title, rows in grouped(entries).items()
    ]
    return {
        "groups": groups,
        "footnotes": [(number, text) for text, number in footnotes.items()],
        "annualised": _annualised(entries),
        "intervals": any(entry.analysis.intervals for entry in entries),
        "lookahead": [_lookahead(entry) for entry in entries],
    }


def _cell(entry: Entry, row: Row, footnotes: dict[str, int]) -> Cell:
    estimate = entry.analysis.intervals.get(row.name) or entry.analysis.estimates.get(row.name)
    if estimate is None:
        return Cell("not measured", why="this run was measured without that metric")
    shown = estimate_text(estimate, entry.quote, signed=row.signed)
    if estimate.undefined_because is not None:
        why = estimate.undefined_because
        return Cell(shown, f"n = {estimate.n:,}", why=why, note=footnotes.setdefault(why, len(footnotes) + 1))
    return Cell(shown, f"n = {estimate.n:,}", interval_text(estimate, entry.quote, signed=row.signed))


def estimate_text(estimate: Estimate | None, quote: str, *, signed: bool = False) -> str:
    """The value in its unit, or the word "undefined"; never blank and never 0 for want of a number."""
    if estimate is None or estimate.value is None:
        return "undefined"
    return quantity(estimate.value, estimate.unit, quote, signed=signed)


def interval_text(estimate: Estimate, quote: str, *, signed: bool = False) -> str:
    """ "low to high" where an interval was computed."""
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = (quantity(bound, estimate.unit, quote, signed=signed) for bound in (estimate.low, estimate.high))
    return f"{low} to {high}"


def _annualised(entries: Sequence[Entry]) -> str:
    """A warning about ratios that were annualised from a short tape; "" for a long one or where there are none."""
    first = entries[0]
    returns = len(first.analysis.sampled.returns)
    if first.run.frame.span_s >= SHORT_SPAN_S or returns < 2:
        return ""
    return (
        f"Volatility and ratios are annualised from {count_of(returns, 'return')} of {first.analysis.clock.label} over "
        f"{duration(first.run.frame.span_s)}: read their signs and order, not their size."
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
            said = dict.fromkeys(e.convention for e in estimates if e is not None and e.convention)
            listed.append(
                {
                    "row": row,
                    "summary": summaries.get(row.name, ""),
                    "conventions": [text[:1].upper() + text[1:] for text in said],
                }
            )
    return listed
