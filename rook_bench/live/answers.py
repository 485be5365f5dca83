"""Decisions as lines of a journal, and back, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rook_bench.core.arrays import text_column
from rook_bench.core.decision_tape import DecisionTape

NUMBERS = ("size", "slippage_bps", "deadline_s", "confidence")


def to_lines(tape: DecisionTape) -> list[list[Any]]:
    """One list per decision: side, size, slippage, deadline, confidence (null where none is told), reason, raw text."""
    columns = [getattr(tape, name).tolist() for name in NUMBERS]
    raw: Sequence[Any] = [None] * len(tape) if tape.raw_text is None else list(tape.raw_text)
    rows = zip(tape.side.tolist(), *columns, list(tape.reason), raw, strict=True)
    return [[None if isinstance(one, float) and math.isnan(one) else one for one in row] for row in rows]


def from_lines(lines: Sequence[Sequence[Any]]) -> DecisionTape:
    """The decisions that `to_lines` was given."""
    columns = list(zip(*lines, strict=True)) if lines else [()] * 7
    numbers: dict[str, Any] = {
        name: np.array([math.nan if one is None else one for one in column], dtype=np.float64)
        for name, column in zip(NUMBERS, columns[1:5], strict=True)
    }
    told = any(one is not None for one in columns[6])
    return DecisionTape(
        side=np.array(columns[0], dtype=np.int8),
        reason=text_column([str(one) for one in columns[5]]),
        raw_text=text_column([one or "" for one in columns[6]]) if told else None,
        **numbers,
    )
