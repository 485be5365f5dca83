"""Days, weeks and months of a run, its deepest falls, and windows that roll: held against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.metrics.periods import deepest_falls, periods, rolling

FREQUENCIES = {"day": "D", "week": "W-SUN", "month": "ME"}


def times(count, seed, mean_s=7_000):
    rng = np.random.default_rng(seed)
    start = np.datetime64("2024-11-27T05:00:00", "ns")
    return start + np.cumsum(rng.exponential(mean_s, count) * 1e9).astype("timedelta64[ns]")


@pytest.mark.parametrize("unit", FREQUENCIES)
@pytest.mark.parametrize("seed", range(3))
def test_returns_are_those_of_pandas(unit, seed):
    at = times(900, seed)
    equity = 100 * np.exp(np.random.default_rng(seed).normal(0, 0.01, 900).cumsum())
    found = periods(at, unit)
    last = pd.Series(equity, index=pd.DatetimeIndex(at)).resample(FREQUENCIES[unit]).last().ffill()
    expected = (last / last.shift(fill_value=100.0) - 1).to_numpy()
    np.testing.assert_allclose(found.returns(equity, 100.0), expected, rtol=1e-12)
    assert np.prod(1 + found.returns(equity, 100.0)) == pytest.approx(equity[-1] / 100.0)
    assert found.part[0]
    assert found.part[-1]
    assert not found.part[1:-1].any()


def test_a_tape_that_begins_with_a_day_has_its_whole():
    at = np.datetime64("2025-01-06", "ns") + np.arange(300) * np.timedelta64(3600, "s")
    for unit in ("day", "week"):
        assert not periods(at, unit).part[0]
    assert periods(at, "month").part[0]
    assert periods(at, "week").starts.astype(str).tolist() == ["2025-01-06", "2025-01-13"]


def test_quiet_days_have_returns_of_zero():
    at = np.array(["2025-01-01T10", "2025-01-04T10"], dtype="datetime64[ns]")
    assert periods(at, "day").returns(np.array([110.0, 121.0]), 100.0).tolist() == pytest.approx([0.1, 0, 0, 0.1])


def test_after_ruin_returns_are_no_numbers():
    at = np.array(["2025-01-01T10", "2025-01-02T10", "2025-01-03T10"], dtype="datetime64[ns]")
    found = periods(at, "day").returns(np.array([50.0, 0.0, 0.0]), 100.0)
    assert found[:2].tolist() == [-0.5, -1.0]
    assert np.isnan(found[2])


def test_the_deepest_falls_come_first_and_none_is_part_of_another():
    equity = np.array([100.0, 90, 95, 100, 101, 60, 80, 101, 102, 99, 98])
    falls = deepest_falls(equity, 10)
    assert [(fall.start, fall.bottom, fall.end) for fall in falls] == [(4, 5, 7), (0, 1, 3), (8, 10, None)]
    assert [fall.depth for fall in falls] == pytest.approx([41 / 101, 0.1, 4 / 102])
    assert deepest_falls(np.arange(1.0, 9.0), 3) == []
    assert len(deepest_falls(equity, 2)) == 2


@given(st.lists(st.floats(1, 1e3), min_size=2, max_size=60))
def test_the_deepest_fall_is_the_drawdown(values):
    equity = np.array(values)
    worst = 1 - (equity / np.maximum.accumulate(equity)).min()
    falls = deepest_falls(equity, 3)
    assert (falls[0].depth if falls else 0.0) == pytest.approx(worst)
    for fall in falls:
        assert equity[fall.start] == equity[: fall.bottom + 1].max()
        assert fall.end is None or equity[fall.end] >= equity[fall.start]


def test_windows_roll():
    returns = np.random.default_rng(1).normal(0, 0.01, 300)
    total, spread = rolling(returns, 30)
    expected = pd.Series(returns).rolling(30)
    np.testing.assert_allclose(total, expected.sum().to_numpy()[29:], atol=1e-12)
    np.testing.assert_allclose(spread, expected.std().to_numpy()[29:], rtol=1e-9)
