"""Does confidence mean anything?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rook_bench.metrics.brier import BrierParts, brier_parts
from rook_bench.metrics.calibration import calibration_error, calibration_error_mass, stated, stated_profitable
from rook_bench.metrics.coverage import risk_coverage, value_by_coverage
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import number, percent
from rook_bench.report.questions.parts import Cell, Question, Table, cell
from rook_bench.report.words import listed

Pairs = tuple[NDArray[np.float64], NDArray[np.bool_]]


def confidence(entries: Sequence[Entry]) -> Question:
    """Calibration against the label and against the action that paid, and what keeping the surest would do."""
    frame = ("confidence", "Confidence", "Does confidence mean anything?")
    paid = {entry: stated_profitable(entry.run, entry.analysis.action_values) for entry in entries}
    stating = [entry for entry, (stated_, _) in paid.items() if len(stated_)]
    if not stating:
        return Question(*frame, "No source states a confidence, so there is nothing to hold against what happened.")
    columns = ("Measure", *(entry.label for entry in stating))
    tables = [Table("Against the action that paid", columns, _calibration([paid[entry] for entry in stating]))]
    labels = [pairs for entry in stating if (pairs := stated(entry.run)) is not None]
    if labels:
        tables.append(Table("Against the label", columns, _calibration(labels)))
    kept = [(entry, value_by_coverage(entry.run, entry.analysis.action_values)) for entry in stating[:1]]
    for entry, steps in kept:
        if len(steps) > 1:
            rows = [(percent(step.share, 0), [Cell(number(step.threshold, 3)), cell(step.value)]) for step in steps]
            caption = f"{entry.label}: value of acting by the share of its trades kept"
            tables.append(Table(caption, ("Most confident share", "Confidence at least", "Mean value"), rows))
    lines = [] if labels else ["The tape carries no labels, so confidence is held against the action that paid only."]
    silent = [entry.label for entry in entries if entry not in stating]
    if silent:
        lines.append(f"No confidence is stated by {listed(silent)}.")
    notes = [
        "Calibration error: how far the stated confidence is from the share that is right, by bins of equal width "
        "and of equal size. The Brier score is reliability (0 is best) minus resolution (what confidence tells "
        "apart) plus uncertainty (what always stating the overall share would score), but for what bins blur. AURC: "
        "mean error rate over all shares kept, the most confident first; a confidence that tells nothing has the "
        "error rate itself.",
        f"The action that paid: {stating[0].analysis.action_values.convention}.",
    ]
    return Question(*frame, _lead(stating[0], *paid[stating[0]]), lines, tables, notes)


def _calibration(pairs: Sequence[Pairs]) -> list[tuple[str, Sequence[Cell]]]:
    """The measures of each source's confidences, a row per measure."""
    parts = [brier_parts(*pair) for pair in pairs]
    curves = [risk_coverage(*pair) for pair in pairs]
    shares = {
        "Mean confidence": [float(confidence.mean()) for confidence, _ in pairs],
        "Share right": [float(correct.mean()) for _, correct in pairs],
        "Calibration error, bins of equal width": [calibration_error(*pair) for pair in pairs],
        "Calibration error, bins of equal size": [calibration_error_mass(*pair) for pair in pairs],
        "AURC": [curve.aurc for curve in curves],
        "Error rate": [float(curve.risk[-1]) for curve in curves],
    }
    rows: list[tuple[str, Sequence[Cell]]] = [
        (name, [Cell(percent(value, 1), f"n = {part.n:,}") for value, part in zip(values, parts, strict=True)])
        for name, values in shares.items()
    ]
    return [*rows, ("Brier score", [Cell(_tidy(part.score), _in_parts(part)) for part in parts])]


def _in_parts(part: BrierParts) -> str:
    return f"{_tidy(part.reliability)} \N{MINUS SIGN} {_tidy(part.resolution)} + {_tidy(part.uncertainty)}"


def _tidy(value: float) -> str:
    """A number below rounding is none."""
    return number(value if abs(value) > 1e-12 else 0.0, 3)


def _lead(entry: Entry, confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> str:
    if confidence.min() == confidence.max():
        return f"{entry.short} always states one confidence, {number(float(confidence[0]))}, which tells nothing apart."
    curve = risk_coverage(confidence, correct)
    return (
        f"{entry.short} is sure by {percent(float(confidence.mean()), 1)} on average and chose the action that paid on "
        f"{percent(float(correct.mean()), 1)} of rows. Kept the most confident first, its decisions are wrong "
        f"{percent(curve.aurc, 1)} of the time on average over all shares kept, against "
        f"{percent(float(curve.risk[-1]), 1)} of all of them."
    )
