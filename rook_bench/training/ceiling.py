"""The prompt ceiling: what plain classifiers make of exactly the numbers that a prompt shows."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.training.data import TrainingData

SHORT_OF = 0.05
"""A prompt this far below what all features give can't carry the label."""


@dataclass(frozen=True)
class Ceiling:
    """Macro-F1 on the validation split of classifiers fitted on the train rows.

    Attributes:
        majority: always answering the most frequent side.
        boosted: gradient-boosted trees on the prompt's own numbers: the ceiling.
        tree: a decision tree on them.
        logistic: a logistic regression on them.
        all_features: gradient-boosted trees on every causal feature there is.
    """

    majority: float
    boosted: float
    tree: float
    logistic: float
    all_features: float

    @property
    def carries(self) -> bool:
        """Whether the prompt shows what the label depends on, as far as any feature does."""
        return max(self.boosted, self.tree) >= self.all_features - SHORT_OF

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return asdict(self)

    def describe(self, name: str) -> list[str]:
        """What a person should know before training starts."""
        first = (
            f"prompt ceiling of {name} (macro-F1 on validation): boosted trees {self.boosted:.3f}, "
            f"tree {self.tree:.3f}, logistic {self.logistic:.3f}; majority {self.majority:.3f}"
        )
        if self.carries:
            return [first]
        return [
            first,
            "warning: this prompt can't carry the label: with every feature the same boosted trees reach "
            f"{self.all_features:.3f}; don't expect a model to do much better on it than they do on the prompt",
        ]


def prompt_ceiling(data: TrainingData, train: NDArray[np.intp], seed: int) -> Ceiling:
    """Fit the classifiers on `train` rows and score them on the validation split.

    The boosted trees are scikit-learn's HistGradientBoostingClassifier with its defaults.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    def score(model: Any, table: NDArray[np.float64]) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a logistic fit that stops early is still a lower rival
            model.fit(table[train], data.side[train])
        guess = model.predict(table[data.val])
        return float(f1_score(data.side[data.val], guess, average="macro", zero_division=0))

    shown, everything = data.prompts.shown, np.nan_to_num(data.features)
    boosted = score(HistGradientBoostingClassifier(random_state=seed), shown)
    return Ceiling(
        majority=score(DummyClassifier(strategy="most_frequent"), shown),
        boosted=boosted,
        tree=score(DecisionTreeClassifier(min_samples_leaf=5, random_state=seed), shown),
        logistic=score(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)), shown),
        all_features=max(boosted, score(HistGradientBoostingClassifier(random_state=seed), everything)),
    )
