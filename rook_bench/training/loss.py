"""Completion-only loss, split by the parts of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rook_bench.language.reader import output_by_rows
from rook_bench.training.examples import PROMPT

NAMES = ("side", "size", "slippage", "deadline", "end", "verdicts", "copies")


def completion_loss(model: Any, batch: dict[str, Any], by_part: Sequence[float] | None = None) -> tuple[Any, Any, Any]:
    """Mean weighted cross-entropy over answer tokens; the prompt costs nothing and is not projected.

    Args:
        model: a causal language model (not wrapped by peft, its LoRA layers in place).
        batch: what `Collator` makes.
        by_part: weight of each part's tokens, in the order of their codes; then it is the sum over an example's tokens
            that counts, and its mean over examples.

    Returns:
        The loss, and of each answer token its unweighted cross-entropy (nats) and its part code.
    """
    import torch

    parts = batch["parts"][:, 1:]
    answer = parts != PROMPT
    logits = logits_at(model, batch, answer).float()
    each = torch.nn.functional.cross_entropy(logits, batch["input_ids"][:, 1:][answer], reduction="none")
    weight = batch["weight"][:, None].expand_as(answer)[answer].to(each.dtype)
    if by_part is None:
        return (each * weight).mean(), each.detach(), parts[answer]
    weight = weight * torch.tensor(by_part, device=each.device, dtype=each.dtype)[parts[answer]]
    return (each * weight).sum() / len(answer), each.detach(), parts[answer]


def logits_at(model: Any, batch: dict[str, Any], where: Any) -> Any:
    """Logits after the chosen positions of a batch, shape (chosen, vocabulary).

    Only those positions go through the output layer, the largest of all, unless the model does more to its logits
    (a soft cap, a scale), which only the model itself knows.

    Args:
        where: which positions, bool, shape (batch, longest - 1).
    """
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}
    if not output_by_rows(model):
        return model(**inputs).logits[:, :-1][where]
    hidden = getattr(model, model.base_model_prefix)(**inputs).last_hidden_state
    return model.get_output_embeddings()(hidden[:, :-1][where])


@dataclass
class PartLosses:
    """Sums of cross-entropy by part."""

    totals: list[float] = field(default_factory=lambda: [0.0] * len(NAMES))
    counts: list[int] = field(default_factory=lambda: [0] * len(NAMES))

    def add(self, each: Any, parts: Any) -> None:
        """Add one batch."""
        for code in range(len(self.totals)):
            chosen = each[parts == code]
            self.totals[code] += float(chosen.sum())
            self.counts[code] += len(chosen)

    def means(self, prefix: str) -> dict[str, float]:
        """Mean loss per token of each part that occurs, and of all ("loss_side", ..., "loss_all")."""
        found = {
            f"{prefix}loss_{name}": total / count
            for name, total, count in zip(NAMES, self.totals, self.counts, strict=True)
            if count
        }
        return found | {f"{prefix}loss_all": sum(self.totals) / max(1, sum(self.counts))}
