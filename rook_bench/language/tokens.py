"""Prompts and answers as token ids, the same for training and for scoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from rook_bench.core import InputError, Side
from rook_bench.language.answer import Answer, Part
from rook_bench.language.draft import Draft, Kind

ANCHOR = "x"
"""A text that parts of an answer are encoded and decoded after."""

DIGITS = 8
"""Tokens of a number, at most."""


class Encoder:
    """Turns text into ids.

    An answer is encoded part by part (side, size, slippage, deadline), so that every token
    belongs to one part and a scored candidate has the very ids that training saw. Each part is encoded and
    decoded as what goes on after other text: tokenizers of the Llama 2 kind put a space before every text of its
    own, and take one away, so that parts on their own would be joined with two spaces and read back as no answer.

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
        self._anchor: list[int] = tokenizer(ANCHOR, add_special_tokens=False)["input_ids"]
        self.piece = lru_cache(maxsize=None)(self._piece)

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each prompt."""
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [self.begin + ids for ids in encoded]

    def _piece(self, text: str) -> tuple[int, ...]:
        after = self.tokenizer(ANCHOR + text, add_special_tokens=False)["input_ids"]
        if after[: len(self._anchor)] == self._anchor:
            return tuple(after[len(self._anchor) :])
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])  # the anchor merged with it

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of ids that follow a prompt."""
        decode = self.tokenizer.decode
        before = decode(self._anchor, clean_up_tokenization_spaces=False)
        return str(decode([*self._anchor, *ids], clean_up_tokenization_spaces=False))[len(before) :]

    def check_reads_back(self, answers: Mapping[Side, Sequence[tuple[float, float, float]]]) -> None:
        """InputError where an answer that is to be taught would not be read when a model writes it.

        Args:
            answers: (size, slippage_bps, deadline_s) by side.
        """
        for side, values in answers.items():
            for value in values:
                taught = "".join(text for _, text in self.answer.pieces(side, *value))
                read = self.text_of(self.answer_ids(side, *value)[0][:-1])
                if self.answer.read(read) is None:
                    raise InputError(
                        f"the tokenizer writes the answer {taught!r} as {read!r}, which is no answer",
                        where=getattr(self.tokenizer, "name_or_path", None) or "tokenizer",
                        hint="take another base model or another template",
                    )

    def draft_ids(self, draft: Draft, shown: Sequence[str], levels: Sequence[int]) -> tuple[list[int], list[Kind]]:
        """Ids of a draft, and what each of them is."""
        ids: list[int] = []
        kinds: list[Kind] = []
        for kind, text in draft.pieces(shown, levels):
            piece = self.piece(text)
            ids += piece
            kinds += [kind] * len(piece)
        return ids, kinds

    def draft_length(self, draft: Draft | None) -> int:
        """Tokens that are room enough for any draft."""
        if draft is None:
            return 0
        return sum(DIGITS + max(len(self.piece(word)) for word in step.words) for step in draft.steps)

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
