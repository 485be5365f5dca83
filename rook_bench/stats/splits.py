"""Consecutive stretches of a series that don't touch."""

from __future__ import annotations

from itertools import pairwise


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
