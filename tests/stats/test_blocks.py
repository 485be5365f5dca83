"""The length of a bootstrap's blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import lfilter

from rook_bench.stats import block_length
from rook_bench.stats.blocks import circular_block_length


def ar(slope, n, seed=0):
    shocks = np.random.default_rng(seed).normal(size=n + 200)
    return lfilter([1.0], [1.0, -slope], shocks)[200:]


@settings(max_examples=80)
@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_any_series_has_a_block(series):
    assert 1 <= block_length(series) <= max(1, len(series) / 3)


def test_block_length_follows_dependence():
    blocks = [np.median([block_length(ar(slope, 1000, seed)) for seed in range(9)]) for slope in (0.0, 0.5, 0.9)]
    assert blocks[0] < 5 < blocks[1] < blocks[2]
    assert circular_block_length(ar(0.9, 1000)) > block_length(ar(0.9, 1000))


@pytest.mark.parametrize("series", [np.zeros(50), np.ones(50), np.array([]), np.array([1.0, 2.0])])
def test_block_length_of_nothing_to_go_by_is_one(series):
    assert block_length(series) == 1


def test_block_length_of_a_late_start():
    """Zeros up to the last bucket make the automatic choice divide zero by zero."""
    assert 1 <= block_length(np.r_[np.zeros(99), 1.0]) <= 100 / 3
