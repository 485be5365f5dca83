"""Splits never let training touch the test."""

import sys
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rook_bench.core import InputError
from rook_bench.stats import combinatorial_purged, walk_forward

pytest.importorskip("skfolio", reason="the judge extra is not installed")


@settings(max_examples=100)
@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 50), st.integers(0, 20))
def test_walk_forward_is_chronological(n, train, test, embargo):
    assume(n >= train + embargo + test)
    splits = list(walk_forward(n, train=train, test=test, embargo=embargo))
    for train_rows, test_rows in splits:
        assert len(train_rows) == train
        assert np.array_equal(test_rows, test_rows[0] + np.arange(test))
        assert np.array_equal(train_rows, test_rows[0] - embargo - train + np.arange(train))
        assert test_rows[-1] < n
    tested = np.concatenate([test_rows for _, test_rows in splits])
    assert np.array_equal(tested, train + embargo + np.arange(len(tested)))
    assert n - tested[-1] - 1 < test


@settings(max_examples=100)
@given(st.integers(6, 150), st.integers(3, 7), st.integers(2, 6), st.integers(0, 5), st.integers(0, 5))
def test_combinatorial_training_keeps_its_distance(n, folds, test_folds, purge, embargo):
    assume(test_folds < folds)
    assume(purge + embargo < n // folds - 1)
    splits = list(combinatorial_purged(n, folds=folds, test_folds=test_folds, purge=purge, embargo=embargo))
    assert len(splits) == comb(folds, test_folds)
    for train, test in splits:
        assert np.all(np.diff(train) > 0)
        assert np.all(np.diff(test) > 0)
        gap = train[:, None] - test[None, :]
        assert not np.any((gap <= 0) & (gap >= -purge))
        assert not np.any((gap > 0) & (gap <= purge + embargo))
        # Nothing else is lost: what is neither trained on nor tested lies that near to a test row.
        rest = np.setdiff1d(np.arange(n), np.concatenate([train, test]))
        near = rest[:, None] - test[None, :]
        assert np.all(np.any((near >= -purge) & (near <= purge + embargo), axis=1))
    counts = np.bincount(np.concatenate([test for _, test in splits]), minlength=n)
    assert np.all(counts == comb(folds - 1, test_folds - 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: walk_forward(10, train=8, test=2, embargo=1), "10 rows are fewer than 8"),
        (lambda: walk_forward(10, train=0, test=2), "windows of 0"),
        (lambda: walk_forward(10, train=2, test=2, embargo=-1), "-1"),
        (lambda: combinatorial_purged(10, folds=5, test_folds=2, purge=1, embargo=0), "fewer than a fold of 2"),
        (lambda: combinatorial_purged(100, folds=5, test_folds=1, purge=1, embargo=0), "n_test_folds"),
        (lambda: combinatorial_purged(100, folds=2, test_folds=2, purge=1, embargo=0), "n_folds"),
        (lambda: combinatorial_purged(100, folds=5, test_folds=2, purge=-1, embargo=0), "negative"),
    ],
)
def test_numbers_that_do_not_fit(call, message):
    """Raised at the call, before anything is asked of the iterator."""
    with pytest.raises(InputError, match=message):
        call()


def test_without_skfolio(monkeypatch):
    for name in ("skfolio", "skfolio.model_selection"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=r"pip install 'rook-bench\[judge\]'"):
        walk_forward(100, train=10, test=10)
