"""When was it earned or lost? The first source against holding, by volatility, trend and time of day."""

from __future__ import annotations

from functools import partial

from rook_bench.metrics.regimes import Regime, Regimes
from rook_bench.report.cells import Cell, as_return, bare, cell
from rook_bench.report.charts.canvas import Picture, blank
from rook_bench.report.charts.forest import Line, forest, sureness
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import duration, number
from rook_bench.report.topics.topic import Table, Topic
from rook_bench.report.topics.walk_forward import walk_forward_table

NAME = "regimes"


def regimes(first: Entry) -> Topic:
    """The return over hold by volatility, trend and time of day, and by stretch of the tape."""
    frame = (NAME, "When", "When was it earned or lost?")
    if first.fills == 0:
        return Topic(*frame, f"{first.label} has no fills: it never differs from holding.")
    found = first.analysis.regimes
    rows = [
        (f"{row.group}: {row.name}", [Cell(f"{row.buckets:,}"), bare(as_return(row.total)), cell(row.mean)])
        for row in found.rows
    ]
    columns = ("Regime", "Buckets", "Net over hold", "Mean per bucket")
    folds, said = walk_forward_table(first)
    tables = [Table("Net return over hold by regime", columns, rows), *([] if folds is None else [folds])]
    notes = [
        "A bucket's volatility and trend come from prices before it. Low, middle and high are thirds of this tape. A "
        "move is flat below 0.43 of its own trailing deviation, as a third of a random walk's moves are. Times are "
        "UTC. Buckets of a kind are put end to end for the interval. With ten intervals, one that misses zero by "
        "chance is no surprise."
    ]
    if all(row.mean.value is None for row in found.rows):
        lead = f"The tape is too short: no regime has enough full buckets of {first.analysis.clock.label}."
        return Topic(*frame, lead, [said], tables, notes)
    lead = f"{_finding(first, first.label, found)}."
    return Topic(*frame, lead, [said], tables, notes, (partial(_picture, first, found),))


def _picture(first: Entry, found: Regimes) -> Picture:
    """Mean net return over hold per bucket by volatility, trend and time of day, with intervals."""
    title = _finding(first, first.short, found)
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
        lines = [Line(row.name, row.mean, _text(row), first.colour) for row in found.rows if row.group == group]
        forest(axes, lines, size=9)
        axes.set_title(group, fontsize=10, loc="left")
        reach += list(axes.get_xlim())
    panels[-1].set_xlim(min(reach), max(reach))
    panels[-1].set_xlabel("net over hold, bps per bucket")
    defined = [row for row in found.rows if row.mean.value is not None]
    caption = " ".join(f"{row.group}, {row.name}: {_text(row)}." for row in defined)
    return Picture(NAME, "Return over hold by regime", title, caption, figure, NAME)


def _text(row: Regime) -> str:
    """The mean and its n."""
    if row.mean.value is None:
        return f"undefined: {row.mean.undefined_because}"
    return f"{number(row.mean.value, 2, signed=True)} bps (n = {row.buckets:,})"


def _finding(first: Entry, name: str, found: Regimes) -> str:
    """Where it earned or lost for sure, else that nothing stands out; the name as given."""
    known = [row for row in found.rows if row.mean.value is not None]
    sure = {word: [row for row in known if sureness(row.mean) == word] for word in ("above", "below")}
    if not sure["above"] and not sure["below"]:
        return f"{name}: in no regime can its return over hold be told from zero"
    if len(sure["below"]) == len(known):
        return f"{name} loses against holding in every regime that can be measured"
    if len(sure["above"]) == len(known):
        return f"{name} earns more than holding in every regime that can be measured"
    word = "below" if len(sure["below"]) >= len(sure["above"]) else "above"
    extreme = (min if word == "below" else max)(sure[word], key=lambda row: row.mean.value or 0.0)
    verb = "loses" if word == "below" else "earns"
    size = f"{number(extreme.mean.value or 0.0, 2, signed=True)} bps per {first.analysis.clock.label} over hold"
    return (
        f"{name} {verb} measurably in {len(sure[word])} of {len(known)} regimes, most at "
        f"{extreme.group.lower()} {extreme.name}: {size}"
    )
