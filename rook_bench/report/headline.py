"""The top of the report: what was measured on what, how long it was, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, percent, points, span_in_words, span_judgement
from rook_bench.report.words import finding, listed, verb
from rook_bench.tapecheck.summary import sentence


def headline(entries: Sequence[Entry]) -> dict[str, Any]:
    """What was compared, where, how long that was in words, and the findings."""
    first = entries[0]
    frame = first.run.frame
    span = f"The tape is {span_in_words(frame.covered_s)}; {span_judgement(frame.covered_s)}."
    return {
        "what": _what(entries),
        "where": (
            f"{frame.pool.pair} on Uniswap {frame.pool.protocol}, {_fee(first)}: "
            f"{count_of(len(frame), 'swap')}, {utc(frame.at[0])} to {utc(frame.at[-1])}"
        ),
        "span": span,
        "repricing": _repricing(first),
        "simulated": frame.pool.chain == "simulated",
        "short_span": frame.covered_s < 30 * 86_400,
        "findings": [finding(first, first.label) + ".", *_benchmarks(entries)],
        "leaks": [entry for entry in entries if entry.run.lookahead.status == "leak"],
    }


def _fee(entry: Entry) -> str:
    """The pool's fee, which is not the stated one where the amounts say otherwise."""
    check, stated = entry.run.tape_check, percent(entry.run.frame.pool.fee)
    if check.implied_fee is None or check.fee_finding in ("stated", "unknown"):
        return f"fee {stated}"
    if check.fee_finding == "varies" or (check.implied_fee_high or 0) - (check.implied_fee_low or 0) > 1e-6:
        return f"fee {percent(check.implied_fee)} in the middle (it varies)"
    return f"fee {percent(check.implied_fee)}" + (f" (not {stated})" if check.fee_finding == "another" else "")


def _repricing(entry: Entry) -> str:
    """How much of the tape the pool maths reproduces, or why that can't be told."""
    check = entry.run.tape_check
    if check.repricing is None:
        return f"Whether the pool maths reproduces this tape can't be told: {check.unknown['repricing']}."
    return sentence(check.repricing)


def looks_sentence(looks: Mapping[str, Any] | None) -> str:
    """How often this stretch of the pool was judged before, and what that means; "" where nobody counted."""
    if looks is None:
        return ""
    count, candidates = int(looks["count"]), int(looks["candidates"])
    times = "once" if count == 1 else f"{count:,} times"
    since = f", first on {str(looks['first_at'])[:10]}, last on {str(looks['last_at'])[:10]}"
    return (
        f"This stretch of the pool has been looked at {times} with {count_of(candidates, 'candidate')}"
        f"{since if looks.get('first_at') and looks.get('last_at') else ''}; "
        "every further look makes a good result easier to find by luck."
    )


def utc(moment: np.datetime64) -> str:
    """A time in UTC to the second."""
    when: datetime = moment.astype("datetime64[s]").item()
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def _what(entries: Sequence[Entry]) -> str:
    first, others = entries[0], [entry.label for entry in entries[1:]]
    return f"{first.label} against {listed(others)}" if others else first.label


def _benchmarks(entries: Sequence[Entry]) -> list[str]:
    """The first source against holding, then against each other one."""
    first = entries[0]
    mine, parts = float(first.run.equity[-1]) / first.opening, first.analysis.attribution
    lines = []
    if first.fills:
        kept = 1.0 + parts.market / parts.opening
        lines.append(_against(mine, kept, "holding the opening balances"))
    for entry in entries[1:]:
        if entry.holds:
            continue
        theirs = float(entry.run.equity[-1]) / entry.opening
        name = entry.label + (", which knows the future" if entry.bound else "")
        lines.append(_against(mine, theirs, name))
    return lines


def _against(mine: float, theirs: float, name: str) -> str:
    gap = mine - theirs
    way = verb(gap, "above", "below")
    return f"It ends {points(gap)} percentage points {way} {name} ({percent(theirs - 1, signed=True)})."
