"""Exact ticks: golden values of v3-core, and the defining inequality."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.execution.ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "data" / "truth" / "v3core_tickmath.json"


@pytest.mark.parametrize(
    ("tick", "sqrt_price"),
    [
        # Uniswap v3-core, TickMath test snapshots.
        (-738203, 7409801140451),
        (-50, 79030349367926598376800521322),
        (0, 1 << 96),
        (50, 79426470787362580746886972461),
        (250000, 21246587762933397357449903968194344),
        (MIN_TICK, MIN_SQRT_PRICE),
        (MAX_TICK, MAX_SQRT_PRICE),
    ],
)
def test_golden_sqrt_prices(tick, sqrt_price):
    assert sqrt_price_at_tick(tick) == sqrt_price


@pytest.mark.real
def test_every_golden_sqrt_price():
    if not GOLDEN.exists():
        pytest.skip(f"{GOLDEN} is absent")
    for tick, sqrt_price in json.loads(GOLDEN.read_text()).items():
        assert sqrt_price_at_tick(int(tick)) == int(sqrt_price)
        assert tick_at_sqrt_price(int(sqrt_price)) == int(tick)
        assert tick_at_sqrt_price(int(sqrt_price) - 1) == int(tick) - 1


@given(st.integers(MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1))
def test_tick_is_the_greatest_not_above(sqrt_price):
    tick = tick_at_sqrt_price(sqrt_price)
    assert sqrt_price_at_tick(tick) <= sqrt_price < sqrt_price_at_tick(tick + 1)


@given(st.integers(MIN_TICK, MAX_TICK - 1))
def test_round_trip_at_the_boundary(tick):
    boundary = sqrt_price_at_tick(tick)
    assert tick_at_sqrt_price(boundary) == tick
    if tick > MIN_TICK:
        assert tick_at_sqrt_price(boundary - 1) == tick - 1


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_tick_out_of_range(tick):
    with pytest.raises(ValueError, match="outside"):
        sqrt_price_at_tick(tick)


@pytest.mark.parametrize("sqrt_price", [0, MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE])
def test_sqrt_price_out_of_range(sqrt_price):
    with pytest.raises(ValueError, match="outside"):
        tick_at_sqrt_price(sqrt_price)
