"""What a language model was shown on each row, and what it said there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped, texts
from rook_bench.core.arrays import read_only
from rook_bench.core.errors import InputError
from rook_bench.core.rebuilt import Rebuilt

SIDES = ("p_buy", "p_hold", "p_sell")
"""Columns of the three probabilities, in the order of Side."""

_TEXTS = ("prompt", "said")

COUNTS = ("prompt_tokens", "answer_tokens", "seconds", "cost_usd")


@dataclass(frozen=True, eq=False, repr=False)
class Transcript(Rebuilt):
    """One row per swap, each column of shape (n,). What is not known is NaN, and what was not asked is "".

    Texts are object arrays, or `core.texts.Texts`, which read like them, of a long tape.

    Attributes:
        prompt: the text that was shown (without a chat's form, which the template and the tokenizer say).
        said: the answer, word for word where the model wrote it; of a scored one, the likeliest answer.
        p_buy, p_hold, p_sell: probabilities of the sides, after correction and temperature.
        prompt_tokens, answer_tokens: tokens read and written.
        seconds: it took, its share of a batch; cost_usd: it cost, where a server charges.
    """

    prompt: texts.Column
    said: texts.Column
    p_buy: NDArray[np.float64]
    p_hold: NDArray[np.float64]
    p_sell: NDArray[np.float64]
    prompt_tokens: NDArray[np.float64]
    answer_tokens: NDArray[np.float64]
    seconds: NDArray[np.float64]
    cost_usd: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, column in self.columns().items():
            if column.shape != self.prompt.shape:
                what = f"column '{name}' has {len(column)} rows instead of {len(self)}"
                raise InputError(what, where="Transcript")
            object.__setattr__(self, name, texts.kept(column) if name in _TEXTS else read_only(column))

    def __len__(self) -> int:
        return len(self.prompt)

    def __repr__(self) -> str:
        return f"<Transcript of {len(self):,}>"

    @classmethod
    def concat(cls, parts: Sequence[Transcript]) -> Transcript:
        """Of consecutive rows, one after the other; at least one part."""
        columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(cls)}
        joined: dict[str, Any] = {name: (texts.joined if name in _TEXTS else mapped.concatenated) for name in columns}
        return cls(**{name: joined[name](column) for name, column in columns.items()})

    def rows(self, which: slice | NDArray[np.intp]) -> Transcript:
        """Some rows of it."""
        cut: dict[str, Any] = {
            name: texts.some(column, which) if name in _TEXTS else column[which] for name, column in self._named()
        }
        return Transcript(**cut)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every column by its name."""
        return dict(self._named())

    def _named(self) -> list[tuple[str, Any]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


class Transcripts:
    """A transcript that is made a part at a time; there is none where a part has none.

    Args:
        rows: of all parts together.
    """

    def __init__(self, rows: int) -> None:
        self._rows, self._complete = rows, True
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._texts: dict[str, texts.Gathering] = {}

    def add(self, part: slice, said: Transcript | None) -> None:
        """That of the next rows."""
        self._complete = self._complete and said is not None
        if not self._complete or said is None:
            return
        if not self._texts:
            self._texts = {name: texts.Gathering(self._rows) for name in _TEXTS}
            self._numbers = {name: mapped.empty(self._rows) for name in (*SIDES, *COUNTS)}
        for name, column in said.columns().items():
            if name in _TEXTS:
                self._texts[name].add(column)
            else:
                self._numbers[name][part] = column

    @property
    def whole(self) -> Transcript | None:
        """All of it, once that was added."""
        if not self._complete or not self._texts:
            return None
        said: dict[str, Any] = {name: gathering.column() for name, gathering in self._texts.items()}
        return Transcript(**said | self._numbers)
