"""The page of a sweep: the result, the surface, the best points, and what choosing is worth."""

from __future__ import annotations

from functools import partial

import numpy as np

from rook_bench.report.cells import Cell
from rook_bench.report.formatting import count_of
from rook_bench.report.tape import notes, summary, tape_facts
from rook_bench.report.topics.topic import Table, Topic
from rook_bench.sweeps.axes import Axis
from rook_bench.sweeps.found import Found
from rook_bench.sweeps.pictures import surface_of
from rook_bench.sweeps.scores import LOWER
from rook_bench.sweeps.words import (
    COUNTED,
    LABELS,
    best_in_words,
    figure,
    forward_in_words,
    in_a_sentence,
    luck_in_words,
    point_in_words,
    purged_in_words,
    short_paths,
    value_in_words,
)
from rook_bench.workbench.evaluation import Evaluation

POINTS_FILE, BEST_CONFIG, BEST_RUN, TEST = "points.csv", "best.json", "best", "test"
"""Files and folders of a sweep's own folder."""

FIRST = 20
"""Points in the table of the best."""

UNDEFINED = {
    "sharpe_ratio": "Undefined where returns don't vary: nothing was traded beside nothing held, or all equity is gone",
    "sharpe_ratio_excess": "Undefined where nothing was traded: the return over hold doesn't vary",
}


def topics_of(sweep: Found) -> list[Topic]:
    """The sections in order; the first is the result."""
    found = [_result(sweep)]
    if all(axis.span is None for axis in sweep.axes):
        found.append(_surface(sweep))
    found.append(_best_points(sweep))
    if sweep.walk_forward is not None:
        found.append(_walk_forward(sweep))
    if sweep.purged is not None:
        found.append(_purged(sweep))
    if sweep.judged is not None:
        found.append(_test(sweep))
    return [*found, _tape(sweep), _assumed(sweep)]


def _result(sweep: Found) -> Topic:
    lead = best_in_words(sweep)
    lines = [f"{_capital(line)}." for line in luck_in_words(sweep)]
    lines += [f"{_capital(line)}." for line in (forward_in_words(sweep), purged_in_words(sweep)) if line]
    times = "once" if sweep.looks["count"] == 1 else f"{sweep.looks['count']:,} times"
    lines.append(f"The trial ledger knows that these rows were looked at {times}, this sweep included.")
    leaks = [name for name, check in sweep.lookahead.items() if check.status == "leak"]
    lines += [f"Look-ahead: {name} sees the future; none of its points can be the best." for name in leaks]
    notes = [
        "The best of many flatters itself: what it shows here was chosen for. Judge it on rows that nothing was chosen "
        "by, once (rook-bench sweep --judge, or rook-bench gate with best.json as --config)."
    ]
    tables = []
    if sweep.evaluation is not None:
        rows = [(LABELS[name], [_measured(sweep.evaluation, name)]) for name in LABELS if name not in COUNTED]
        tables.append(Table("The best point, replayed in full", ("Metric", "Value"), rows))
    return Topic("result", "Result", "Result", f"{_capital(lead)}.", lines, tables, [] if sweep.best is None else notes)


def _surface(sweep: Found) -> Topic:
    lead = (
        "Every cell is a whole replay of the same decisions."
        if len(sweep.axes) > 1
        else "Every place is a whole replay."
    )
    return Topic("surface", "Surface", "How it changes", lead, draw=(partial(surface_of, sweep),))


def _best_points(sweep: Found) -> Topic:
    values = np.where(sweep.honest, getattr(sweep.measured, sweep.by), np.nan)
    signed = values if sweep.by in LOWER else -values
    order = [int(place) for place in np.argsort(signed, kind="stable") if np.isfinite(values[place])][:FIRST]
    shown = [sweep.by, *(name for name in LABELS if name != sweep.by)]
    first, *others = [axis.path for axis in sweep.axes]
    rows = [
        (
            value_in_words(sweep.points[place][first]),
            [
                *(Cell(value_in_words(sweep.points[place][path])) for path in others),
                *(_cell(name, getattr(sweep.measured, name)[place]) for name in shown),
            ],
        )
        for place in order
    ]
    titles = (*short_paths([first, *others]), *(LABELS[name] for name in shown))
    defined = int(np.isfinite(values).sum())
    label = in_a_sentence(sweep.by)
    lead = f"{count_of(defined, 'point')} of {len(sweep):,} with a defined {label}; all are in {POINTS_FILE}."
    tables = [Table(f"The first {count_of(len(rows), 'point')} by {label}", titles, rows)]
    return Topic("points", "Points", "The best points", lead, tables=tables if rows else ())


def _measured(one: Evaluation, name: str) -> Cell:
    """A metric of a run, or why it has no value."""
    estimate = one.estimates[name]
    return Cell(figure(name, estimate.value), why=estimate.undefined_because or "")


def _cell(name: str, value: float) -> Cell:
    text = figure(name, value)
    return Cell(text, why=UNDEFINED.get(name, "it is not a finite number") if text == "undefined" else "")


