"""How good a model's answers are against the labels, and the temperature that calibrates them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES
from rook_bench.language.manifest import Manifest
from rook_bench.language.scoring import Scored, probabilities
from rook_bench.metrics.calibration import calibration_error as label_calibration
from rook_bench.training.data import Label

LEAST_GAIN = 1e-4
"""Nats by which a temperature must lower the validation likelihood to be kept."""


def judge_answers(answers: Sequence[Scored], labels: Sequence[Label], manifest: Manifest) -> dict[str, float]:
    """Side accuracy, balanced accuracy, macro-F1, recall by side, NLL, ECE, and MSE of size, slippage, deadline.

    Recall of a side that no label has is left out, not zero.
    """
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score

    truth = np.array([label.side for label in labels], dtype=np.int64)
    odds = probabilities(side_scores(answers), manifest)
    guess = odds.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a side guessed but never labelled
        measured = {
            "accuracy": float(accuracy_score(truth, guess)),
            "balanced_accuracy": float(balanced_accuracy_score(truth, guess)),
            "macro_f1": float(f1_score(truth, guess, average="macro", zero_division=0)),
        }
    recalls = recall_score(truth, guess, labels=[0, 1, 2], average=None, zero_division=0)
    for code, name in enumerate(SIDE_NAMES):
        if (truth == code).any():
            measured[f"recall_{name.lower()}"] = float(recalls[code])
    measured["nll"] = negative_log_likelihood(odds, truth)
    measured["ece"] = calibration_error(odds, truth)
    trades = guess != 1
    for name in ("size", "slippage_bps", "deadline_s"):
        told = np.array([getattr(answer, name) for answer in answers])
        told = np.where(trades, told, 0.0) if name == "size" else told
        wanted = np.array([getattr(label, name) for label in labels])
        measured[f"mse_{name}"] = float(np.mean((told - wanted) ** 2))
    return measured


def side_scores(answers: Sequence[Scored]) -> NDArray[np.float64]:
    """The three log-probabilities of each answer, shape (n, 3)."""
    return np.array([answer.scores for answer in answers]).reshape(len(answers), 3)


def negative_log_likelihood(odds: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Mean negative log-probability of the labelled side, nats."""
    return float(-np.log(np.maximum(odds[np.arange(len(truth)), truth], 1e-12)).mean())


def calibration_error(odds: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Expected calibration error of the chosen side's probability (Guo et al. 2017), binned as in reports."""
    return label_calibration(odds.max(axis=1), odds.argmax(axis=1) == truth)


def fit_temperature(scores: NDArray[np.float64], truth: NDArray[np.int64], manifest: Manifest) -> float:
    """The temperature with the least validation NLL; 1 where it gains less than `LEAST_GAIN` nats."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return negative_log_likelihood(probabilities(scores, manifest, math.exp(log_temperature)), truth)

    found = minimize_scalar(loss, bounds=(math.log(0.05), math.log(20.0)), method="bounded")
    return float(math.exp(found.x)) if loss(0.0) - found.fun > LEAST_GAIN else 1.0
