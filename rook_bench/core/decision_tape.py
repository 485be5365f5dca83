"""The decisions of one source on one tape, in columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.arrays import read_only, text_column
from rook_bench.core.decision import SIDE_NAMES, Decision, Side
from rook_bench.core.errors import InputError
from rook_bench.core.rebuilt import Rebuilt
from rook_bench.core.transcript import Transcript

UNPARSED = -1
"""Code in `DecisionTape.side` of an answer that could not be parsed; it is not a HOLD."""


NOT_ASKED = "not asked"
"""How the reason of a row begins on which the source could not be asked yet; the one mark that a reason can carry."""


@dataclass(frozen=True, eq=False, repr=False)
class DecisionTape(Rebuilt):
    """One decision per swap, each column of shape (n,).

    Attributes:
        side: int8 codes of Side (BUY 0, HOLD 1, SELL 2), or UNPARSED.
        size: wished fraction of the available balance; 0 for HOLD and UNPARSED.
        slippage_bps, deadline_s: limits of the order, float64.
        confidence: 0 to 1, NaN where the source states none.
        reason: text for a person (object array of str).
        raw_text: answers as given, or None for sources that do not write text.
        transcript: what a language model was shown and said, for a reader: no part of what is compared and hashed.
    """

    side: NDArray[np.int8]
    size: NDArray[np.float64]
    slippage_bps: NDArray[np.float64]
    deadline_s: NDArray[np.float64]
    confidence: NDArray[np.float64]
    reason: NDArray[np.object_]
    raw_text: NDArray[np.object_] | None = None
    transcript: Transcript | None = None

    def __post_init__(self) -> None:
        _validate(self)
        if self.transcript is not None and len(self.transcript) != len(self):
            raise InputError("its transcript is of another number of rows", where="DecisionTape")
        for name, column in self._columns():
            if column is not None:
                object.__setattr__(self, name, read_only(column))

    def __repr__(self) -> str:
        return (
            f"<DecisionTape of {len(self):,}: {', '.join(f'{name} {count}' for name, count in self.counts().items())}>"
        )

    def __len__(self) -> int:
        return len(self.side)

    def __getitem__(self, row: int) -> Decision:
        code = int(self.side[row])
        return Decision(
            None if code == UNPARSED else Side(code),
            size=float(self.size[row]),
            slippage_bps=float(self.slippage_bps[row]),
            deadline_s=float(self.deadline_s[row]),
            confidence=float(self.confidence[row]),
            reason=str(self.reason[row]),
            raw_text="" if self.raw_text is None else str(self.raw_text[row]),
        )

    def head(self, rows: int) -> DecisionTape:
        """The first `rows` decisions."""
        return self.rows(slice(rows))

    def rows(self, which: slice) -> DecisionTape:
        """The decisions of some rows."""
        cut: dict[str, Any] = {name: None if column is None else column[which] for name, column in self._columns()}
        return replace(self, transcript=None if self.transcript is None else self.transcript.rows(which), **cut)

    @property
    def bare(self) -> DecisionTape:
        """The decisions without the transcript."""
        return replace(self, transcript=None)

    def with_rows(self, rows: NDArray[np.intp], other: DecisionTape) -> DecisionTape:
        """The same with other decisions at some rows; texts that only one of both has are left out."""
        changed: dict[str, Any] = {"transcript": None}
        for name, column in self._columns():
            theirs = getattr(other, name)
            if column is None or theirs is None:
                changed[name] = None
                continue
            changed[name] = column.copy()
            changed[name][rows] = theirs
        return replace(self, **changed)

    def to_bytes(self) -> bytes:
        """Every column's bytes, for byte-for-byte comparison."""
        return b"".join(
            b"" if column is None else "\0".join(column).encode() if column.dtype == object else column.tobytes()
            for _, column in self._columns()
        )

    @property
    def content_hash(self) -> str:
        """Hex SHA-256 of the decisions."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Rows on which the source was asked (see NOT_ASKED), shape (n,)."""
        return np.array([not str(reason).startswith(NOT_ASKED) for reason in self.reason], dtype=np.bool_)

    @property
    def trades(self) -> NDArray[np.bool_]:
        """Rows that wish to buy or sell, shape (n,)."""
        return is_trade(self.side)

    @property
    def action_rate(self) -> float:
        """Share of rows that wish to trade."""
        return float(self.trades.mean())

    def counts(self) -> dict[str, int]:
        """Rows by side name, UNPARSED included when there are any."""
        counts = {name: int((self.side == Side[name]).sum()) for name in SIDE_NAMES}
        unparsed = int((self.side == UNPARSED).sum())
        return counts | ({"UNPARSED": unparsed} if unparsed else {})

    def _columns(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self) if field.name != "transcript"]

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> DecisionTape:
        """From one Decision per swap."""
        rows = list(decisions)
        return cls(
            side=np.array([UNPARSED if row.side is None else int(row.side) for row in rows], dtype=np.int8),
            size=np.array([row.size for row in rows], dtype=np.float64),
            slippage_bps=np.array([row.slippage_bps for row in rows], dtype=np.float64),
            deadline_s=np.array([row.deadline_s for row in rows], dtype=np.float64),
            confidence=np.array([row.confidence for row in rows], dtype=np.float64),
            reason=text_column([row.reason for row in rows]),
            raw_text=text_column([row.raw_text for row in rows]) if any(row.raw_text for row in rows) else None,
        )

    @classmethod
    def from_sides(
        cls,
        side: NDArray[Any],
        size: float | NDArray[np.float64],
        *,
        slippage_bps: float | NDArray[np.float64] = 50.0,
        deadline_s: float | NDArray[np.float64] = 300.0,
        confidence: float | NDArray[np.float64] = np.nan,
        reason: str | NDArray[np.object_] = "",
    ) -> DecisionTape:
        """From side codes, with scalars spread over all rows and sizes set to 0 where nothing trades."""
        side = np.asarray(side, dtype=np.int8)
        spread = lambda value: np.broadcast_to(np.asarray(value, dtype=np.float64), side.shape).copy()  # noqa: E731
        trades = is_trade(side)
        return cls(
            side=side,
            size=np.where(trades, spread(size), 0.0),
            slippage_bps=spread(slippage_bps),
            deadline_s=spread(deadline_s),
            confidence=spread(confidence),
            reason=text_column([reason] * len(side)) if isinstance(reason, str) else reason,
        )


