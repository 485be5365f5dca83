"""The decisions of one source on one tape, in columns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped, texts
from rook_bench.core.arrays import read_only, text_column
from rook_bench.core.decision import SIDE_NAMES, Decision, Side
from rook_bench.core.errors import InputError
from rook_bench.core.rebuilt import Rebuilt
from rook_bench.core.transcript import Transcript, Transcripts

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
        reason: text for a person: an object array of str, or `core.texts.Texts`, which reads like one, of a long tape.
        raw_text: answers as given, the same way, or None for sources that do not write text.
        transcript: what a language model was shown and said, for a reader: no part of what is compared and hashed.
    """

    side: NDArray[np.int8]
    size: NDArray[np.float64]
    slippage_bps: NDArray[np.float64]
    deadline_s: NDArray[np.float64]
    confidence: NDArray[np.float64]
    reason: texts.Column
    raw_text: texts.Column | None = None
    transcript: Transcript | None = None

    def __post_init__(self) -> None:
        _validate(self)
        if self.transcript is not None and len(self.transcript) != len(self):
            raise InputError("its transcript is of another number of rows", where="DecisionTape")
        for name, column in self._columns():
            if column is not None:
                object.__setattr__(self, name, texts.kept(column) if name in _TEXTS else read_only(column))

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
        cut: dict[str, Any] = {
            name: None if column is None else texts.some(column, which) if name in _TEXTS else column[which]
            for name, column in self._columns()
        }
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
        return b"".join(self._in_bytes())

    def _in_bytes(self) -> Iterator[bytes]:
        for _, column in self._columns():
            for part in mapped.parts(0 if column is None else len(column)):
                if column.dtype == object:
                    yield ("\0" * (part.start > 0) + "\0".join(column[part])).encode()
                else:
                    yield column[part].tobytes()

    @property
    def content_hash(self) -> str:
        """Hex SHA-256 of the decisions as they are now: nothing is kept that a plugin could leave behind."""
        digest = hashlib.sha256()
        for part in self._in_bytes():
            digest.update(part)
        return digest.hexdigest()

    @property
    def asked(self) -> NDArray[np.bool_]:
        """Rows on which the source was asked (see NOT_ASKED), shape (n,)."""
        asked = lambda rows: np.array([not str(why).startswith(NOT_ASKED) for why in self.reason[rows]])  # noqa: E731
        return mapped.by_part(len(self), asked, np.bool_)

    @property
    def trades(self) -> NDArray[np.bool_]:
        """Rows that wish to buy or sell, shape (n,)."""
        return mapped.by_part(len(self), lambda rows: is_trade(self.side[rows]), np.bool_)

    @property
    def action_rate(self) -> float:
        """Share of rows that wish to trade."""
        return float(self.trades.mean())

    def counts(self) -> dict[str, int]:
        """Rows by side name, UNPARSED included when there are any."""
        count = lambda code: mapped.count(len(self), lambda rows: self.side[rows] == code)  # noqa: E731
        counts, unparsed = {name: count(Side[name]) for name in SIDE_NAMES}, count(UNPARSED)
        return counts | ({"UNPARSED": unparsed} if unparsed else {})

    def _columns(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self) if field.name != "transcript"]

    @classmethod
    def of(cls, decisions: Iterable[Decision]) -> DecisionTape:
        """From one Decision per swap."""
        waiting, parts = iter(decisions), list[DecisionTape]()
        while rows := list(islice(waiting, mapped.PART)):
            parts.append(cls._of(rows))
        return cls.concat(parts) if parts else cls._of([])

    @classmethod
    def _of(cls, rows: list[Decision]) -> DecisionTape:
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

        def spread(value: float | NDArray[np.float64]) -> NDArray[np.float64]:
            column = np.asarray(value, dtype=np.float64)  # one value for all rows is kept once
            return np.broadcast_to(column, side.shape) if column.ndim == 0 else mapped.copied(column)

        wished = spread(size)
        return cls(
            side=side,
            size=mapped.by_part(len(side), lambda rows: np.where(is_trade(side[rows]), wished[rows], 0.0)),
            slippage_bps=spread(slippage_bps),
            deadline_s=spread(deadline_s),
            confidence=spread(confidence),
            reason=np.broadcast_to(text_column([reason]), side.shape) if isinstance(reason, str) else reason,
        )

    @classmethod
    def concat(cls, parts: Sequence[DecisionTape]) -> DecisionTape:
        """Decisions of consecutive rows, one after the other; at least one part.

        What a model was shown and said is kept where every part has it.
        """
        columns: dict[str, Any] = {}
        for name, _ in parts[0]._columns():
            mine = [getattr(part, name) for part in parts]
            if name != "raw_text" or any(column is not None for column in mine):
                columns[name] = (
                    mapped.concatenated(mine)
                    if name not in _TEXTS
                    else texts.joined(
                        [_nothing(len(part)) if one is None else one for part, one in zip(parts, mine, strict=True)]
                    )
                )
        told = [part.transcript for part in parts if part.transcript is not None]
        return cls(**columns, transcript=Transcript.concat(told) if len(told) == len(parts) else None)

    @classmethod
    def by_part(cls, rows: int, decide: Callable[[slice], DecisionTape]) -> DecisionTape:
        """Decisions on so many rows, made a part at a time.

        What a model was shown and said is kept where every part has it.

        Args:
            decide: gets the rows of a part, and gives one decision for each of them.

        Raises:
            InputError: where it gives another number of them.
        """
        numbers = ("size", "slippage_bps", "deadline_s", "confidence")
        columns: dict[str, Any] = {"side": mapped.empty(rows, np.int8)} | {name: mapped.empty(rows) for name in numbers}
        told, transcript = {"reason": texts.Gathering(rows)}, Transcripts(rows)
        for part in mapped.parts(rows):
            made = decide(part)
            if len(made) != part.stop - part.start:
                what = f"{len(made)} decisions were made for rows {part.start + 1} to {part.stop}"
                raise InputError(what, where="DecisionTape.by_part", hint="give one for each row")
            for name, column in columns.items():
                column[part] = getattr(made, name)
            if made.raw_text is not None and "raw_text" not in told:
                told["raw_text"] = texts.Gathering(rows)
                told["raw_text"].add(_nothing(part.start))
            for name, gathering in told.items():
                text = getattr(made, name)
                gathering.add(_nothing(len(made)) if text is None else text)
            transcript.add(part, made.transcript)
        columns |= {name: gathering.column() for name, gathering in told.items()}
        return cls(**columns, transcript=transcript.whole)


