"""The mean of a dependent series, its interval, and the variance behind it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats
from scipy.signal import lfilter

from rook_bench.stats import mean_interval
from rook_bench.stats.long_run import equal_weighted_cosine, prewhitened_qs

FINITE = st.floats(-1, 1, allow_nan=False, width=32)


def ar(slope, n, seed=0):
    shocks = np.random.default_rng(seed).normal(size=n + 200)
    return lfilter([1.0], [1.0, -slope], shocks)[200:]


def test_cosine_variance_by_its_definition():
    """Lazarus et al. (2018), equation 4, summed by hand."""
    series = ar(0.5, 100)
    variance, freedom = equal_weighted_cosine(series)
    now = np.arange(1, 101)
    terms = [np.sqrt(2 / 100) * np.sum(series * np.cos(np.pi * j * (now - 0.5) / 100)) for j in range(1, freedom + 1)]
    assert freedom == int(0.41 * 100 ** (2 / 3))
    assert variance == pytest.approx(np.mean(np.square(terms)))


@pytest.mark.parametrize("slope", [-0.3, 0.0, 0.5])
def test_long_run_variances_know_the_truth(slope):
    """Of an AR(1) it is 1 / (1 - slope)^2; averaged over series, because one estimate is noisy."""
    truth = 1 / (1 - slope) ** 2
    cosine = np.mean([equal_weighted_cosine(ar(slope, 2000, seed))[0] for seed in range(20)])
    assert cosine == pytest.approx(truth, rel=0.12)
    assert np.mean([prewhitened_qs(ar(slope, 2000, seed)) for seed in range(20)]) == pytest.approx(truth, rel=0.12)


def test_cosine_agrees_with_newey_west_of_statsmodels():
    from statsmodels.stats.sandwich_covariance import S_hac_simple

    ratios = []
    for seed in range(20):
        series = ar(0.3, 4000, seed)
        centred = (series - series.mean())[:, None]
        ratios.append(equal_weighted_cosine(series)[0] / (S_hac_simple(centred, nlags=40).item() / 4000))
    assert np.mean(ratios) == pytest.approx(1, abs=0.08)


def test_mean_interval_is_nearly_the_t_interval_of_independent_returns():
    series = np.random.default_rng(1).normal(0.1, 1, 20_000)
    estimate = mean_interval(series)
    low, high = scipy_stats.t.interval(0.95, 19_999, series.mean(), scipy_stats.sem(series))
    assert estimate.value == pytest.approx(series.mean())
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.2 * (high - low))


def test_mean_interval_allows_for_dependence():
    series = ar(0.6, 4000)
    naive = 2 * 1.96 * scipy_stats.sem(series)
    estimate = mean_interval(series)
    # The truth is sqrt((1 + 0.6) / (1 - 0.6)) = 2 times the naive width.
    assert 1.6 < (estimate.high - estimate.low) / naive < 2.4


def test_a_higher_level_is_wider():
    series = ar(0.0, 500)
    narrow, wide = (mean_interval(series, level=level) for level in (0.9, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert wide.convention == narrow.convention == "mean per bucket"
    assert wide.method.startswith("99% interval, equal-weighted cosine variance")
    assert mean_interval(series, level=0.975).method.startswith("97.5% interval")


@settings(max_examples=50)
@given(arrays(np.float64, st.integers(20, 80), elements=FINITE), st.floats(0.01, 100), st.floats(-5, 5))
def test_mean_interval_moves_with_its_series(series, scale, shift):
    """Scaling and shifting returns scales and shifts the interval."""
    one, other = mean_interval(series), mean_interval(series * scale + shift)
    if one.defined and other.defined:
        expected = np.array([one.low, one.value, one.high]) * scale + shift
        assert [other.low, other.value, other.high] == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale)


@settings(max_examples=80)
@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_any_series_gives_an_estimate(series):
    estimate = mean_interval(series)
    assert estimate.n == len(series)
    assert estimate.defined == (estimate.low is not None)
    assert bool(estimate.method) == estimate.defined


@pytest.mark.parametrize(
    ("series", "because"),
    [
        ([], "0 observations are too few"),
        (np.arange(19.0), "19 observations are too few; at least 20"),
        ([*np.arange(30.0), np.nan, np.inf], "2 of 32 observations are not finite"),
        (np.zeros(100), "does not vary"),
        (np.full(100, 0.1) + 1e-17 * np.arange(100), "does not vary"),
        ([*np.arange(5.0), *np.zeros(95)], "only 4 of 100 observations differ from zero"),
    ],
)
def test_undefined_says_why(series, because):
    estimate = mean_interval(series)
    assert estimate.value is None
    assert because in estimate.undefined_because


def test_two_dimensional_returns_are_a_mistake():
    with pytest.raises(ValueError, match=r"one series.*\(30, 2\)"):
        mean_interval(np.ones((30, 2)))


@pytest.mark.parametrize("level", [1.0, 0.0])
def test_impossible_levels(level):
    with pytest.raises(ValueError, match="level"):
        mean_interval(ar(0.0, 50), level=level)


def test_importing_statistics_is_cheap():
    code = "import sys, rook_bench.stats; print(sorted({'scipy', 'arch', 'statsmodels', 'sklearn', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
