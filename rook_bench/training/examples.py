"""Examples as token ids with the part that each token of the answer belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES
from rook_bench.language.answer import PARTS, Part
from rook_bench.language.tokens import Encoder
from rook_bench.training.data import TrainingData

PROMPT, END, VERDICT, COPIED = -1, len(PARTS), len(PARTS) + 1, len(PARTS) + 2
"""Part codes of prompt tokens, of the end token, and of a draft's verdicts and copied numbers; 0 to 3 are side, size,
slippage and deadline."""


class Example(TypedDict):
    """One row: ids, part of each id, and its weight in the loss.

    Where rewards are taught, of BUY, HOLD and SELL too: the wanted probability, the reward in units of its spread,
    and the parent's log-probability.
    """

    input_ids: list[int]
    parts: list[int]
    weight: float
    target: NotRequired[list[float]]
    reward: NotRequired[list[float]]
    before: NotRequired[list[float]]


BY_SIDE = ("target", "reward", "before")


def make_examples(
    data: TrainingData, rows: NDArray[np.intp], encoder: Encoder, weights: Sequence[Sequence[float]]
) -> list[Example]:
    """Encode rows; `weights` are those of BUY, HOLD and SELL, of each pool."""
    prompts = encoder.prompts([data.prompts.texts[row] for row in rows])
    examples: list[Example] = []
    for row, prompt in zip(rows, prompts, strict=True):
        label = data.labels[row]
        answer, parts = encoder.answer_ids(label.side, label.size, label.slippage_bps, label.deadline_s)
        examples.append(
            {
                "input_ids": prompt + answer,
                "parts": [PROMPT] * len(prompt) + part_codes(parts),
                "weight": weights[data.pool_of[row]][label.side],
            }
        )
    return examples


def part_codes(parts: Sequence[Part | None]) -> list[int]:
    """Codes of the parts of an answer; None is the end."""
    return [END if part is None else PARTS.index(part) for part in parts]


def class_weights(side: NDArray[np.int8], balance: str) -> list[float]:
    """Weights of BUY, HOLD and SELL in the loss, their mean over the rows being 1."""
    counts = np.bincount(side, minlength=3).astype(np.float64)
    power = {"none": 0.0, "sqrt": 0.5, "full": 1.0}[balance]
    raw = np.where(counts > 0, np.maximum(counts, 1) ** -power, 1.0)
    return [float(weight) for weight in raw * counts.sum() / (raw * counts).sum()]


def weights_by_pool(data: TrainingData, rows: NDArray[np.intp], balance: str) -> list[list[float]]:
    """The `class_weights` of each pool's own rows: a side that is rare in one may be frequent in another."""
    return [class_weights(data.side[rows[own]], balance) for own in data.by_pool(rows)]


def weights_together(data: TrainingData, rows: NDArray[np.intp], weights: Sequence[Sequence[float]]) -> list[float]:
    """The mean weight of BUY, HOLD and SELL over the rows of all pools: what serves a pool that is none of them."""
    if len(weights) == 1:
        return list(weights[0])
    each = np.array(weights)[data.pool_of[rows], data.side[rows]]
    sides = [each[data.side[rows] == side] for side in range(len(SIDE_NAMES))]
    return [float(own.mean()) if len(own) else 1.0 for own in sides]


class Collator:
    """Pads a batch to its own longest example and stacks it as tensors."""

    def __init__(self, pad: int) -> None:
        self.pad = pad

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """Tensors input_ids, attention_mask, parts of shape (batch, longest), weight (batch,), others (batch, 3)."""
        import torch

        longest = max(len(example["input_ids"]) for example in examples)
        gaps = [longest - len(example["input_ids"]) for example in examples]
        pairs = list(zip(examples, gaps, strict=True))
        return {
            "input_ids": torch.tensor([example["input_ids"] + [self.pad] * gap for example, gap in pairs]),
            "attention_mask": torch.tensor([[1] * len(example["input_ids"]) + [0] * gap for example, gap in pairs]),
            "parts": torch.tensor([example["parts"] + [PROMPT] * gap for example, gap in pairs]),
            "weight": torch.tensor([example["weight"] for example in examples]),
            **{name: torch.tensor([example[name] for example in examples]) for name in BY_SIDE if name in examples[0]},  # type: ignore[literal-required]
        }
