"""Measures of plain arrays and of pandas Series, without a run."""

import math

import numpy as np
import pandas as pd
import pytest

from rook_bench.stats import calmar_ratio, drawdowns, max_drawdown, sharpe_ratio, sortino_ratio, volatility

RETURNS = [0.01, -0.02, 0.03, 0.0]
EQUITY = [100.0, 120.0, 90.0, 110.0]


@pytest.mark.parametrize("kind", [list, np.array, pd.Series])
def test_values_by_hand(kind):
    returns, equity = kind(RETURNS), kind(EQUITY)
    mean, deviation = 0.005, math.sqrt(sum((r - 0.005) ** 2 for r in RETURNS) / 3)
    assert volatility(returns, periods_per_year=365) == pytest.approx(deviation * math.sqrt(365))
    assert sharpe_ratio(returns, periods_per_year=365) == pytest.approx(mean / deviation * math.sqrt(365))
    assert sortino_ratio(returns, periods_per_year=365) == pytest.approx(mean / 0.01 * math.sqrt(365))
    np.testing.assert_allclose(drawdowns(equity), [0, 0, 0.25, 1 / 12])
    assert max_drawdown(equity) == pytest.approx(0.25)
    assert calmar_ratio(equity, per_year=2) == pytest.approx((1.1**2 - 1) / 0.25)


def test_a_start_above_every_value_is_the_highest():
    assert max_drawdown(EQUITY, start=180.0) == pytest.approx(0.5)
    assert calmar_ratio(EQUITY, per_year=1, start=180.0) == pytest.approx((110 / 180 - 1) / 0.5)
    assert max_drawdown([90.0], start=100.0) == pytest.approx(0.1)


@pytest.mark.parametrize("measure", [volatility, sharpe_ratio, sortino_ratio])
def test_returns_without_a_value_and_with_a_hole(measure):
    assert math.isnan(measure([], periods_per_year=365))
    assert math.isnan(measure([0.1], periods_per_year=365))
    assert math.isnan(measure([*RETURNS, np.nan], periods_per_year=365))
    with pytest.raises(ValueError, match="one series"):
        measure([RETURNS], periods_per_year=365)


def test_ratios_without_spread_have_no_value():
    assert math.isnan(sharpe_ratio([0.1] * 9, periods_per_year=365))
    assert math.isnan(sortino_ratio([0.1, 0.2], periods_per_year=365))
    assert volatility([0.1] * 9, periods_per_year=365) == pytest.approx(0.0, abs=1e-12)


def test_equity_without_a_value_and_with_a_hole():
    assert math.isnan(max_drawdown([]))
    assert math.isnan(max_drawdown([100.0, np.nan, 90.0]))
    np.testing.assert_array_equal(np.isnan(drawdowns([100.0, np.nan, 90.0])), [False, True, True])
    assert math.isnan(calmar_ratio([], per_year=1))
    assert math.isnan(calmar_ratio([1.0, 2.0], per_year=1))
    assert math.isnan(calmar_ratio([100.0, np.nan, 90.0], per_year=1))
