"""Prompts and answers as token ids, the same for training and for scoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from rook_bench.core import InputError, Side
from rook_bench.language.answer import Answer, Part
from rook_bench.language.draft import Draft, Kind
from rook_bench.language.template import Template

ANCHOR = "x"
"""A text that parts of an answer are encoded and decoded after."""

LINE = "\n"
"""What a part that begins with a letter or a digit is encoded after."""

DAY = {
    "%d": "01",
    "%e": " 1",
    "%-d": "1",
    "%m": "01",
    "%b": "Jan",
    "%B": "January",
    "%Y": "2025",
    "%y": "25",
    "%A": "Wednesday",
    "%a": "Wed",
    "%H": "00",
    "%I": "12",
    "%M": "00",
    "%S": "00",
    "%p": "AM",
    "%F": "2025-01-01",
}
"""What a chat template that tells the date is told: else a prompt would be another one tomorrow."""

_PINNED = (
    "{%- macro strftime_now(format) -%}{{ format"
    + "".join(f"|replace('{code}', '{text}')" for code, text in DAY.items())
    + " }}{%- endmacro -%}"
)
"""Before a chat template: its own clock in place of the one that transformers brings."""

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
        template: what is asked, as it is or in the tokenizer's chat form, and how answers are written.

    Raises:
        InputError: for a tokenizer without an end token, or without the chat form that the template asks for.
    """

    def __init__(self, tokenizer: Any, template: Template) -> None:
        if tokenizer.eos_token_id is None:
            raise InputError("the tokenizer has no end-of-text token, without which an answer has no end")
        self.tokenizer, self.chat, self.end = tokenizer, template.chat, int(tokenizer.eos_token_id)
        self.answer: Answer = template.answer
        if self.chat is not None and not tokenizer.chat_template:
            what = f"template {template.name} is for chat models, and the tokenizer brings no chat template"
            raise InputError(what, hint="take a model that was taught to chat, or a template without [chat]")
        self._anchor: list[int] = tokenizer(ANCHOR, add_special_tokens=False)["input_ids"]
        self._line: list[int] = tokenizer(LINE, add_special_tokens=False)["input_ids"]
        self.begin = self._begin()
        self.piece = lru_cache(maxsize=None)(self._piece)

    def prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each prompt."""
        if not texts:
            return []
        begin = self.begin if self.chat is None else []  # a chat template writes its own
        encoded = self.tokenizer([self.shown(text) for text in texts], add_special_tokens=False)["input_ids"]
        return [begin + ids for ids in encoded]

    @cached_property
    def _form(self) -> str | None:
        """The tokenizer's chat template, its clock stopped; None leaves it to the tokenizer to choose."""
        form = self.tokenizer.chat_template
        return _PINNED + form if isinstance(form, str) and "strftime_now" in form else None

    def shown(self, prompt: str) -> str:
        """A prompt as the model is shown it: in a chat, all that was said so far and the beginning of the answer."""
        if self.chat is None:
            return prompt
        try:
            told = self.tokenizer.apply_chat_template(
                self.chat.messages(prompt),
                tokenize=False,
                add_generation_prompt=True,
                chat_template=self._form,
                **self.chat.options,
            )
        except Exception as error:  # the template is a program (in a sandbox) that may raise whatever it likes
            text = " ".join(str(error).split())[:160]
            hint = "leave [chat] system away where a model takes no system message"
            raise InputError(f"the tokenizer's chat template fails ({text})", hint=hint) from None
        return str(told)

    def check_joins(self, prompt: str) -> str | None:
        """What is wrong where a prompt and an answer's word, tokenised as one text, are not the tokens of both.

        A model whose lessons were tokenised whole (as most trainers do) was then taught other tokens than are scored.
        """
        before = self.prompts([prompt])[0]
        begin = self.begin if self.chat is None else []
        for side in Side:
            whole = self.tokenizer(self.shown(prompt) + self.answer.side[side], add_special_tokens=False)["input_ids"]
            if begin + whole != [*before, *self.side(side)]:
                word = self.answer.side[side]
                return (
                    f"the tokenizer joins the end of a prompt and {word!r} to other tokens than those of both: "
                    "a model whose lessons were tokenised whole was taught those"
                )
        return None

    def _begin(self) -> list[int]:
        """What the tokenizer puts before every text: nothing for GPT-2, a begin token for others, for OPT its end."""
        whole: list[int] = self.tokenizer(ANCHOR)["input_ids"]
        for start in range(len(whole)):
            if whole[start : start + len(self._anchor)] == self._anchor:
                return whole[:start]
        return [token for token in self.tokenizer("")["input_ids"] if token != self.end]

    def _piece(self, text: str) -> tuple[int, ...]:
        # A word without a space of its own would be joined with letters before it.
        anchor, known = (LINE, self._line) if text[:1].isalnum() else (ANCHOR, self._anchor)
        after = self.tokenizer(anchor + text, add_special_tokens=False)["input_ids"]
        if after[: len(known)] == known:
            return tuple(after[len(known) :])
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
