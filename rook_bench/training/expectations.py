"""What a training run will take, said before it starts: by one pass over a typical batch, and by counting bytes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rook_bench.training.run import TrainingRun

BACKWARD = 2.0
"""A backward pass takes about twice the time of the forward pass before it."""

ADAM = 3
"""Numbers that a trained parameter needs beside itself: its gradient and two moments."""

GB = 1e9


def expectations(run: TrainingRun) -> list[str]:
    """One line: most minutes, and least memory, of a run that is prepared.

    The time is that of one forward pass over a batch of the median length, three passes' worth for each batch of all
    epochs; validation and early stopping come on top and off. The memory is that of weights, gradients and moments;
    activations come on top.
    """
    lengths = sorted(range(len(run.examples)), key=lambda row: len(run.examples[row]["input_ids"]))
    size = min(run.settings.batch_size, len(lengths))
    middle = max(0, len(lengths) // 2 - size // 2)
    seconds = _forward_s(run, lengths[middle : middle + size])
    batches = -(-len(run.examples) // size) * run.settings.num_epochs
    minutes = seconds * (1 + BACKWARD) * batches / 60
    weights = sum(one.numel() * one.element_size() for one in run.model.parameters())
    trained = sum(one.numel() for one in run.model.parameters() if one.requires_grad)
    memory = (weights + 4 * ADAM * trained) / GB
    passes = f"{batches:,.0f} batches of {size}"
    about = "less than a minute" if minutes < 1 else f"about {minutes:,.0f} minutes"
    return [f"expected: {about} of training on {run.device} ({passes}), {memory:.1f} GB for weights and their moments"]


def _forward_s(run: TrainingRun, rows: list[int]) -> float:
    """Seconds of a forward pass: the second of two, the first warms up; no random number is drawn."""
    import torch

    batch = {name: value.to(run.device) for name, value in run.collator([run.examples[row] for row in rows]).items()}
    training, taken = run.unwrapped.training, []
    run.unwrapped.eval()
    with torch.inference_mode():
        for _ in range(2):
            started = time.perf_counter()
            run.unwrapped(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
            taken.append(time.perf_counter() - started)
    run.unwrapped.train(training)
    return float(np.min(taken))
