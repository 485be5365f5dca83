"""Is the difference real?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rook_bench.report.charts.difference import days_text, differences, finding, total_text
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import number, percent
from rook_bench.report.questions.parts import Cell, Question, Table, cell
from rook_bench.stats.multiple import model_confidence_set, superior_predictive_ability


def difference(entries: Sequence[Entry]) -> Question:
    """Paired differences of the first source against every other, and the tape it would take to see them."""
    frame = ("difference", "Is it real?", "Is the difference real?")
    found, first = differences(entries), entries[0]
    if not found:
        return Question(*frame, "There is one source only, so there is no difference to ask about.")
    rows = []
    for other, pair in found:
        needed = pair.days_needed
        why = needed.undefined_because or ""
        days = Cell("undefined", "", why) if why else Cell(days_text(pair))
        alike = Cell(percent(pair.alike, 1), "decisions identical" if pair.same_decisions else "")
        total, small = total_text(pair)
        undefined = pair.total.undefined_because or ""
        rows.append((f"{first.label} minus {other.label}", [
            Cell(total, "" if undefined else small, undefined), cell(pair.per_day), alike, days,
        ]))  # fmt: skip
    columns = ("Difference", "In total, net", "Per day", "Same side", "Days of tape needed")
    span = first.run.frame.span_s / 86_400
    notes = [
        "Net log returns are compared bucket by bucket, which takes out what moved both. The interval allows for "
        "dependence between buckets. Days needed: how long a tape would show a difference of this size with 80% "
        f"power at a one-sided level of 2.5%, were it the true one; this tape has {number(span, 1)} days. A difference "
        "measured on a short tape is itself uncertain, and so is the length that it asks for.",
        "Each interval stands for itself: the more sources are compared, the likelier one of them looks different by "
        "luck.",
    ]
    tables = [Table("Paired differences", columns, rows)]
    together = _together(entries)
    if together is not None:
        tables.append(together)
        notes.append(_by_luck(entries))
    lead = finding(first, *found[0]) + "."
    return Question(*frame, lead, (), tables, notes)


def _log_returns(entries: Sequence[Entry]) -> dict[str, NDArray[np.float64]]:
    """Net log returns by source; those that know the future are no rivals."""
    return {entry.label: np.log1p(entry.analysis.sampled.returns) for entry in entries if not entry.bound}


def _together(entries: Sequence[Entry]) -> Table | None:
    """Which sources can't be told from the best, all compared at once; None for fewer than three."""
    returns = _log_returns(entries)
    if len(returns) < 3:
        return None
    kept = model_confidence_set(returns, rng=np.random.default_rng(0))
    rows = []
    for name in returns:
        if kept.undefined_because is not None:
            cells = [Cell("undefined", "", kept.undefined_because)] * 2
        else:
            cells = [Cell("yes" if name in kept.names else "no"), Cell(f"{kept.p_values[name]:.3f}", f"n = {kept.n:,}")]
        rows.append((name, cells))
    return Table("All sources at once", ("Source", "May be the best", "p-value (Model Confidence Set)"), rows)


def _by_luck(entries: Sequence[Entry]) -> str:
    """Whether the best of the sources beats holding, or would by luck."""
    returns = _log_returns(entries)
    held = np.log1p(entries[0].analysis.sampled.hold_returns)
    rivals = {name: mine for name, mine in returns.items() if not np.allclose(mine, held, rtol=0, atol=1e-15)}
    start = "Model Confidence Set (Hansen, Lunde, Nason 2011), 95%: what is left out is worse than some other source. "
    estimate = superior_predictive_ability(rivals, held, rng=np.random.default_rng(0))
    if estimate.value is None:
        return f"{start}Whether any beats holding can't be tested: {estimate.undefined_because}."
    verdict = "does" if estimate.value <= 0.05 else "need not"
    return (
        f"{start}After looking at {len(rivals)} sources the best of them {verdict} beat holding: p = "
        f"{estimate.value:.3f} (Hansen's test for superior predictive ability, stationary bootstrap)."
    )
