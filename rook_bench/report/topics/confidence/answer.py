"""The answer in words and tables: calibration against both truths, and what keeping the surest would do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rook_bench.metrics.brier import BrierParts
from rook_bench.report.cells import Cell, cell
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import number, percent
from rook_bench.report.topics.confidence.coverage import coverage
from rook_bench.report.topics.confidence.reliability import against_label, against_paid
from rook_bench.report.topics.confidence.stated import Held, Stated, stated_by
from rook_bench.report.topics.topic import Table, Topic
from rook_bench.report.words import listed

NAME = "confidence"


def confidence(entries: Sequence[Entry]) -> Topic:
    """Calibration against the label and against the action that paid, and what keeping the surest would do."""
    frame = (NAME, "Confidence", "Does confidence mean anything?")
    found = stated_by(entries)
    labelled = partial(against_label, found)
    stating = [source for source in found if len(source.paid.confidence)]
    if not stating:
        lead = "No source states a confidence, so there is nothing to hold against what happened."
        return Topic(*frame, lead, draw=(labelled,))
    first = stating[0]
    columns = ("Measure", *(source.entry.label for source in stating))
    tables = [Table("Against the action that paid", columns, _calibration([source.paid for source in stating]))]
    labels = [source.label for source in stating if source.label is not None]
    if labels:
        tables.append(Table("Against the label", columns, _calibration(labels)))
    if len(first.kept) > 1:
        tables.append(_kept(first))
    lines = [] if labels else ["The tape carries no labels, so confidence is held against the action that paid only."]
    silent = [source.entry.label for source in found if source not in stating]
    if silent:
        lines.append(f"No confidence is stated by {listed(silent)}.")
    notes = [
        "Calibration error: how far the stated confidence is from the share that is right, by bins of equal width "
        "and of equal size. The Brier score is reliability (0 is best) minus resolution (what confidence tells "
        "apart) plus uncertainty (what always stating the overall share would score), but for what bins blur. AURC: "
        "mean error rate over all shares kept, the most confident first; a confidence that tells nothing has the "
        "error rate itself.",
        f"The action that paid: {first.entry.analysis.action_values.convention}.",
    ]
    draw = (labelled, partial(against_paid, found), partial(coverage, found))
    return Topic(*frame, _lead(first), lines, tables, notes, draw)


def _kept(source: Stated) -> Table:
    rows = [(percent(step.share, 0), [Cell(number(step.threshold, 3)), cell(step.value)]) for step in source.kept]
    caption = f"{source.entry.label}: value of acting by the share of its trades kept"
    return Table(caption, ("Most confident share", "Confidence at least", "Mean value"), rows)


def _calibration(held: Sequence[Held]) -> list[tuple[str, Sequence[Cell]]]:
    """The measures of each source's confidences, a row per measure."""
    shares = {
        "Mean confidence": [each.mean for each in held],
        "Share right": [each.right for each in held],
        "Calibration error, bins of equal width": [each.error for each in held],
        "Calibration error, bins of equal size": [each.error_mass for each in held],
        "AURC": [each.curve.aurc for each in held],
        "Error rate": [float(each.curve.risk[-1]) for each in held],
    }
    rows: list[tuple[str, Sequence[Cell]]] = [
        (name, [Cell(percent(value, 1), (f"n = {each.brier.n:,}",)) for value, each in zip(values, held, strict=True)])
        for name, values in shares.items()
    ]
    return [*rows, ("Brier score", [Cell(_tidy(each.brier.score), (_in_parts(each.brier),)) for each in held])]


def _in_parts(part: BrierParts) -> str:
    return f"{_tidy(part.reliability)} \N{MINUS SIGN} {_tidy(part.resolution)} + {_tidy(part.uncertainty)}"


def _tidy(value: float) -> str:
    """A number below rounding is none."""
    return number(value if abs(value) > 1e-12 else 0.0, 3)


def _lead(source: Stated) -> str:
    name, held = source.entry.label, source.paid
    if not held.varies:
        return f"{name} always states one confidence, {number(held.mean)}, which tells nothing apart."
    return (
        f"{name} is sure by {percent(held.mean, 1)} on average and chose the action that paid on "
        f"{percent(held.right, 1)} of rows. Kept the most confident first, its decisions are wrong "
        f"{percent(held.curve.aurc, 1)} of the time on average over all shares kept, against "
        f"{percent(float(held.curve.risk[-1]), 1)} of all of them."
    )