def is_trade(side: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Which side codes are BUY or SELL, shape (n,)."""
    return (side == _BUY) | (side == _SELL)


_BUY, _SELL = np.int8(Side.BUY), np.int8(Side.SELL)
_CODES = np.array([*Side, UNPARSED], dtype=np.int8)


def _validate(tape: DecisionTape) -> None:
    for name, column in tape._columns():
        if column is not None and column.shape != tape.side.shape:
            raise InputError(
                f"decision column '{name}' has {len(column)} rows instead of {len(tape)}", where="DecisionTape"
            )
    confident = np.isnan(tape.confidence) | ((tape.confidence >= 0) & (tape.confidence <= 1))
    checks = {
        "side is not BUY, HOLD, SELL or UNPARSED": ~np.isin(tape.side, _CODES),
        "size is not between 0 and 1": ~((tape.size >= 0) & (tape.size <= 1)),
        "size is not 0 though nothing is traded": ~tape.trades & (tape.size != 0),
        "slippage_bps is not between 0 and 10000": ~((tape.slippage_bps >= 0) & (tape.slippage_bps <= 1e4)),
        "deadline_s is negative": ~(tape.deadline_s >= 0),
        "confidence is not between 0 and 1": ~confident,
    }
    for problem, bad in checks.items():
        if bad.any():
            raise InputError(f"{problem} at decision {int(np.argmax(bad)) + 1}", where="DecisionTape")
