"""Numbers of published papers, by the convention of the paper."""

import math

import numpy as np
import pytest

from rook_bench.stats import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    probability_of_backtest_overfitting,
)

HEDGE_FUND = {"sharpe": 0.036 / 0.079, "n": 24}
"""Bailey, Lopez de Prado (2012), "The Sharpe Ratio Efficient Frontier", section 3: monthly returns."""

MOMENTS = {"skew": -2.448, "kurtosis": 10.164}

DAYS = 250
"""Trading days a year in Bailey, Lopez de Prado (2014), "The Deflated Sharpe Ratio"."""


def test_false_strategy_theorem_2014():
    """100 trials whose annual Sharpe ratios have variance 1/2: the best of no skill shows 0.1132 a day."""
    assert expected_maximum_sharpe(100, 0.5 / DAYS) == pytest.approx(0.1132, abs=5e-5)


def test_deflated_sharpe_ratio_2014():
    value = deflated_sharpe_ratio(2.5 / math.sqrt(DAYS), 1250, trials=100, variance=0.5 / DAYS, skew=-3, kurtosis=10)
    assert value == pytest.approx(0.9004, abs=5e-5)


@pytest.mark.parametrize(
    ("moments", "form", "expected"),
    [
        (MOMENTS, "2012", 0.913),  # variance at the estimated ratio, n - 1
        ({}, "2012", 0.981),  # had the returns been normal
        (MOMENTS, "2026", 0.987),  # variance under the null, n
    ],
)
def test_probabilistic_sharpe_ratio_2012(moments, form, expected):
    assert probabilistic_sharpe_ratio(**HEDGE_FUND, **moments, form=form) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(("periods", "years"), [(252, 2.73), (250, 2.73), (52, 2.83), (12, 3.24)])
def test_minimum_track_record_length_2012(periods, years):
    """Annual Sharpe ratio 2 against 1, normal, 95%: daily, weekly and monthly returns.

    The daily 2.73 years is that of trading days, 250 or 252 alike; calendar days give 2.72.
    """
    scale = math.sqrt(periods)
    assert minimum_track_record_length(2 / scale, benchmark=1 / scale) / periods == pytest.approx(years, abs=5e-3)


def test_minimum_track_record_length_is_not_that_of_calendar_days():
    scale = math.sqrt(365)
    years = minimum_track_record_length(2 / scale, benchmark=1 / scale) / 365
    assert round(years, 2) == 2.72


def test_overfitting_of_noise_2017():
    """Bailey, Borwein, Lopez de Prado, Zhu: about one half for noise. One matrix varies much, so several."""
    rng = np.random.default_rng(3)
    shares = [probability_of_backtest_overfitting(rng.normal(size=(1000, 20)), partitions=10).value for _ in range(40)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.1)


def test_overfitting_of_a_dominant_column_2017():
    returns = np.random.default_rng(4).normal(size=(1000, 20))
    returns[:, 7] += 1.0
    assert probability_of_backtest_overfitting(returns).value == 0
