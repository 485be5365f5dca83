"""Prompts and answers as token ids, the same for training and for scoring."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rook_bench.core import InputError, Side
from rook_bench.language.answer import Answer, Part


class Encoder:
    """Turns text into ids.

    An answer is encoded part by part (side, size, slippage, deadline), so that every token
    belongs to one part and a scored candidate has the very ids that training saw.

    Args:
        tokenizer: a transformers tokenizer.
        answer: how answers are written.
    """

    def __init__(self, tokenizer: Any, answer: Answer) -> None:
        if tokenizer.eos_token_id is None:
            raise InputError("the tokenizer has no end-of-text token, without which an answer has no end")
        self.tokenizer, self.answer, self.end = tokenizer, answer, int(tokenizer.eos_token_id)
        # What the tokenizer puts before every text (nothing for GPT-2, a begin token for others).
        self.begin = [token for token in tokenizer("")["input_ids"] if token != self.end]
        self.piece = lru_cache(maxsize=None)(self._piece)

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each prompt."""
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [self.begin + ids for ids in encoded]

    def _piece(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def side(self, side: Side) -> tuple[int, ...]:
        """Ids of a side's word."""
        return self.piece(self.answer.side[side])

    def answer_ids(
        self, side: Side, size: float, slippage_bps: float, deadline_s: float
    ) -> tuple[list[int], list[Part | None]]:
        """Ids of a whole answer with its end token, and the part that each belongs to (None for the end)."""
        ids: list[int] = []
        parts: list[Part | None] = []
        for part, text in self.answer.pieces(side, size, slippage_bps, deadline_s):
            piece = self.piece(text)
            ids += piece
            parts += [part] * len(piece)
        return [*ids, self.end], [*parts, None]
