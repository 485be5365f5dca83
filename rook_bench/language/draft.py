"""Drafts: a few numbers of the prompt said again, each with a verdict, before the answer or after it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field as Key
from pydantic import model_validator

from rook_bench.core.config import Config

MOST_STEPS = 5

Bound = float | str
"""A number, or a key of the rules, with "-" before one that is negated."""

Kind = Literal["copied", "verdict"]


class Question(Config):
    """When a verdict rises and falls.

    Attributes:
        feature: a column of MarketView: the exact number, not the one that the prompt shows.
        below: bounds that it may be smaller than; above: bounds that it may be greater than.
    """

    feature: str
    below: list[Bound] = Key(default_factory=list)
    above: list[Bound] = Key(default_factory=list)


class Step(Config):
    """One step of a draft: a number as the prompt shows it, and a verdict.

    The level of a row is how many bounds `above` its feature exceeds, less how many `below` it falls short of; where
    several features are asked, the highest and the lowest count.

    Attributes:
        show: field of the prompt whose text is copied.
        words: the verdict of each level, from the lowest on, the space before it included.
        questions: what the level is told from.
    """

    show: str
    words: list[str] = Key(min_length=2, max_length=6)
    questions: list[Question] = Key(min_length=1)

    @model_validator(mode="after")
    def _a_word_for_each_level(self) -> Self:
        levels = self.lowest + max(len(question.above) for question in self.questions) + 1
        if len(self.words) != levels:
            raise ValueError(f"step '{self.show}' has {levels} levels and {len(self.words)} words")
        if len(set(self.words)) < levels:
            raise ValueError(f"step '{self.show}' needs different words for its levels")
        return self

    @property
    def lowest(self) -> int:
        """How many levels lie below the one at which no bound is passed."""
        return max(len(question.below) for question in self.questions)


class Draft(Config):
    """The grammar of drafts. Recorded with every adapter that drafts.

    Attributes:
        order: "before" the answer, which is then said after the draft; or "after" it, as an explanation that the
            answer does not depend on.
        steps: at most five.
    """

    order: Literal["before", "after"] = "before"
    steps: list[Step] = Key(min_length=1, max_length=MOST_STEPS)

    def pieces(self, shown: Sequence[str], levels: Sequence[int]) -> list[tuple[Kind, str]]:
        """A draft in parts: (kind, text).

        Args:
            shown: the prompt's text of each step's field.
            levels: of each step, counted from 0.
        """
        return [
            piece
            for step, text, level in zip(self.steps, shown, levels, strict=True)
            for piece in (("copied", f" {text}"), ("verdict", step.words[level]))
        ]

    def write(self, shown: Sequence[str], levels: Sequence[int]) -> str:
        """The text of a draft."""
        return "".join(text for _, text in self.pieces(shown, levels))

    def read(self, text: str, shown: Sequence[str]) -> list[int] | None:
        """The levels of a whole draft; None for anything that `write` would not have made of these numbers."""
        match = re.fullmatch(self.pattern(shown), text)
        if match is None:
            return None
        return [step.words.index(word) for step, word in zip(self.steps, match.groups(), strict=True)]

    def pattern(self, shown: Sequence[str]) -> str:
        """A regular expression that matches drafts of these numbers and nothing else, with a group for each verdict."""
        return "".join(
            f"{re.escape(f' {text}')}({'|'.join(map(re.escape, step.words))})"
            for step, text in zip(self.steps, shown, strict=True)
        )
