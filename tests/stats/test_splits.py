"""Folds follow each other and don't touch."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.stats import consecutive_folds

SMALL = st.integers(0, 9)


@settings(max_examples=200)
@given(st.integers(0, 200), st.integers(1, 8), SMALL, SMALL)
def test_folds_keep_their_distance_and_lose_nothing_else(n, folds, purge, embargo):
    found = consecutive_folds(n, folds=folds, purge=purge, embargo=embargo)
    if not found:
        assert n < folds or n // folds <= purge + embargo
        return
    assert len(found) == folds
    assert (found[0].start, found[-1].stop) == (0, n)
    gaps = [later.start - earlier.stop for earlier, later in pairwise(found)]
    assert gaps == [purge + embargo] * (folds - 1)
    whole = [
        fold.stop - fold.start + (embargo if fold.start else 0) + (purge if fold.stop < n else 0) for fold in found
    ]
    assert max(whole) - min(whole) <= 1


def test_without_anything_between_all_rows_are_used_once():
    rows = np.arange(23)
    parts = [rows[fold] for fold in consecutive_folds(23, folds=5)]
    np.testing.assert_array_equal(np.concatenate(parts), rows)


@pytest.mark.parametrize("numbers", [{"folds": 0}, {"folds": 2, "purge": -1}, {"folds": 2, "embargo": -1}])
def test_numbers_that_can_not_be(numbers):
    with pytest.raises(ValueError, match="can't be"):
        consecutive_folds(100, **numbers)
