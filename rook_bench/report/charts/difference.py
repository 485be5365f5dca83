"""Whether the first source is better or worse than each other one, or whether that can't be told."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.metrics.paired import Paired, paired
from rook_bench.report.charts.canvas import Picture, blank, nothing
from rook_bench.report.charts.forest import Line, forest, sureness
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent

NAME, HEADING, SECTION = "difference", "Difference to each other source", "difference"


def differences(entries: Sequence[Entry]) -> list[tuple[Entry, Paired]]:
    """The first source paired with each other one on the same buckets."""
    first = entries[0]
    return [(other, paired(first.run, other.run, first.analysis.clock)) for other in entries[1:]]


def difference(entries: Sequence[Entry]) -> list[Picture]:
    """Paired net differences in bps per day with their intervals; bounds only where there is nothing else."""
    found = differences(entries)
    if not found:
        why = "There is one source only, so there is nothing to compare it with."
        return [nothing(NAME, HEADING, why, SECTION)]
    defined = [(other, pair) for other, pair in found if pair.per_day.value is not None]
    if not defined:
        why = (
            f"No difference: {found[0][1].per_day.undefined_because} on the clock of {entries[0].analysis.clock.label}."
        )
        return [nothing(NAME, HEADING, why, SECTION)]
    shown = [(other, pair) for other, pair in defined if not other.bound] or defined
    title = finding(entries[0], *shown[0])
    first, pairs = entries[0], shown[0][1]
    note = (
        f"n = {count_of(len(pairs.values), 'bucket')} of {first.analysis.clock.label}. {first.short} minus each "
        "source, net log return, paired bucket by bucket. Bars: 95% interval that allows for dependence; a hollow "
        "dot has none."
    )
    left_out = [other.short for other, pair in defined if (other, pair) not in shown]
    if left_out:
        note += f" Not shown, because it knows the future: {', '.join(left_out)}."
    figure = blank(title, note)
    axes = figure.add_subplot()
    lines = [Line(f"minus {other.short}", pair.per_day, _text(pair), other.colour) for other, pair in shown]
    forest(axes, lines)
    axes.set_xlabel(f"bps per day; right of zero {first.short} earned more")
    caption = " ".join(f"{finding(first, other, pair)}." for other, pair in shown)
    return [Picture(NAME, HEADING, title, caption, figure, section=SECTION)]


def _text(pair: Paired) -> str:
    value = f"{number(pair.per_day.value or 0.0, 1, signed=True)} bps"
    word = {"above": "better", "below": "worse", "unsure": "can't be told", "same": "the same"}
    return f"{value}\n{word[sureness(pair.per_day)]}"


def finding(first: Entry, other: Entry, pair: Paired) -> str:
    """For example "momentum earns 120.5 bps a day less than hold (95%: 80.1 to 160.9)"."""
    daily = pair.per_day
    if daily.value is None:
        return f"{first.short} against {other.short}: undefined, {daily.undefined_because}"
    known = sureness(daily)
    if known == "same":
        why = daily.convention.rsplit(": ", 1)[-1]
        return f"{first.short} and {other.short} earn the same, by construction: {why}"
    way = "more" if daily.value >= 0 else "less"
    size = f"{first.short} earned {number(abs(daily.value), 1)} bps a day {way} than {other.short}"
    if daily.low is None or daily.high is None:
        return f"{size}, and how sure that is can't be told"
    bounds = f"95%: {number(daily.low, 1, signed=True)} to {number(daily.high, 1, signed=True)}"
    return f"{size} ({bounds})" + ("" if known != "unsure" else ": that may be chance")


def days_text(pair: Paired) -> str:
    """How many days would show a difference of that size, in words."""
    needed = pair.days_needed
    if needed.value is None:
        return f"undefined: {needed.undefined_because}"
    return f"{number(needed.value, 1)} days" if needed.value < 1000 else f"{needed.value / 365:,.0f} years"


def total_text(pair: Paired) -> tuple[str, str]:
    """The total difference and its interval."""
    total = pair.total
    if total.value is None:
        return "undefined", total.undefined_because or ""
    bounds = "" if total.low is None or total.high is None else (
        f"{percent(total.low, signed=True)} to {percent(total.high, signed=True)}"
    )  # fmt: skip
    return percent(total.value, signed=True), bounds or "no interval"
