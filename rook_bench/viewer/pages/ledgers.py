"""What keeps count: the trial ledger and the promotion record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from rook_bench.core import InputError
from rook_bench.core.reference import short_name
from rook_bench.core.untrusted import word
from rook_bench.promotion.record import Record, called, present
from rook_bench.report.cells import Cell, bare
from rook_bench.report.formatting import count_of
from rook_bench.stats import deflated_sharpe
from rook_bench.trials.ledger import TrialLedger
from rook_bench.trials.questions import distinct
from rook_bench.trials.trial import Trial
from rook_bench.viewer.pages.desk import Desk, Page, list_page
from rook_bench.viewer.sentences import LONGEST
from rook_bench.viewer.tables import To, grid

ROWS, SAID = 500, 10
EMPTY = "Nothing was tried yet: replay, compare, gate, sweep and train write the ledger."
DEFLATION = (
    "Deflated Sharpe: the probability that the best one's Sharpe ratio is above the maximum that so many trials "
    "without skill would be expected to have (Bailey, Lopez de Prado 2014)."
)
DEFLATED = 200
"""Candidates on a tape up to which the best one's Sharpe ratio is deflated: each has a file that is read."""


def trials_page(desk: Desk) -> Page:
    """How often each tape was looked at with how many candidates, and what the best is worth after that."""
    ledger = TrialLedger(desk.library.trials)
    try:
        trials = ledger.trials()
    except InputError as error:
        return list_page("Trials", "trials", None, 0, f"The ledger can't be read: {error}")
    tapes: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        if trial.role == "candidate":
            tapes[trial.data_hash].append(trial)
    rows: list[list[Cell | To]] = []
    for data_hash, several in sorted(tapes.items(), key=lambda each: each[1][-1].at, reverse=True)[:ROWS]:
        different = {trial.identity for trial in several}
        rows.append(
            [
                Cell(word(f"{several[0].pool.get('pair', '')}, tape {data_hash[:12]}", LONGEST)),
                Cell(f"{len(several):,}"),
                Cell(f"{len(different):,}"),
                *_best(ledger, trials, data_hash, several[-1].bucket_s, len(different)),
                Cell(word(several[0].at[:16].replace("T", " "), 20)),
                Cell(word(several[-1].at[:16].replace("T", " "), 20)),
            ]
        )
    heads = ("Tape", "Looks", "Candidates", "Best of them", "Its deflated Sharpe", "First, UTC", "Last, UTC")
    last: list[list[Cell | To]] = [
        [
            Cell(f"{trial.seq:,}"), Cell(word(trial.at[:19].replace("T", " "), 20)), Cell(trial.kind), Cell(trial.role),
            Cell(word(short_name(trial.source), LONGEST)), Cell(trial.data_hash[:12]), Cell(f"{trial.n:,}"),
            Cell(word(trial.lookahead, 20)),
        ]
        for trial in trials[: -ROWS - 1 : -1]
    ]  # fmt: skip
    entries = ("Entry", "When, UTC", "Verb", "Role", "Source", "Tape", "Buckets", "Look-ahead")
    by_tape = grid("By tape: every further look makes a good result easier to find by luck", heads, rows)
    ledger_rows = grid(f"The last {len(last)} of {len(trials):,}", entries, last, text=True)
    page = list_page("Trials", "trials", by_tape, len(rows), "" if trials else EMPTY)
    return replace(
        page,
        context=page.context
        | {
            "lead": f"{count_of(len(trials), 'evaluation')} in {desk.library.trials}" if trials else "",
            "folded": [("The ledger, newest first", ledger_rows)] if last else [],
            "notes": [DEFLATION] if rows else [],
        },
    )


def _best(ledger: TrialLedger, trials: list[Trial], data_hash: str, bucket_s: int, count: int) -> list[Cell]:
    """The candidate with the highest Sharpe ratio on a tape, and that ratio deflated by how many were tried."""
    found = distinct(trials, data_hash, bucket_s)
    if not 1 < len(found) <= DEFLATED:
        why = "one candidate alone" if len(found) < 2 else f"more than {DEFLATED} candidates"
        return [Cell("\N{EN DASH}"), Cell("undefined", why=why)]
    pairs: list[tuple[float, Trial, Any]] = []
    try:
        for trial in found:
            returns = ledger.returns_of(trial)
            if returns is not None and len(returns) > 1 and returns.std() > 0 and np.isfinite(returns).all():
                pairs.append((float(returns.mean() / returns.std(ddof=1)), trial, returns))
    except InputError as error:
        return [Cell("\N{EN DASH}"), Cell("undefined", why=error.what)]
    if len(pairs) < 2:
        return [Cell("\N{EN DASH}"), Cell("undefined", why="fewer than two candidates whose returns vary")]
    _, best, returns = max(pairs, key=lambda pair: pair[0])
    variance = float(np.var([sharpe for sharpe, *_ in pairs], ddof=1))
    found_value = deflated_sharpe(returns, trials=count, variance=variance)
    return [Cell(word(short_name(best.source), 60)), bare(found_value)]


def promotions_page(desk: Desk) -> Page:
    """Who is champion since when and why, and the chain behind it."""
    record = Record(desk.library.models)
    try:
        entries = record.entries()
    except InputError as error:
        return list_page("Promotions", "promotions", None, 0, f"The record can't be read: {error}")
    rows: list[list[Cell | To]] = [
        [
            Cell(str(entry["seq"])),
            Cell(word(str(entry["at"])[:19].replace("T", " "), 20)),
            Cell(word(str(entry["action"]), 20)),
            Cell(word(short_name(str(entry["source"])), LONGEST)),
            Cell(word(called(entry), LONGEST)),
            Cell(_waived(entry)),
            Cell(word(str(entry["reason"] or "none given"), LONGEST)),
            Cell(word(str(entry["verdict_hash"]), 64)[:16]),
            Cell(word(str(entry["hash"]), 64)[:16]),
        ]
        for entry in reversed(entries[-ROWS:])
    ]
    heads = ("Entry", "When, UTC", "Action", "Champion", "Of pool", "Waivers", "Reason", "Verdict", "Entry's hash")
    champion = " ".join(
        f"{word(short_name(str(one['source'])), 60)} is champion of {word(called(one), 60)} since "
        f"{word(str(one['at'])[:19].replace('T', ' '), 20)} UTC."
        for one in reversed(present(entries)[-SAID:])
    )
    table = grid("Promotions, newest first", heads, rows, text=True)
    said = "Nothing was promoted yet: rook-bench promote does, with a verdict."
    page = list_page("Promotions", "promotions", table, len(entries), said)
    return replace(page, context=page.context | {"lead": champion})


def _waived(entry: Mapping[str, Any]) -> str:
    waivers = entry.get("waivers") or []
    return ", ".join(word(f"{each['check']} ({each['owner']})", 80) for each in waivers) or "none"
