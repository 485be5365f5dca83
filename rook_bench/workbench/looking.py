"""What a source was asked and what it said, row by row: found by side, by error, by loss, by difference."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, InputError, RookError
from rook_bench.metrics.disagreement import teaches
from rook_bench.metrics.tables import asked_table, decision_table
from rook_bench.plugins import trusting
from rook_bench.replay import Run
from rook_bench.replay.saved import load_run

HORIZON_S = 300
"""Seconds after a fill by which its move is shown."""

UNPARSED = "UNPARSED"
SIDES = (*SIDE_NAMES, UNPARSED)


@dataclass(frozen=True)
class Choice:
    """Which rows to look at; all that are asked for must hold.

    Attributes:
        row: this one alone, counted from 0 as in orders.parquet.
        side: what was decided: BUY, HOLD, SELL or UNPARSED.
        wrong: unlike the label on the tape; the most confident first.
        losers: transactions that the price moved against, the worst first.
        disagree: unlike another run, or the teacher, or the label.
    """

    row: int | None = None
    side: str | None = None
    wrong: bool = False
    losers: bool = False
    disagree: bool = False


def look(folder: str | Path, choice: Choice, *, other: str | Path | None = None) -> pd.DataFrame:
    """Decisions of a saved run, with what was shown and said where that is kept, by row.

    Args:
        folder: of the run; choice: which rows.
        other: the run to disagree with; by default the rules of the same comparison, else the labels on the tape.

    Returns:
        The columns of `metrics.tables.decision_table`, with `at`, and of what was sent `pnl` (quote, at the tape's
        last price) and `markout_300s_bps`; with `disagree`, `other`: what the other one decided.

    Raises:
        InputError: for a folder that holds no run, a run of another tape, a row or a label that isn't there.
    """
    folder = Path(folder)
    with trusting(strategies=True):
        run = load_run(folder)
        theirs = _other_sides(run, folder, other) if choice.disagree else None
    table = asked_table(run, markout_s=HORIZON_S)
    table.attrs["language_model"] = run.source.language_model
    if theirs is not None:
        table.insert(list(table.columns).index("side") + 1, "other", theirs)
    return _chosen(table, choice, folder)


def _chosen(table: pd.DataFrame, choice: Choice, folder: Path) -> pd.DataFrame:
    if choice.row is not None:
        if not 0 <= choice.row < len(table):
            what = f"there is no row {choice.row}: they are 0 to {len(table) - 1:,}"
            raise InputError(what, where=folder)
        return table.iloc[[choice.row]]
    if choice.side is not None:
        table = table[table["side"] == choice.side]
    if choice.disagree:
        table = table[(table["side"] != table["other"]) & table["other"].notna()]
    if choice.wrong:
        if "label" not in table:
            hint = "give --disagree --with RUN, or --losers"
            raise InputError("the tape carries no labels to be wrong against", where=folder, hint=hint)
        table = table[(table["side"] != table["label"]) & table["label"].notna()]
        table = table.sort_values("confidence", ascending=False, na_position="last", kind="stable")
    if choice.losers:
        moved = f"markout_{HORIZON_S}s_bps"
        table = table[table[moved] < 0].sort_values(moved, kind="stable")
    return table


def _other_sides(run: Run, folder: Path, other: str | Path | None) -> NDArray[Any]:
    found = load_run(other) if other is not None else _teacher_beside(folder)
    if found is None:
        labels = run.frame.labels.get("label_side")
        if labels is None:
            what = "no rules were run beside it, and the tape carries no labels"
            raise InputError(what, where=folder, hint="name a run to hold it against: --with RUN")
        return np.asarray(labels, dtype=object)
    if found.frame.data_hash != run.frame.data_hash:
        raise InputError("it was made on another tape", where=other, hint="compare both sources on one tape")
    return decision_table(found)["side"].fillna(UNPARSED).to_numpy(dtype=object)


def _teacher_beside(folder: Path) -> Run | None:
    """The run of rules in the comparison that a run is of."""
    if not (folder.resolve().parent.parent / "compare.json").is_file():
        return None
    for path in sorted(folder.resolve().parent.glob("*/run.json")):
        try:
            if path.parent == folder.resolve() or not _may_teach(path):
                continue
            beside = load_run(path.parent)
        except RookError:
            continue
        if teaches(beside):
            return beside
    return None


def _may_teach(path: Path) -> bool:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(told, dict) and str(told.get("source", "")).startswith(("rules", "labels"))
