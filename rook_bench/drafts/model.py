"""A teacher that is a local language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from rook_bench.core import InputError
from rook_bench.drafts.teacher import Asked, answer_store, longest_of
from rook_bench.language.base import load_base
from rook_bench.language.runtime import load_torch, require_train_extra
from rook_bench.language.store import AnswerStore

BATCH = 16
"""Rows that are written about between two writes to the store."""


class ModelTeacher:
    """A local model, given the checks and two examples, which writes one line greedily.

    Args:
        reference: a base as `train --model` takes it.
    """

    name, reads = "model", True

    def __init__(self, reference: str) -> None:
        require_train_extra()
        self.base = load_base(reference)
        self.facts: dict[str, Any] = {"model": reference, "sha256": self.base.sha256}

    @cached_property
    def _store(self) -> AnswerStore:
        return answer_store(self.name, self.facts)

    def write(self, asked: Sequence[Asked]) -> Iterator[str | None]:
        """The first line after each question; what was answered before is not asked again."""
        for start in range(0, len(asked), BATCH):
            batch = asked[start : start + BATCH]
            missing = self._store.missing(one.question for one in batch)
            self._store.add({question: self._line(question, longest_of(batch)) for question in missing})
            yield from (self._store[one.question] for one in batch)

    def _line(self, question: str, longest: int) -> str:
        torch, tokenizer = load_torch(), self.base.tokenizer
        ids = tokenizer(question, return_tensors="pt")["input_ids"]
        room = getattr(self.base.model.config, "max_position_embeddings", None)
        if room is not None and ids.shape[1] + longest > room:
            raise InputError(
                f"the question needs {ids.shape[1] + longest} tokens, the model holds {room}",
                where=self.facts["model"],
                hint="take a model with a longer context",
            )
        with torch.inference_mode():
            out = self.base.model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=longest, do_sample=False,
                pad_token_id=tokenizer.eos_token_id,
            )  # fmt: skip
        return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)).split("\n")[0]
