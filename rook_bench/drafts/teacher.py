"""Who writes drafts. What is written is believed only where it is true (see `drafts.verify`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.hashing import sha256_json
from rook_bench.language.store import AnswerStore


@dataclass(frozen=True)
class Asked:
    """What a teacher is asked about one row.

    Attributes:
        truth: draft and side word as the rules would write them.
        question: the row, the checks and the decision in words, for a teacher that is a language model.
    """

    truth: str
    question: str


class Teacher(Protocol):
    """Writes drafts.

    Attributes:
        name: of the kind; facts: what more the record should say.
        reads: whether it reads questions.
    """

    name: str
    reads: bool
    facts: dict[str, Any]

    def write(self, asked: Sequence[Asked]) -> Iterator[str | None]:
        """Draft and side word for each row, in order; None where the teacher gave no answer."""
        ...


class RulesTeacher:
    """The rules themselves: true by construction."""

    name, reads = "rules", False

    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}

    def write(self, asked: Sequence[Asked]) -> Iterator[str | None]:
        """What is true."""
        yield from (one.truth for one in asked)


def longest_of(batch: Sequence[Asked]) -> int:
    """Tokens that are room enough for what is true: no token is shorter than a character."""
    return max(len(one.truth) for one in batch) + 4


def answer_store(name: str, facts: dict[str, Any]) -> AnswerStore:
    """Where the answers of a teacher are kept, so that an interrupted run goes on."""
    return AnswerStore(cache_folder() / "teachers" / f"{sha256_json({'teacher': name, **facts})}.sqlite")