_TEXTS = ("reason", "raw_text")


def _nothing(rows: int) -> NDArray[np.object_]:
    return np.broadcast_to(text_column([""]), rows)


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
    for problem, bad in _CHECKS.items():
        for rows in mapped.parts(len(tape)):
            found = bad(tape, rows)
            if found.any():
                at = rows.start + int(np.argmax(found)) + 1
                raise InputError(f"{problem} at decision {at}", where="DecisionTape")


def _within(column: NDArray[np.float64], most: float) -> NDArray[np.bool_]:
    return (column >= 0) & (column <= most)


_CHECKS: dict[str, Callable[[DecisionTape, slice], NDArray[np.bool_]]] = {
    "side is not BUY, HOLD, SELL or UNPARSED": lambda tape, rows: ~np.isin(tape.side[rows], _CODES),
    "size is not between 0 and 1": lambda tape, rows: ~_within(tape.size[rows], 1),
    "size is not 0 though nothing is traded": lambda tape, rows: ~is_trade(tape.side[rows]) & (tape.size[rows] != 0),
    "slippage_bps is not between 0 and 10000": lambda tape, rows: ~_within(tape.slippage_bps[rows], 1e4),
    "deadline_s is negative": lambda tape, rows: ~(tape.deadline_s[rows] >= 0),
    "confidence is not between 0 and 1": lambda tape, rows: (
        ~(np.isnan(tape.confidence[rows]) | _within(tape.confidence[rows], 1))
    ),
}
