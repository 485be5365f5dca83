"""What a training run teaches: its examples, its loss, how it is measured, and what the record says of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Side
from rook_bench.language.manifest import Manifest
from rook_bench.language.scoring import Scored, probabilities
from rook_bench.language.template import Template
from rook_bench.language.tokens import Encoder
from rook_bench.training.ceiling import Ceiling
from rook_bench.training.data import TrainingData
from rook_bench.training.evaluation import calibration_error, fit_temperature, judge_answers, side_scores
from rook_bench.training.examples import Collator, Example, class_weights, make_examples
from rook_bench.training.settings import TrainSettings

EVAL_BATCH = 64

Score = Callable[[Sequence[str]], list[Scored]]
"""Answers of the model as it is now to prompts, by constrained scoring."""


class Lesson(Protocol):
    """What is taught.

    Attributes:
        identity: what else makes a run the same run: hashes of data, rewards, parent.
        record: fields of the manifest that don't depend on how training went.
        answers: the (size, slippage_bps, deadline_s) that are taught, by side.
        words: of the side and its details, for the line that is said after each epoch.
    """

    identity: dict[str, Any]
    record: dict[str, Any]
    answers: dict[str, list[tuple[float, float, float]]]

    def examples(self, encoder: Encoder, score: Score) -> tuple[list[Example], list[Example]]:
        """What is learned from, and what the validation loss is taken on; `score` asks the model before training."""
        ...

    def loss(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Loss of a batch; of each answer token its unweighted cross-entropy and its part, for the log."""
        ...

    def measure(self, score: Score, manifest: Manifest) -> dict[str, float]:
        """Figures of the validation split; the least "nll" is the best checkpoint."""
        ...

    def losses(self, model: Any, examples: Sequence[Example], collator: Collator) -> dict[str, float]:
        """Validation loss by part of the answer."""
        ...

    def finish(self, score: Score, manifest: Manifest) -> tuple[Manifest, dict[str, Any]]:
        """The manifest with what is fitted on validation at the end, and facts for the record."""
        ...

    def further(self, model: Any, encoder: Encoder, manifest: Manifest) -> dict[str, Any]:
        """Facts for the record that take the model itself, which is asked in other ways than by scoring."""
        ...


class Imitation:
    """Labels: the answers that rules gave.

    Args:
        data: the prepared folder.
        chosen, val: rows that are learned from, and rows that checkpoints are measured on.
        settings, template, ceiling: of the run.
    """

    def __init__(
        self,
        data: TrainingData,
        chosen: NDArray[np.intp],
        val: NDArray[np.intp],
        settings: TrainSettings,
        template: Template,
        ceiling: Ceiling,
    ) -> None:
        self.data, self.chosen, self.val = data, chosen, val
        self.template, self.ceiling = template, ceiling
        self.weights = class_weights(data.side[chosen], settings.balance)
        self.answers = data.answers(chosen)
        self.identity: dict[str, Any] = {"data": data.data_hash}
        self.record: dict[str, Any] = {
            "class_weights": dict(zip(SIDE_NAMES, self.weights, strict=True)),
            "learned_from": data.learned_from,
        }
        self.labels = [data.labels[row] for row in val]
        self.texts = [data.prompts.texts[row] for row in val]

    def examples(self, encoder: Encoder, score: Score) -> tuple[list[Example], list[Example]]:
        """The labelled answers."""
        del score
        learned = make_examples(self.data, self.chosen, encoder, self.weights)
        return learned, make_examples(self.data, self.val, encoder, [1.0, 1.0, 1.0])

    def loss(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Cross-entropy of the answer's tokens, weighed by the side."""
        from rook_bench.training.loss import completion_loss

        return completion_loss(model, batch)

    def measure(self, score: Score, manifest: Manifest) -> dict[str, float]:
        """How well the labels are met."""
        return judge_answers(score(self.texts), self.labels, manifest)

    def losses(self, model: Any, examples: Sequence[Example], collator: Collator) -> dict[str, float]:
        """Cross-entropy of the labelled answers by part."""
        from rook_bench.training.trainer import validation_losses

        return validation_losses(model, examples, collator, EVAL_BATCH)

    def finish(self, score: Score, manifest: Manifest) -> tuple[Manifest, dict[str, Any]]:
        """The temperature, fitted on validation."""
        answers = score(self.texts)
        truth = np.array([label.side for label in self.labels], dtype=np.int64)
        scores = side_scores(answers)
        temperature = fit_temperature(scores, truth, manifest)
        calibration = {
            "before": calibration_error(probabilities(scores, manifest, 1.0), truth),
            "after": calibration_error(probabilities(scores, manifest, temperature), truth),
        }
        done = manifest.model_copy(update={"temperature": temperature})
        return done, {
            "stage": "sft",
            "pool": {name: getattr(self.data.pool, name) for name in ("pair", "chain", "address", "protocol")},
            "rows": {"train": len(self.chosen), "validation": len(self.val)},
            "labels": label_counts(self.data, self.chosen),
            "example": self._example(),
            "validation": judge_answers(answers, self.labels, done),
            "calibration": calibration,
            "ceiling": self.ceiling.to_json(),
            "data_hash": self.data.data_hash,
        }

    def further(self, model: Any, encoder: Encoder, manifest: Manifest) -> dict[str, Any]:
        """Nothing more."""
        del model, encoder, manifest
        return {}

    def _example(self) -> str:
        row = next(row for row in self.chosen if self.data.side[row] != Side.HOLD)
        label = self.data.labels[row]
        pieces = self.template.answer.pieces(label.side, label.size, label.slippage_bps, label.deadline_s)
        return self.data.prompts.texts[row] + "".join(text for _, text in pieces)


def label_counts(data: TrainingData, rows: NDArray[np.intp]) -> dict[str, int]:
    """How many of these rows have each label."""
    counts = np.bincount(data.side[rows], minlength=3)
    return {name: int(count) for name, count in zip(SIDE_NAMES, counts, strict=True)}
