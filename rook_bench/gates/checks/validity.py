"""Whether there is anything to judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.gates.check import Check, Status
from rook_bench.metrics import Analysis


def validity(candidate: Analysis, champion: Analysis | None) -> Iterator[Check]:
    """No look-ahead, one tape, the same assumptions, and a candidate that is not the champion."""
    lookahead = candidate.run.lookahead
    status: Status = {"clean": "pass", "unchecked": "inconclusive"}.get(lookahead.status, "invalid")  # type: ignore[assignment]
    yield Check("look-ahead", status, lookahead.detail)
    if champion is None:
        return
    mine, theirs = candidate.run, champion.run
    if theirs.lookahead.status in ("leak", "declared"):
        yield Check("champion look-ahead", "invalid", theirs.lookahead.detail)
    same = mine.frame.data_hash == theirs.frame.data_hash
    yield Check(
        "same tape",
        "pass" if same else "invalid",
        "both on the same tape" if same else "the runs are on different tapes",
    )
    changed = list(_differences(mine.config.model_dump(), theirs.config.model_dump()))
    changed += [] if candidate.clock == champion.clock else [f"clock ({candidate.clock.label}, {champion.clock.label})"]
    detail = f"the runs differ in {', '.join(changed[:3])}" if changed else "both under the same assumptions"
    yield Check("same assumptions", "invalid" if changed else "pass", detail)
    if _same_wishes(mine.decided.tape, theirs.decided.tape):
        yield Check("candidate is not champion", "invalid", "candidate and champion decide the same on every row")


def _same_wishes(mine: DecisionTape, theirs: DecisionTape) -> bool:
    """Whether the orders are the same on every row; another reason or confidence makes no other candidate."""
    names = ("side", "size", "slippage_bps", "deadline_s")
    return len(mine) == len(theirs) and all(
        np.array_equal(getattr(mine, name), getattr(theirs, name)) for name in names
    )


def _differences(mine: dict[str, Any], theirs: dict[str, Any], above: str = "") -> Iterator[str]:
    """Keys whose values differ, with both values, dotted ("frictions.gas.gwei (1, 5)")."""
    for key, value in mine.items():
        other = theirs.get(key)
        if value == other:
            continue
        if isinstance(value, dict) and isinstance(other, dict):
            yield from _differences(value, other, f"{above}{key}.")
        else:
            yield f"{above}{key} ({value}, {other})"
