"""Stretches of a series that don't touch: consecutive ones, and all choices of some to hold out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray


def consecutive_folds(n: int, *, folds: int, purge: int = 0, embargo: int = 0) -> list[slice]:
    """Rows of `folds` stretches of about equal length that follow each other in time.

    Between two of them `purge` rows are left out at the end of the earlier one, because what was
    done there is only known later, and `embargo` rows at the start of the later one, because what
    is done there still looks back (Lopez de Prado 2018, "Advances in Financial Machine Learning",
    chapter 7).

    Args:
        n: rows in all.
        folds: at least 1.
        purge, embargo: rows, not negative.

    Returns:
        The stretches in order; empty where the rows left out would leave none in some stretch.
    """
    if folds < 1 or purge < 0 or embargo < 0:
        raise ValueError(f"{folds} folds with {purge} and {embargo} rows between them can't be")
    borders = [place * n // folds for place in range(folds + 1)]
    found = [
        slice(start + (embargo if start else 0), stop - (purge if stop < n else 0)) for start, stop in pairwise(borders)
    ]
    return found if all(fold.start < fold.stop for fold in found) else []


@dataclass(frozen=True, eq=False)
class PurgedSplits:
    """Every choice of some groups of consecutive rows to hold out, and what may be learned from beside them.

    Attributes:
        groups: rows of each group.
        held_out: the groups that each split holds out, shape (splits, k).
        inside: rows that may be learned from, by split, shape (splits, n).
        outside: rows that are held out, by split, shape (splits, n).
    """

    groups: tuple[slice, ...]
    held_out: NDArray[np.intp]
    inside: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    @property
    def paths(self) -> NDArray[np.intp]:
        """Split by path and group, shape (paths, groups): each path holds every group out once.

        There are k / groups of the splits; which splits a path is put together from is a matter of order.
        """
        splits_of = [np.flatnonzero((self.held_out == group).any(axis=1)) for group in range(len(self.groups))]
        return np.stack(splits_of, axis=1)


def combinatorial_purged(
    n: int, *, groups: int, held_out: int, purge: int = 0, embargo: int = 0
) -> PurgedSplits | None:
    """Combinatorial purged cross-validation (Lopez de Prado 2018, "Advances in Financial Machine Learning", 12.4).

    Args:
        n: rows in all.
        groups: stretches of about equal length that follow each other, at least 2.
        held_out: how many of them each split holds out, 1 to groups - 1.
        purge: rows before each held-out group that are not learned from: what is done there is only known later.
        embargo: rows after it that are not, because what is done there still looks back.

    Returns:
        None where some group would be empty, or nothing would be left to learn from in some split.
    """
    if groups < 2 or not 1 <= held_out < groups or purge < 0 or embargo < 0:
        raise ValueError(f"{held_out} of {groups} groups with {purge} and {embargo} rows between them can't be")
    borders = [place * n // groups for place in range(groups + 1)]
    places = tuple(slice(start, stop) for start, stop in pairwise(borders))
    if any(place.start == place.stop for place in places):
        return None
    picks = np.array(list(combinations(range(groups), held_out)), dtype=np.intp)
    outside, inside = np.zeros((len(picks), n), dtype=bool), np.ones((len(picks), n), dtype=bool)
    for split, pick in enumerate(picks.tolist()):
        for group in pick:
            place = places[group]
            outside[split, place] = True
            inside[split, max(place.start - purge, 0) : place.stop + embargo] = False
    return PurgedSplits(places, picks, inside, outside) if inside.any(axis=1).all() else None
