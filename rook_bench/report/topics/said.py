"""What a language model was shown and what it said, where it went wrong: a few rows of each kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from rook_bench.core.untrusted import word
from rook_bench.metrics.disagreement import teaches
from rook_bench.metrics.tables import asked_table, decision_table
from rook_bench.report.cells import Cell
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent
from rook_bench.report.topics.topic import Table, Topic

ROWS = 5
"""Rows of each kind."""

LONGEST = 160
"""Characters of a prompt or an answer."""

MARKOUT = "markout_300s_bps"
UNPARSED = "UNPARSED"


def said(entries: Sequence[Entry]) -> Topic | None:
    """A few prompts and answers of the first source; None where nothing was shown to a language model."""
    run = entries[0].run
    if run.decided.tape.transcript is None:
        return None
    table = asked_table(run)
    asked = table[table["prompt"].notna()]
    tables = []
    if "label" in table:
        wrong = asked[(asked["side"] != asked["label"]) & asked["label"].notna()].copy()
        wrong["expected"] = wrong["label"]
        wrong = wrong.sort_values("confidence", ascending=False, kind="stable")
        tables += _table("Unlike the label, the most confident first", wrong)
    losers = asked[asked[MARKOUT] < 0].sort_values(MARKOUT, kind="stable")
    tables += _table("Transactions that the price moved against most, 5 minutes after they landed", losers)
    teacher = next((entry for entry in entries[1:] if teaches(entry.run)), None)
    if teacher is not None:
        theirs = decision_table(teacher.run)["side"].fillna(UNPARSED).to_numpy(dtype=object)
        apart = asked.assign(expected=pd.Series(theirs, index=table.index))
        apart = apart[apart["side"] != apart["expected"]].sort_values("confidence", ascending=False, kind="stable")
        if "label" not in table or list(apart.index) != list(wrong.index):  # labels are often the teacher's own
            tables += _table(f"Unlike {teacher.label}, the most confident first", apart)
    unread = asked[asked["side"] == UNPARSED]
    tables += _table("Answers that can't be read", unread)
    lead = (
        f"{entries[0].label} was shown {count_of(asked['prompt'].nunique(), 'different prompt')} on "
        f"{count_of(len(asked), 'row')}; {count_of(len(unread), 'answer')} can't be read."
    )
    lines = ["rook-bench decisions RUN shows all of them: --wrong, --losers, --disagree, --side, --row N, --csv."]
    return Topic("said", "Asked and said", "What was asked and what was said", lead, lines, tables)


def _table(caption: str, rows: pd.DataFrame) -> list[Table]:
    if rows.empty:
        return []
    expected = "expected" in rows
    columns = ("Row", "Said", *(("Expected",) if expected else ()), "Sure", "5 min, bps", "Prompt")
    told = [
        (
            f"{index:,}",
            [
                Cell(word(str(row["answer"] or "").strip() or row["side"], LONGEST), (str(row["side"]),)),
                *([Cell(str(row["expected"]))] if expected else []),
                _number(row["confidence"], lambda value: percent(value, 1), "not stated"),
                _number(
                    row[MARKOUT],
                    lambda value: number(value, 1, signed=True),
                    "no order" if pd.isna(row["outcome"]) else "unknown",  # refused, or too close to the tape's end
                ),
                Cell(word(str(row["prompt"]).strip(), LONGEST), (f"{row['at']:%Y-%m-%d %H:%M:%S} UTC",)),
            ],
        )
        for index, row in rows.head(ROWS).iterrows()
    ]
    shown = f"{caption} ({len(told)} of {len(rows):,})" if len(rows) > len(told) else caption
    return [Table(shown, columns, told)]


def _number(value: float, text: Callable[[float], str], missing: str) -> Cell:
    return Cell(missing) if pd.isna(value) else Cell(text(value))
