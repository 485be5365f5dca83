"""Numbers that v3-core's own tests publish: tick maths and swap steps, in Python and in compiled code."""

import json
import math

import numpy as np
import pytest
from numba import njit

from rook_bench.core.exact import ExactInts
from rook_bench.execution import amm
from rook_bench.execution.swap import price_at, tick_at
from rook_bench.execution.ticks import MAX_TICK, MIN_TICK, sqrt_price_at_tick, tick_at_sqrt_price
from rook_bench.execution.wide import load, store

E18 = 10**18


@njit
def compiled_price_at(tick, limbs):
    store(price_at(tick), limbs)


@njit
def compiled_tick_at(limbs):
    return tick_at(load(limbs))


def limbs_of(value):
    return ExactInts.of([value]).limbs[0]


def compiled_price(tick):
    limbs = np.zeros((1, 4), dtype=np.uint64)
    compiled_price_at(tick, limbs[0])
    return ExactInts(limbs)[0]


@pytest.fixture(scope="module")
def published(genesis_folder):
    path = genesis_folder.parent / "truth" / "v3core_tickmath.json"
    return {int(tick): int(price) for tick, price in json.loads(path.read_text()).items()}


def test_published_sqrt_prices_both_ways(published):
    assert len(published) >= 20
    for tick, price in published.items():
        assert sqrt_price_at_tick(tick) == price
        assert compiled_price(tick) == price
        if tick < MAX_TICK:
            assert tick_at_sqrt_price(price) == compiled_tick_at(limbs_of(price)) == tick
        if tick > MIN_TICK:
            assert tick_at_sqrt_price(price - 1) == compiled_tick_at(limbs_of(price - 1)) == tick - 1


def test_compiled_tick_maths_is_the_same_everywhere():
    random = np.random.default_rng(1)
    for tick in [*random.integers(MIN_TICK, MAX_TICK, 300).tolist(), MIN_TICK, MAX_TICK - 1, -1, 0, 1]:
        price = sqrt_price_at_tick(tick)
        assert compiled_price(tick) == price
        for near in (price, price + 1, sqrt_price_at_tick(tick + 1) - 1):
            assert compiled_tick_at(limbs_of(near)) == tick_at_sqrt_price(near)


def price(amount1, amount0):
    """encodePriceSqrt of v3-core's tests."""
    return math.isqrt((amount1 << 192) // amount0)


P = 20282409603651670423947251286016
ONE = price(1, 1)
# computeSwapStep(current, target, liquidity, remaining, fee) -> amount in, amount out, fee amount
STEPS = [
    (ONE, price(101, 100), 2 * E18, E18, 600, 9975124224178055, 9925619580021728, 5988667735148),
    (ONE, price(101, 100), 2 * E18, -E18, 600, 9975124224178055, 9925619580021728, 5988667735148),
    (ONE, price(1000, 100), 2 * E18, E18, 600, 999400000000000000, 666399946655997866, 600000000000000),
    (ONE, price(10000, 100), 2 * E18, -E18, 600, 2 * E18, E18, 1200720432259356),
    (2413, 79887613182836312, 1985041575832132834610021537970, 10, 1872, 0, 0, 10),
    (P, P * 11 // 10, 1024, -4, 3000, 26215, 0, 79),
    (P, P * 9 // 10, 1024, -263000, 3000, 1, 26214, 1),
]


@pytest.mark.parametrize("step", STEPS)
def test_published_swap_steps(step):
    current, target, liquidity, remaining, fee_pips, taken, out, fee = step
    swap = amm.swap_exact_in if remaining > 0 else amm.swap_exact_out
    _, *amounts = swap(current, liquidity, abs(remaining), fee_pips, target < current, target)
    assert amounts == [taken, out, fee]
