"""Is the difference real? The first source against each other one, or why that can't be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.metrics.paired import Paired, days_needed, paired
from rook_bench.report.cells import Cell, as_return, cell, estimate_text, interval_text
from rook_bench.report.charts.canvas import NoPicture, Picture, blank
from rook_bench.report.charts.forest import Line, forest, sureness
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent
from rook_bench.report.topics.topic import Table, Topic
from rook_bench.report.words import net_return
from rook_bench.stats.multiple import model_confidence_set, superior_predictive_ability
from rook_bench.stats.power import ALPHA, POWER

NAME = "difference"
Pairs = list[tuple[Entry, Paired]]


def difference(entries: Sequence[Entry], asked: Mapping[str, float] | None = None) -> Topic:
    """Paired differences of the first source against every other, and the tape it would take to see them.

    Args:
        asked: boundary, alpha and power of the test that `days_needed` is to state; its own by default.
    """
    asked, frame = asked or {}, (NAME, "Is it real?", "Is the difference real?")
    first = entries[0]
    found = [(other, paired(first.run, other.run, first.analysis.clock)) for other in entries[1:]]
    if not found:
        return Topic(*frame, "There is one source only, so there is no difference to ask about.")
    tables = [_differences(first, found, asked)]
    span = first.run.frame.covered_s / 86_400
    notes = [
        "Net log returns are compared bucket by bucket, which takes out what moved both. The interval allows for "
        f"dependence between buckets. Days needed: how long a tape would {_told(asked)}, were it the true one; this "
        f"tape has {number(span, 1)} days. A difference "
        "measured on a short tape is itself uncertain, and so is the length that it asks for.",
        "Each interval stands for itself: the more sources are compared, the likelier one of them looks different by "
        "luck.",
    ]
    returns = {entry.label: np.log1p(entry.analysis.sampled.returns) for entry in entries if not entry.bound}
    if len(returns) >= 3:
        tables.append(_together(returns))
        notes.append(_by_luck(returns, np.log1p(first.analysis.sampled.hold_returns)))
    other, pair = found[0]
    lead = f"{_ruin(first, other) or _finding(first.label, other.label, pair)}."
    return Topic(*frame, lead, (), tables, notes, (partial(_picture, first, found),))


def _ruin(first: Entry, other: Entry) -> str:
    """What to say in place of a mean per day where a source lost nearly all; "" where none of the two did."""
    gone = [entry for entry in (first, other) if entry.ruined]
    if not gone:
        return ""
    ends = " and ".join(f"{entry.label} ends at {percent(net_return(entry), signed=True)}" for entry in (first, other))
    who = "both are ruined" if len(gone) == 2 else f"{gone[0].label} is ruined"
    return f"{who}: {ends}, and a mean per day says nothing of money that is gone"


def total_texts(pair: Paired) -> tuple[str, str]:
    """The total difference, and its interval or why there is no number."""
    return estimate_text(as_return(pair.total), signed=True), pair.total.undefined_because or _bounds(pair)


def _bounds(pair: Paired) -> str:
    return interval_text(as_return(pair.total), signed=True) or "no interval"


def _differences(first: Entry, found: Pairs, asked: Mapping[str, float]) -> Table:
    rows = []
    for other, pair in found:
        total, undefined = estimate_text(as_return(pair.total), signed=True), pair.total.undefined_because or ""
        if gone := _ruin(first, other):
            rows.append((f"{first.label} minus {other.label}", [Cell("undefined", (), gone)] * 4))
            continue
        rows.append((f"{first.label} minus {other.label}", [
            Cell(total, () if undefined else (_bounds(pair),), undefined),
            cell(pair.per_day),
            Cell(percent(pair.alike, 1), ("decisions identical",) if pair.same_decisions else ()),
            _days(days_needed(pair.values, first.analysis.clock.bucket_s, **asked)),
        ]))  # fmt: skip
    return Table(
        "Paired differences", ("Difference", "In total, net", "Per day", "Same side", "Days of tape needed"), rows
    )


def _days(needed: Estimate) -> Cell:
    if needed.value is None:
        return Cell("undefined", (), needed.undefined_because or "")
    return Cell(days_text(needed.value))


def days_text(days: float) -> str:
    """A length of tape in words."""
    return f"{number(days, 1)} days" if days < 1000 else f"{days / 365:,.0f} years"


def _told(asked: Mapping[str, float]) -> str:
    """The test whose length is stated, in words: the verdict's where there is one."""
    boundary = asked.get("boundary", 0.0)
    power, level = percent(asked.get("power", POWER), 0), percent(asked.get("alpha", ALPHA), 1)
    apart = f" lies above or below the policy's {number(boundary, 1)} bps per day" if boundary else ""
    verb = f"tell whether a difference of this size{apart}" if boundary else "show a difference of this size"
    return f"{verb} with {power} power at a one-sided level of {level}"