def _walk_forward(sweep: Found) -> Topic:
    found = sweep.walk_forward
    assert found is not None
    name = LABELS[sweep.by]
    rows = []
    for fold in found.folds:
        head = f"{str(fold.first_at)[:16].replace('T', ' ')} to {str(fold.last_at)[:16].replace('T', ' ')} UTC"
        chosen = "no point could be chosen" if fold.point is None else point_in_words(sweep.points[fold.point])
        cells = [Cell(chosen), *(_value(sweep.by, value) for value in (fold.inside, fold.outside))]
        rows.append((head, [*cells, _value("excess_return", fold.over_hold), _rank(fold.rank, len(sweep))]))
    columns = (
        "Judged stretch",
        "Chosen before it",
        f"{name} where chosen",
        f"{name} here",
        "Net over hold here",
        "Place here",
    )
    notes = [
        "Each stretch is judged by what was chosen on all rows before it, less what was not known by then, and is "
        "replayed from the opening balances. The place among all points is what nobody could have known.",
    ]
    lead = f"{_capital(forward_in_words(sweep))}."
    return Topic(
        "walk-forward",
        "Walk-forward",
        "Choosing again and again",
        lead,
        tables=[Table("Folds", columns, rows)],
        notes=notes,
    )


def _rank(rank: int | None, points: int) -> Cell:
    return Cell("undefined", why="it has no value in this stretch") if rank is None else Cell(f"{rank:,} of {points:,}")


def _value(name: str, value: float | None) -> Cell:
    text = figure(name, value)
    return Cell(text, why="it has no value in this stretch" if text == "undefined" else "")


def _purged(sweep: Found) -> Topic:
    found = sweep.purged
    assert found is not None
    rows = []
    for what, values in (
        ("Where chosen", found.inside),
        ("On what was held out", found.outside),
        ("Over whole paths", found.paths),
    ):
        known = values[np.isfinite(values)]
        cells = [
            _value(sweep.by, float(np.quantile(known, q)) if len(known) else None) for q in (0.0, 0.25, 0.5, 0.75, 1.0)
        ]
        rows.append((f"{what} ({len(values)})", cells))
    columns = (LABELS[sweep.by], "Least", "Lower quarter", "Middle", "Upper quarter", "Most")
    chosen = (
        ""
        if found.point is None
        else f"Chosen most often ({found.share:.0%}): {point_in_words(sweep.points[found.point])}."
    )
    notes = [
        "Combinatorial purged cross-validation (Lopez de Prado 2018, chapter 12). Points enter a group with what they "
        "held: their returns are those of one replay of all rows. Splits share rows, so they are not independent."
    ]
    heading, lead = "Choosing on the rest, over every choice of groups", f"{_capital(purged_in_words(sweep))}."
    tables = [Table("Distribution over the splits", columns, rows)]
    return Topic("purged", "Purged splits", heading, lead, [chosen] if chosen else [], tables, notes)


def _test(sweep: Found) -> Topic:
    judged = sweep.judged
    assert judged is not None
    names = [name for name in LABELS if name not in COUNTED]
    rows = [(one.name, [_measured(one, name) for name in names]) for one in judged]
    chosen = sweep.evaluation
    before = figure(sweep.by, None if chosen is None else chosen.estimates[sweep.by].value)
    after = figure(sweep.by, judged[0].estimates[sweep.by].value)
    lead = f"{LABELS[sweep.by]} of the best point: {before} where it was chosen, {after} on the test rows."
    lines = [f"The full comparison is in {TEST}/report.html. This was one look at the test rows; it is on record."]
    return Topic(
        "test",
        "Test rows",
        "On rows that nothing was chosen by",
        lead,
        lines,
        [Table("Test rows", ("Source", *(LABELS[name] for name in names)), rows)],
    )


def _tape(sweep: Found) -> Topic:
    check = sweep.tape_check
    facts = tape_facts(check)
    lines = [f"{fact.name}. {fact.text}" for fact in facts]
    return Topic(
        "tape", "Tape check", "Tape check", summary(check, facts), lines, notes=[f"{note}." for note in notes(check)]
    )


def _assumed(sweep: Found) -> Topic:
    axes = [(axis.path, [Cell(_values(axis))]) for axis in sweep.axes]
    settings = sweep.settings.model_dump(mode="json", exclude_unset=True)
    told = [(key, [Cell(str(value))]) for key, value in settings.items()]
    tables = [Table("What was varied", ("Path", "Values"), axes)]
    if told:
        tables.append(Table("What else was set", ("Key", "Value"), told))
    lookahead = [(name, [Cell(check.status), Cell(check.detail)]) for name, check in sweep.lookahead.items()]
    tables.append(Table("Look-ahead check, once for each source", ("Source", "Status", "Detail"), lookahead))
    return Topic("assumed", "Assumptions", "What was varied and assumed", f"Computed in {sweep.engine}.", tables=tables)


def _values(axis: Axis) -> str:
    if axis.span is not None:
        return f"{axis.span.low:g} to {axis.span.high:g}, drawn"
    words = [value_in_words(value) for value in axis.values]
    return ", ".join(words if len(words) <= FIRST else [*words[:3], "\N{HORIZONTAL ELLIPSIS}", words[-1]])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
