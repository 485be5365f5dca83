"""Is the edge one lucky stretch?"""

from __future__ import annotations

import numpy as np

from rook_bench.core import Estimate
from rook_bench.metrics.walk_forward import WalkForward
from rook_bench.report.cells import Cell, as_return, bare, cell, estimate_text, interval_text
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of
from rook_bench.report.topics.topic import Table


def walk_forward_table(first: Entry) -> tuple[Table | None, str]:
    """The return over hold of consecutive stretches of the tape, and what it says; no table for a short tape."""
    found = first.analysis.walk_forward
    if not found.folds:
        return None, f"Whether it is one lucky stretch can't be told: {found.without_best.undefined_because}."
    rows = [
        (
            _span(fold.first_at, fold.last_at),
            [
                Cell(f"{fold.buckets:,}"),
                bare(as_return(fold.total)),
                cell(fold.per_day),
            ],
        )
        for fold in found.folds
    ]
    columns = ("Stretch, UTC", "Buckets", "Net over hold, sum", "Per day")
    said = (
        f"{_said(found)} Between stretches {count_of(found.left_out, 'bucket')} in all are left out: what is done at "
        "the end of one pays off in the next, and the next looks back on it."
    )
    return Table("Net return over hold by stretch", columns, rows), said


def _said(found: WalkForward) -> str:
    verb = "end" if found.ahead > 1 else "ends"
    ahead = f"{found.ahead or 'None'} of {len(found.folds)} stretches {verb} above holding"
    rest = found.without_best
    return f"{ahead}." if rest.value is None else f"{ahead}; without the best of them it is {_daily(rest)} over hold."


def _daily(rest: Estimate) -> str:
    bounds = interval_text(rest, signed=True)
    return f"{estimate_text(rest, signed=True)} a day" + (f" (95%: {bounds})" if bounds else "")


def _span(first: np.datetime64, last: np.datetime64) -> str:
    """ "2025-01-01 00:00 to 04:50", or both dates where they differ."""
    begin, end = (str(moment.astype("datetime64[m]")).replace("T", " ") for moment in (first, last))
    same = first.astype("datetime64[D]") == last.astype("datetime64[D]")
    return f"{begin} to {end[11:] if same else end}"
