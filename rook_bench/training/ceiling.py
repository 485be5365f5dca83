"""The prompt ceiling: what plain classifiers make of exactly the numbers that a prompt shows."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, field
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
        boosted_by_pool: of several pools, whose means the figures are, `boosted` on each.
    """

    majority: float
    boosted: float
    tree: float
    logistic: float
    all_features: float
    boosted_by_pool: dict[str, float] = field(default_factory=dict)

    @property
    def carries(self) -> bool:
        """Whether the prompt shows what the label depends on, as far as any feature does."""
        return max(self.boosted, self.tree) >= self.all_features - SHORT_OF

    def to_json(self) -> dict[str, Any]:
        """For the manifest."""
        return {name: value for name, value in asdict(self).items() if value != {}}

    def describe(self, name: str) -> list[str]:
        """What a person should know before training starts."""
        first = (
            f"prompt ceiling of {name} (macro-F1 on validation): boosted trees {self.boosted:.3f}, "
            f"tree {self.tree:.3f}, logistic {self.logistic:.3f}; majority {self.majority:.3f}"
        )
        lines = [first]
        if self.boosted_by_pool:
            each = ", ".join(f"{pool} {value:.3f}" for pool, value in self.boosted_by_pool.items())
            lines.append(f"these are means over the pools; boosted trees, fitted on all together: {each}")
        if self.carries:
            return lines
        return [
            *lines,
            "warning: this prompt can't carry the label: with every feature the same boosted trees reach "
            f"{self.all_features:.3f}; don't expect a model to do much better on it than they do on the prompt",
        ]


def prompt_ceiling(data: TrainingData, train: NDArray[np.intp], seed: int) -> Ceiling:
    """Fit the classifiers on `train` rows and score them on the validation split, of several pools on each.

    The boosted trees are scikit-learn's HistGradientBoostingClassifier with its defaults.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    def scores(model: Any, table: NDArray[np.float64]) -> list[float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a logistic fit that stops early is still a lower rival
            model.fit(table[train], data.side[train])
        guess, truth = model.predict(table[data.val]), data.side[data.val]
        pools = data.by_pool(data.val)
        return [float(f1_score(truth[own], guess[own], average="macro", zero_division=0)) for own in pools]

    def score(model: Any, table: NDArray[np.float64]) -> float:
        return float(np.mean(scores(model, table)))

    shown, everything = data.prompts.shown, np.nan_to_num(data.features)
    by_pool = scores(HistGradientBoostingClassifier(random_state=seed), shown)
    boosted = float(np.mean(by_pool))
    return Ceiling(
        majority=score(DummyClassifier(strategy="most_frequent"), shown),
        boosted=boosted,
        tree=score(DecisionTreeClassifier(min_samples_leaf=5, random_state=seed), shown),
        logistic=score(make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)), shown),
        all_features=max(boosted, score(HistGradientBoostingClassifier(random_state=seed), everything)),
        boosted_by_pool=dict(zip(data.names, by_pool, strict=True)) if data.common is not None else {},
    )
