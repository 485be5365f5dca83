"""When the first source earned or lost against holding."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.metrics.regimes import Regime, Regimes
from rook_bench.report.charts.canvas import Picture, blank, nothing
from rook_bench.report.charts.forest import Line, forest, sureness
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import duration, number, percent

NAME, HEADING, SECTION = "regimes", "Return over hold by regime", "regimes"


def when(entries: Sequence[Entry]) -> list[Picture]:
    """Mean net return over hold per bucket by volatility, trend and time of day, with intervals."""
    first = entries[0]
    found = first.analysis.regimes
    defined = [row for row in found.rows if row.mean.value is not None]
    if first.fills == 0:
        return [nothing(NAME, HEADING, f"{first.short} has no fills: it never differs from holding.", SECTION)]
    if not defined:
        why = f"The tape is too short: no regime has enough full buckets of {first.analysis.clock.label}."
        return [nothing(NAME, HEADING, why, SECTION)]
    title = finding(first, found)
    note = (
        f"Buckets of {first.analysis.clock.label}. Volatility and trend: of the {duration(found.lookback_s)} before "
        f"each bucket; {found.without_past:,} buckets have no such past. Bars: 95% interval; a hollow dot has none. "
        "Ten intervals stand here: one that misses zero by chance is no surprise."
    )
    figure = blank(title, note)
    groups = list(dict.fromkeys(row.group for row in found.rows))
    sizes = [sum(row.group == group for row in found.rows) for group in groups]
    panels = figure.subplots(len(groups), 1, sharex=True, height_ratios=sizes)
    reach = []
    for axes, group in zip(panels, groups, strict=True):
        lines = [Line(row.name, row.mean, text(row), first.colour) for row in found.rows if row.group == group]
        forest(axes, lines, size=9)
        axes.set_title(group, fontsize=10, loc="left")
        reach += list(axes.get_xlim())
    panels[-1].set_xlim(min(reach), max(reach))
    panels[-1].set_xlabel("net over hold, bps per bucket")
    caption = " ".join(f"{row.group}, {row.name}: {text(row)}." for row in defined).replace("\n", ", ")
    return [Picture(NAME, HEADING, title, caption, figure, section=SECTION)]


def text(row: Regime) -> str:
    """The mean and its n."""
    if row.mean.value is None:
        return f"undefined: {row.mean.undefined_because}"
    return f"{number(row.mean.value, 2, signed=True)} bps (n = {row.buckets:,})"


def finding(first: Entry, found: Regimes) -> str:
    """Where it earned or lost for sure, else that nothing stands out."""
    known = [row for row in found.rows if row.mean.value is not None]
    sure = {word: [row for row in known if sureness(row.mean) == word] for word in ("above", "below")}
    if not sure["above"] and not sure["below"]:
        return f"{first.short}: in no regime can its return over hold be told from zero"
    if len(sure["below"]) == len(known):
        return f"{first.short} loses against holding in every regime that can be measured"
    if len(sure["above"]) == len(known):
        return f"{first.short} earns more than holding in every regime that can be measured"
    word = "below" if len(sure["below"]) >= len(sure["above"]) else "above"
    extreme = (min if word == "below" else max)(sure[word], key=lambda row: row.mean.value or 0.0)
    verb = "loses" if word == "below" else "earns"
    size = f"{number(extreme.mean.value or 0.0, 2, signed=True)} bps per {first.analysis.clock.label} over hold"
    return (
        f"{first.short} {verb} measurably in {len(sure[word])} of {len(known)} regimes, most at "
        f"{extreme.group.lower()} {extreme.name}: {size}"
    )


def total_text(row: Regime) -> str:
    """The sum of the returns over hold."""
    return "undefined" if row.total.value is None else percent(row.total.value, signed=True)