def _together(returns: dict[str, NDArray[np.float64]]) -> Table:
    """Which sources can't be told from the best, all compared at once; those that know the future are no rivals."""
    kept = model_confidence_set(returns, rng=np.random.default_rng(0))
    rows = []
    for name in returns:
        if kept.undefined_because is not None:
            cells = [Cell("undefined", (), kept.undefined_because)] * 2
        else:
            cells = [
                Cell("yes" if name in kept.names else "no"),
                Cell(f"{kept.p_values[name]:.3f}", (f"n = {kept.n:,}",)),
            ]
        rows.append((name, cells))
    return Table("All sources at once", ("Source", "May be the best", "p-value (Model Confidence Set)"), rows)


def _by_luck(returns: dict[str, NDArray[np.float64]], held: NDArray[np.float64]) -> str:
    """Whether the best of the sources beats holding, or would by luck."""
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


def _picture(first: Entry, found: Pairs) -> Picture | NoPicture:
    """Paired net differences in bps per day with their intervals; bounds only where there is nothing else."""
    heading = "Difference to each other source"
    told = [(other, pair) for other, pair in found if not _ruin(first, other)]
    if not told:
        return NoPicture(NAME, heading, f"No difference: {_ruin(first, found[0][0])}.", NAME)
    defined = [(other, pair) for other, pair in told if pair.per_day.value is not None]
    if not defined:
        why = f"No difference: {found[0][1].per_day.undefined_because} on the clock of {first.analysis.clock.label}."
        return NoPicture(NAME, heading, why, NAME)
    shown = [(other, pair) for other, pair in defined if not other.bound] or defined
    other, pair = shown[0]
    title = _finding(first.short, other.short, pair)
    note = (
        f"n = {count_of(len(pair.values), 'bucket')} of {first.analysis.clock.label}. {first.short} minus each "
        "source, net log return, paired bucket by bucket. Bars: 95% interval that allows for dependence; a hollow "
        "dot has none."
    )
    left_out = [other.short for other, pair in defined if (other, pair) not in shown]
    if left_out:
        note += f" Not shown, because it knows the future: {', '.join(left_out)}."
    if len(told) < len(found):
        note += f" Not shown, because it is ruined: {', '.join(other.short for other, _ in found if other.ruined)}."
    figure = blank(title, note)
    axes = figure.add_subplot()
    forest(axes, [Line(f"minus {other.short}", pair.per_day, _text(pair), other.colour) for other, pair in shown])
    axes.set_xlabel(f"bps per day; right of zero {first.short} earned more")
    caption = " ".join(f"{_finding(first.label, other.label, pair)}." for other, pair in shown)
    return Picture(NAME, heading, title, caption, figure, NAME)


def _text(pair: Paired) -> str:
    value = f"{number(pair.per_day.value or 0.0, 1, signed=True)} bps"
    word = {"above": "better", "below": "worse", "unsure": "can't be told", "same": "the same"}
    return f"{value}\n{word[sureness(pair.per_day)]}"


def _finding(first: str, other: str, pair: Paired) -> str:
    """For example "momentum earned 120.5 bps a day less than hold (95%: -160.9 to -80.1)"; the names as given."""
    daily = pair.per_day
    if daily.value is None:
        return f"{first} against {other}: undefined, {daily.undefined_because}"
    known = sureness(daily)
    if known == "same":
        why = "both decide alike on every row" if pair.same_decisions else "the two equity curves are the same"
        return f"{first} and {other} earn the same, by construction: {why}"
    way = "more" if daily.value >= 0 else "less"
    size = f"{first} earned {number(abs(daily.value), 1)} bps a day {way} than {other}"
    if daily.low is None or daily.high is None:
        return f"{size}, and how sure that is can't be told"
    bounds = f"95%: {number(daily.low, 1, signed=True)} to {number(daily.high, 1, signed=True)}"
    return f"{size} ({bounds})" + ("" if known != "unsure" else ": that may be chance")
