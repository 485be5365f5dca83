"""Where the model and its teacher decide differently, and who was right there."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.metrics.disagreement import Disagreement, Kind, disagreement, teaches
from rook_bench.report.charts.canvas import INK, SIDE_COLOURS, Picture, blank, nothing
from rook_bench.report.charts.forest import Line, forest, sureness
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent

NAME, HEADING, SECTION = "disagreement", "Gain where model and teacher disagree", "disagreement"


def teacher_of(entries: Sequence[Entry]) -> tuple[Entry | None, str | None]:
    """The source that the first one learned from (None: the labels), and why there is none, if so."""
    first = entries[0]
    if teaches(first.run):
        return None, f"{first.short} is the teacher itself; put a model first to see where it differs from its rules"
    found = next((entry for entry in entries[1:] if teaches(entry.run)), None)
    if found is None and "label_side" not in first.run.frame.labels:
        return None, "There is no teacher here: no source is a set of rules, and the tape carries no labels"
    return found, None


def judged(entries: Sequence[Entry]) -> tuple[Disagreement | None, str | None]:
    """The first source against its teacher, or why not."""
    teacher, why = teacher_of(entries)
    if why:
        return None, why
    first = entries[0]
    run = None if teacher is None else teacher.run
    return disagreement(first.run, run, first.analysis.clock), None


def disagree(entries: Sequence[Entry]) -> list[Picture]:
    """Mean gain by kind of disagreement, with its interval."""
    found, why = judged(entries)
    if found is None:
        return [nothing(NAME, HEADING, f"{why}.", SECTION)]
    if not found.kinds:
        why = f"{entries[0].short} and {found.teacher} give the same answer on every row that both can be read on."
        return [nothing(NAME, HEADING, why, SECTION)]
    title = finding(entries[0], found)
    note = (
        f"{count_of(found.rows, 'row')}, {found.together.rows:,} of them in disagreement. Value of the model's "
        f"action minus that of the teacher's, {found.values.horizon_s:g} s after the order lands, less the pool fee "
        "and the run's own impact and gas per value traded. Every row counts alike, whatever the order's size. Bars: "
        "95% interval."
    )
    figure = blank(title, note)
    axes = figure.add_subplot()
    lines = [
        Line(f"{kind.teacher} \N{RIGHTWARDS ARROW} {kind.model}", kind.gain, _text(kind), SIDE_COLOURS[kind.model])
        for kind in found.kinds
    ]
    # HOLD's own colour is too pale for a line.
    lines = [
        Line(line.name, line.estimate, line.text, "#8A94A0") if "HOLD" in line.name[-4:] else line for line in lines
    ]
    together = Line("all of them", found.together.gain, _text(found.together), INK)
    forest(axes, [together, *lines])
    axes.set_xlabel("teacher \N{RIGHTWARDS ARROW} model, bps per action; right of zero the model was right")
    caption = "Where both agree the model can't be better than its teacher. " + " ".join(
        f"{kind.teacher} to {kind.model}: {in_words(kind)}." for kind in found.kinds
    )
    return [Picture(NAME, HEADING, title, caption, figure, section=SECTION)]


def _text(kind: Kind) -> str:
    if kind.gain.value is None:
        return f"undefined\nn = {kind.gain.n:,}"
    return f"{number(kind.gain.value, 1, signed=True)} bps\nn = {kind.gain.n:,}"


def in_words(kind: Kind) -> str:
    """The gain with its interval and n."""
    gain = kind.gain
    if gain.value is None:
        return f"undefined ({gain.undefined_because})"
    bounds = ""
    if gain.low is not None and gain.high is not None:
        bounds = f", 95% {number(gain.low, 1, signed=True)} to {number(gain.high, 1, signed=True)}"
    return f"{number(gain.value, 1, signed=True)} bps{bounds} (n = {gain.n:,})"


def finding(first: Entry, found: Disagreement) -> str:
    """Which of the two was right where they disagree."""
    gain = found.together.gain
    share = percent(found.together.rows / found.rows, 1)
    where = f"{first.short} differs from {found.teacher} on {share} of rows"
    if gain.value is None:
        return f"{where}; who was right is undefined: {gain.undefined_because}"
    size = f"{number(abs(gain.value), 1)} bps per action"
    known = sureness(gain)
    if known == "unsure":
        return f"{where} and {'gains' if gain.value >= 0 else 'loses'} {size} there, which may be chance"
    return f"{where} and {'gains' if known == 'above' else 'loses'} {size} there"
