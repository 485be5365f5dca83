"""transformers' Trainer with our loss, our evaluation, batches of like length, and a progress bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer, TrainerCallback
from transformers.trainer_pt_utils import get_length_grouped_indices

from rook_bench.training.examples import Collator, Example
from rook_bench.training.history import write_history, write_step
from rook_bench.training.loss import PartLosses, completion_loss
from rook_bench.training.ranks import average_gradients, is_first, world

SAVE_EVERY_S = 300.0
"""Seconds between checkpoints inside an epoch."""


class LengthBatches(Sampler[int]):
    """Examples of like length next to each other, in an order that depends on seed and epoch alone.

    The order must not depend on the global random state, or a resumed run would see another one.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed, self.epoch = list(lengths), batch_size, seed, 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=generator))


class RookTrainer(Trainer):
    """Trainer whose loss and whose evaluation are the caller's.

    Args:
        unwrapped: the causal language model inside the peft wrapper, LoRA layers in place.
        teach: loss of it on a batch, and of each answer token its cross-entropy and its part.
        judge: measures the model on the validation split; its numbers are logged as eval_*.
    """

    def __init__(
        self,
        *,
        unwrapped: Any,
        teach: Callable[[Any, Any], tuple[Any, Any, Any]],
        judge: Callable[[], dict[str, float]],
        examples: Sequence[Example],
        **rest: Any,
    ) -> None:
        self.unwrapped, self.teach, self.judge, self.examples = unwrapped, teach, judge, examples
        super().__init__(train_dataset=list(examples), **rest)
        self.loss_is_scaled_for_ga = False
        self.part_losses = PartLosses()
        self.remove_callback(PrinterCallback)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        lengths = [len(example["input_ids"]) for example in self.examples]
        batch = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return LengthBatches(lengths, batch, self.args.seed)

    def training_step(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        """One forward and backward pass; of several processes each gets the mean of all gradients before a step."""
        loss = super().training_step(model, inputs, *rest, **more)
        if world() > 1 and self.accelerator.sync_gradients:
            average_gradients(self.unwrapped.parameters())
        return loss

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **_: Any) -> Any:
        """The lesson's loss; its parts are kept for the log."""
        loss, each, parts = self.teach(self.unwrapped, inputs)
        self.part_losses.add(each, parts)
        return (loss, None) if return_outputs else loss

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """Measure on the validation split, log it with the epoch's training loss by part."""
        self.model.eval()
        measured = {f"{metric_key_prefix}_{name}": value for name, value in self.judge().items()}
        measured |= self.part_losses.means("train_")
        self.part_losses = PartLosses()
        self.log(measured)
        self.control: Any = self.callback_handler.on_evaluate(self.args, self.state, self.control, measured)
        return measured


def validation_losses(
    model: Any,
    examples: Sequence[Example],
    collator: Collator,
    batch: int,
    teach: Callable[[Any, Any], tuple[Any, Any, Any]] = completion_loss,
) -> dict[str, float]:
    """Loss by part of the answers of the validation split."""
    losses = PartLosses()
    ordered = sorted(examples, key=lambda example: len(example["input_ids"]))
    with torch.inference_mode():
        for start in range(0, len(ordered), batch):
            tensors = collator(ordered[start : start + batch])
            _, each, parts = teach(model, {name: value.to(model.device) for name, value in tensors.items()})
            losses.add(each, parts)
    return losses.means("")


class MetricsFile(TrainerCallback):
    """Writes metrics.jsonl again at every log, so that a watcher, and a resumed run, sees the whole history."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One JSON object per line, as the trainer logged them."""
        if is_first():
            write_history(self.path, state.log_history)


class ProgressFile(TrainerCallback):
    """Writes the step that training is at, and of how many, at most once a second."""

    def __init__(self, path: Path) -> None:
        self.path, self.last = path, 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One step on."""
        now = time.monotonic()
        if (now - self.last < 1 and state.global_step < state.max_steps) or not is_first():
            return
        self.last = now
        write_step(self.path, state.global_step, state.max_steps)


class TimedCheckpoint(TrainerCallback):
    """A checkpoint every few minutes inside long epochs; it changes nothing about the result."""

    def __init__(self, every_s: float = SAVE_EVERY_S) -> None:
        self.every_s, self.last = every_s, time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for a checkpoint when it is time."""
        # Clocks of several processes differ, and a checkpoint is written by all of them together: each epoch, then.
        if time.monotonic() - self.last >= self.every_s and world() == 1:
            control.should_save, self.last = True, time.monotonic()


class Bar(TrainerCallback):
    """A progress bar on a terminal, and a line per epoch everywhere."""

    def __init__(self, console: Console, say: Callable[[str], None]) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps"),
            TimeRemainingColumn(),
        )  # fmt: skip
        self.progress = Progress(
            *columns, console=console, transient=True, disable=not (console.is_terminal and is_first())
        )
        self.say = say

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start at the step a resumed run stands at."""
        self.task = self.progress.add_task("training", total=state.max_steps, completed=state.global_step)
        self.progress.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One step on."""
        self.progress.update(self.task, completed=state.global_step)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:
        """Say how the epoch went."""
        shown = (
            ("loss", "train_loss_all"),
            ("side", "train_loss_side"),
            ("macro-F1", "eval_macro_f1"),
            ("NLL", "eval_nll"),
            ("rows with a trade", "eval_trade_share"),
            ("bps a trade", "eval_reward_bps"),
            ("ECE", "eval_ece"),
        )
        figures = ", ".join(f"{word} {metrics[name]:.3f}" for word, name in shown if name in metrics)
        self.say(f"epoch {state.epoch:.3g}: {figures}")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the bar away."""
        self.progress.stop()
