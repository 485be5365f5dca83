"""Boosted trees as plain arrays: read from a file that runs nothing, and asked without the library that fitted them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError

LEAF = -1


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of regression trees.

    Attributes:
        baseline: what is added to the trees' sum.
        roots: the first node of each tree, shape (trees,).
        feature, threshold: a node sends `x[feature] <= threshold` to the left; shape (nodes,), feature LEAF at leaves.
        left, right: the nodes below; value: what a leaf adds; shape (nodes,).
    """

    baseline: float
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]

    def __call__(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum for each row of a table of finite numbers, shape (rows,)."""
        total, rows = np.full(len(table), self.baseline), np.arange(len(table))
        for root in self.roots:
            node = np.full(len(table), root, dtype=np.int32)
            inner = self.feature[node] != LEAF
            while inner.any():
                below = node[inner]
                goes_left = table[rows[inner], self.feature[below]] <= self.threshold[below]
                node[inner] = np.where(goes_left, self.left[below], self.right[below])
                inner = self.feature[node] != LEAF
            total += self.value[node]
        return total

    @classmethod
    def of(cls, model: Any) -> Trees:
        """From a fitted HistGradientBoostingRegressor of scikit-learn, which keeps its trees to itself."""
        parts = [predictors[0].nodes for predictors in model._predictors]
        roots = np.cumsum([0, *(len(nodes) for nodes in parts)])[:-1]
        leaf = np.concatenate([nodes["is_leaf"].astype(bool) for nodes in parts])
        start = np.repeat(roots, [len(nodes) for nodes in parts])
        column = {
            name: np.concatenate([nodes[name] for nodes in parts])
            for name in ("feature_idx", "num_threshold", "left", "right", "value")
        }
        return cls(
            baseline=float(np.ravel(model._baseline_prediction)[0]),
            roots=roots.astype(np.int32),
            feature=np.where(leaf, LEAF, column["feature_idx"]).astype(np.int32),
            threshold=column["num_threshold"].astype(np.float64),
            left=(column["left"] + start).astype(np.int32),
            right=(column["right"] + start).astype(np.int32),
            value=column["value"].astype(np.float64),
        )

    def save(self, path: Path) -> None:
        """Write one .npz file."""
        np.savez_compressed(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> Trees:
        """Read one; InputError where it is no such file, or its nodes lead nowhere."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                found = {name: arrays[name] for name in cls.__dataclass_fields__}
            trees = cls(**found | {"baseline": float(found["baseline"])})
            trees._check()
        except (OSError, ValueError, KeyError, IndexError, TypeError, BadZipFile):
            hint = "make it again with rook-bench reward"
            raise InputError("no readable file of trees", where=path, hint=hint) from None
        return trees

    def _check(self) -> None:
        """ValueError unless every node leads further down, so that asking ends."""
        nodes = np.arange(len(self.feature))
        inner = self.feature != LEAF
        for below in (self.left, self.right):
            if not ((below > nodes) & (below < len(nodes)))[inner].all():
                raise ValueError
        if not ((self.roots >= 0) & (self.roots < len(nodes))).all() or (self.feature < LEAF).any():
            raise ValueError
