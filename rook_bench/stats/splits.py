"""Training and test rows that don't touch, many times over (skfolio does the splitting)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def walk_forward(n: int, *, train: int, test: int, embargo: int = 0) -> Iterator[Split]:
    """(train rows, test rows) windows that walk through `n` rows in order of time.

    Args:
        train, test: rows in each window; a last test window that would be shorter is left out.
        embargo: rows between the end of training and the start of the test.

    InputError when not one split fits or skfolio is absent; raised at the call, not at the first split.
    """
    if min(train, test) < 1 or embargo < 0:
        raise InputError(f"windows of {train} and {test} rows with {embargo} between can't be", where="walk_forward")
    if n < train + embargo + test:
        raise InputError(
            f"{n} rows are fewer than {train} to train, {embargo} between and {test} to test", where="walk_forward"
        )
    folds = _skfolio().WalkForward(train_size=train, test_size=test, purged_size=embargo)
    return iter(folds.split(np.empty((n, 1))))


def combinatorial_purged(n: int, *, folds: int, test_folds: int, purge: int, embargo: int) -> Iterator[Split]:
    """Every choice of `test_folds` of `folds` consecutive folds as the test (Lopez de Prado 2018).

    Args:
        folds, test_folds: at least 3, and 2 to folds - 1; the last fold also takes the remainder.
        purge: rows left out of training on both sides of each test fold, because labels or
            features reach across the border.
        embargo: more rows left out after a test fold.

    Training may lie after the test: this is for judging a method, walk_forward for a history.
    InputError for numbers that don't fit or when skfolio is absent.
    """
    try:
        splitter = _skfolio().CombinatorialPurgedCV(folds, test_folds, purge, embargo)
    except ValueError as error:
        raise InputError(str(error).rstrip("."), where="combinatorial_purged") from None
    if purge + embargo >= n // folds - 1:
        raise InputError(
            f"purge and embargo, {purge} + {embargo} rows, must be fewer than a fold of {n // folds} less one",
            where="combinatorial_purged",
        )
    # skfolio keeps the test folds apart; here they are one set of rows.
    return ((train, np.concatenate(tests)) for train, tests in splitter.split(np.empty((n, 1))))


def _skfolio() -> Any:
    try:
        import skfolio.model_selection as module
    except ImportError:
        raise InputError("skfolio is not installed", hint="pip install 'rook-bench[judge]'") from None
    return module
