"""Compiled windows give NumPy's own bits, whatever the window and the values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.lib.stride_tricks import sliding_window_view

from rook_bench.execution.windows import LARGEST, trailing_deviations, trailing_means

WINDOWS = (2, 3, 7, 8, 9, 10, 15, 16, 17, 20, 50, 63, 64, 99, 100, 127, 128)
finite = st.floats(-1e12, 1e12, allow_subnormal=False)


def same(values, window):
    out = np.empty(max(len(values) - window + 1, 0))
    windows = sliding_window_view(values, window) if len(out) else np.empty((0, window))
    trailing_means(values, window, out)
    assert out.tobytes() == np.mean(windows, axis=1).tobytes()
    trailing_deviations(values, window, out)
    assert out.tobytes() == np.std(windows, axis=1, ddof=1).tobytes()


@pytest.mark.parametrize("window", WINDOWS)
def test_heavy_tails(window):
    rng = np.random.default_rng(window)
    same(rng.standard_t(2, 5_000) * 1e-3, window)


@pytest.mark.parametrize("window", WINDOWS)
def test_zeros_below_zero(window):
    same(np.full(window + 3, -0.0), window)


@given(arrays(np.float64, st.integers(0, 140), elements=finite), st.sampled_from(WINDOWS))
def test_any_values(values, window):
    same(values, window)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_spreads_as_far(bad):
    values = np.ones(300)
    values[150] = bad
    out = np.empty(201)
    with np.errstate(invalid="ignore"):
        trailing_deviations(values, 100, out)
        expected = np.std(sliding_window_view(values, 100), axis=1, ddof=1)
    np.testing.assert_array_equal(out, expected)


def test_the_largest_window_is_the_last_that_adds_so():
    assert max(WINDOWS) == LARGEST
