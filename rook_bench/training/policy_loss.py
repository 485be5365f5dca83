"""Losses on the probabilities of the three side words, as constrained scoring sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rook_bench.training.examples import PROMPT
from rook_bench.training.loss import logits_at

Objective = Literal["critic", "utility"]

DETAIL_WEIGHT = 0.1
"""Of what follows the side's first token, which the parent knows already and is only not to forget."""

WORDS_WEIGHT = 0.1
"""Of the log of what the three words have together: free generation is to go on saying one of them."""


@dataclass(frozen=True)
class PolicyLoss:
    """The loss of one objective.

    Attributes:
        objective: "critic": cross-entropy to `target`, the softmax of what the critic expects of each action;
            "utility": the expected `reward` of the policy, less `beta` times its divergence from `before`.
        words: first token of BUY, HOLD and SELL.
        beta: weight of the Kullback-Leibler divergence from the parent.
    """

    objective: Objective
    words: Sequence[int]
    beta: float = 0.01

    def __call__(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Mean loss of a batch; of each example its objective, of each later answer token its cross-entropy; parts."""
        import torch

        answer = batch["parts"][:, 1:] != PROMPT
        rows, first = torch.arange(len(answer), device=answer.device), answer.int().argmax(dim=1)
        begins = torch.zeros_like(answer)
        begins[rows, first] = True
        first_of_row, later = begins[answer], answer & ~begins
        logits = logits_at(model, batch, answer).float()
        spoken = torch.log_softmax(logits[first_of_row], dim=1)[:, list(self.words)]
        together = torch.logsumexp(spoken, dim=1)
        each = self.of(spoken - together[:, None], batch)
        said = batch["input_ids"][:, 1:][later]
        details = torch.nn.functional.cross_entropy(logits[~first_of_row], said, reduction="none")
        forgotten = details.sum() / max(1, len(answer))
        loss = (each - WORDS_WEIGHT * together).mean() + DETAIL_WEIGHT * forgotten
        parts = torch.cat([torch.zeros(len(each), dtype=batch["parts"].dtype), batch["parts"][:, 1:][later].cpu()])
        return loss, torch.cat([each.detach().cpu(), details.detach().cpu()]), parts

    def of(self, policy: Any, batch: dict[str, Any]) -> Any:
        """The objective of each row, shape (rows,), by the log-probabilities of the three words, shape (rows, 3)."""
        if self.objective == "critic":
            return -(batch["target"] * policy).sum(dim=1)
        share = policy.exp()
        return (share * (self.beta * (policy - batch["before"]) - batch["reward"])).sum(dim=1)
