"""What a training run teaches: its examples, its loss, how it is measured, and what the record says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Side
from rook_bench.language.manifest import Manifest, PoolRecord
from rook_bench.language.scoring import Scored, probabilities
from rook_bench.language.template import Template
from rook_bench.language.tokens import Encoder
from rook_bench.training.ceiling import Ceiling
from rook_bench.training.data import TrainingData
from rook_bench.training.evaluation import calibration_error, fit_temperature, judge_answers, side_scores
from rook_bench.training.examples import Collator, Example, make_examples, weights_by_pool, weights_together
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
        self.weights = weights_by_pool(data, chosen, settings.balance)
        self.answers = data.answers(chosen)
        self.identity: dict[str, Any] = {"data": data.data_hash}
        self.record: dict[str, Any] = {
            "class_weights": _named(weights_together(data, chosen, self.weights)),
            "learned_from": data.learned_from,
        }
        if data.common is not None:
            self.record["pools"] = [
                PoolRecord(**PoolRecord.names(pool), class_weights=_named(own))
                for pool, own in zip(data.pools, self.weights, strict=True)
            ]
        self.labels = [data.labels[row] for row in val]
        self.texts = [data.prompts.texts[row] for row in val]

    def examples(self, encoder: Encoder, score: Score) -> tuple[list[Example], list[Example]]:
        """The labelled answers."""
        del score
        learned = make_examples(self.data, self.chosen, encoder, self.weights)
        return learned, make_examples(self.data, self.val, encoder, [[1.0, 1.0, 1.0]] * len(self.data.pools))

    def loss(self, model: Any, batch: dict[str, Any]) -> tuple[Any, Any, Any]:
        """Cross-entropy of the answer's tokens, weighed by the side."""
        from rook_bench.training.loss import completion_loss

        return completion_loss(model, batch)

    def measure(self, score: Score, manifest: Manifest) -> dict[str, float]:
        """How well the labels are met; of several pools the means of theirs, each of which counts as much."""
        return mean_figures(list(self._by_pool(score(self.texts), manifest).values()))

    def _by_pool(self, answers: Sequence[Scored], manifest: Manifest) -> dict[str, dict[str, float]]:
        """How well the labels of each pool are met."""
        told = {}
        for name, pool, own in zip(self.data.names, self.data.pools, self.data.by_pool(self.val), strict=True):
            of_pool = [answers[row] for row in own], [self.labels[row] for row in own]
            told[name] = judge_answers(*of_pool, manifest.on(pool))
        return told

    def losses(self, model: Any, examples: Sequence[Example], collator: Collator) -> dict[str, float]:
        """Cross-entropy of the labelled answers by part."""
        from rook_bench.training.trainer import validation_losses

        return validation_losses(model, examples, collator, EVAL_BATCH)

    def finish(self, score: Score, manifest: Manifest) -> tuple[Manifest, dict[str, Any]]:
        """The temperature, fitted on validation."""
        answers = score(self.texts)
        truth = np.array([label.side for label in self.labels], dtype=np.int64)
        scores = side_scores(answers)
        done = manifest.model_copy(update={"temperature": fit_temperature(scores, truth, manifest)})
        before, after = (probabilities(scores, one, heat) for one, heat in ((manifest, 1.0), (done, None)))
        if done.pools is not None:
            warm = []
            for pool, kept, own in zip(self.data.pools, done.pools, self.data.by_pool(self.val), strict=True):
                told = manifest.on(pool)
                warm.append(kept.model_copy(update={"temperature": fit_temperature(scores[own], truth[own], told)}))
                before[own] = probabilities(scores[own], told, 1.0)
                after[own] = probabilities(scores[own], told, warm[-1].temperature)
            done = done.model_copy(update={"pools": warm})
        by_pool = self._by_pool(answers, done)
        return done, {
            "stage": "sft",
            **pool_facts(self.data, self.chosen, self.val, by_pool),
            "labels": label_counts(self.data, self.chosen),
            "example": self._example(),
            "calibration": {
                "before": calibration_error(before, truth),
                "after": calibration_error(after, truth),
            },
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


def pool_facts(
    data: TrainingData, chosen: NDArray[np.intp], val: NDArray[np.intp], by_pool: Mapping[str, dict[str, float]]
) -> dict[str, Any]:
    """Of the record: which pools, how many rows of each, and what their validation rows say.

    Args:
        data: of one pool or several.
        chosen, val: rows that were learned from, and rows that were measured on.
        by_pool: figures of the validation rows, by the pool's name.
    """
    told = [{name: getattr(pool, name) for name in ("pair", "chain", "address", "protocol")} for pool in data.pools]
    facts = {
        "pool": told[0],
        "rows": {"train": len(chosen), "validation": len(val)},
        "validation": mean_figures(list(by_pool.values())),
    }
    if data.common is None:
        return facts
    counts = zip(data.by_pool(chosen), data.by_pool(val), strict=True)
    rows = [{"train": len(learned), "validation": len(measured)} for learned, measured in counts]
    figures = [by_pool[name] for name in data.names]
    return facts | {
        "pool": {**told[0], "pair": ", ".join(data.names)},
        "common_split": data.common.to_json(),
        "pools": [
            {"name": name, **pool, "fee_pips": whole.fee_pips, "rows": count, "validation": measured}
            for name, pool, whole, count, measured in zip(data.names, told, data.pools, rows, figures, strict=True)
        ],
    }


def mean_figures(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each figure over the pools that have it, without standard errors; of one pool its own."""
    if len(figures) == 1:
        return figures[0]
    names = dict.fromkeys(name for one in figures for name in one if "_se_" not in name)
    return {name: float(np.mean([one[name] for one in figures if name in one])) for name in names}


def _named(weights: Sequence[float]) -> dict[str, float]:
    return dict(zip(SIDE_NAMES, weights, strict=True))


def label_counts(data: TrainingData, rows: NDArray[np.intp]) -> dict[str, int]:
    """How many of these rows have each label."""
    counts = np.bincount(data.side[rows], minlength=3)
    return {name: int(count) for name, count in zip(SIDE_NAMES, counts, strict=True)}
