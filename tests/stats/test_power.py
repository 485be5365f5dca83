"""How much data a question needs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import TTestPower

from rook_bench.stats import detectable_effect, long_run_variance, mean_interval, mean_over_spectra, periods_needed


@given(st.floats(1e-9, 1e3), st.floats(1e-6, 1e6), st.floats(0.001, 0.4), st.floats(0.5, 0.99))
def test_inverse_of_each_other(effect, variance, alpha, power):
    periods = periods_needed(effect, variance, alpha=alpha, power=power)
    assert detectable_effect(variance, periods, alpha=alpha, power=power) == pytest.approx(effect)


@pytest.mark.parametrize(("alpha", "power"), [(0.025, 0.8), (0.05, 0.9)])
def test_asks_for_a_sixth_more_than_a_test_that_knows_the_spectrum(alpha, power):
    theirs = TTestPower().solve_power(effect_size=0.05, alpha=alpha, power=power, alternative="larger")
    assert 1.1 < periods_needed(0.05, 1.0, alpha=alpha, power=power) / theirs < 1.25


def test_effect_is_found_as_often_as_promised():
    """The lower end of the interval lies above 0 in 80% of series with the detectable mean."""
    rng = np.random.default_rng(1)
    effect = detectable_effect(1.0, 500)
    found = sum(mean_over_spectra(rng.normal(effect, 1, 500)).estimate.low > 0 for _ in range(1000))
    assert found / 1000 == pytest.approx(0.8, abs=0.05)


def test_long_run_variance_of_dependent_returns():
    """Of a moving average x + 0.5 x' it is 1.5^2, not 1.25; averaged over series."""
    shocks = np.random.default_rng(2).normal(size=(30, 2001))
    found = np.mean([long_run_variance(row[1:] + 0.5 * row[:-1]) for row in shocks])
    assert found == pytest.approx(2.25, rel=0.1)


def test_variance_and_interval_agree():
    series = np.random.default_rng(3).normal(size=5000)
    estimate = mean_interval(series)
    half = (estimate.high - estimate.low) / 2
    assert half == pytest.approx(1.98 * np.sqrt(long_run_variance(series) / 5000), rel=0.01)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: periods_needed(0.0, 1.0), "effect"),
        (lambda: periods_needed(0.1, -1.0), "variance"),
        (lambda: detectable_effect(1.0, 0), "periods"),
        (lambda: detectable_effect(float("nan"), 10), "variance"),
        (lambda: periods_needed(0.1, 1.0, alpha=0.6), "alpha"),
        (lambda: periods_needed(0.1, 1.0, power=1.0), "power"),
        (lambda: long_run_variance([1.0, 2.0, 3.0]), "at least 4"),
        (lambda: long_run_variance([1.0, 2.0, 3.0, np.nan]), "finite"),
    ],
)
def test_impossible_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
