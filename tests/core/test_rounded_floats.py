"""Whole columns rounded once each: what Python's integers give, value by value, ties and their neighbours among them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.core.exact import ExactInts
from rook_bench.core.rounding import Pair, doubtful, over, pair_of_int, times

SCALES = [
    1,
    3,
    7,
    10**6,
    10**8,
    10**18,
    3 * 10**18,
    2**96,
    2**192,
    2**300,
    1 << 10,
    (1 << 106) - 1,
    10**40,
    5**30 << 50,
]
TWO = 2**255


def near_ties(rng, count, bits):
    """Integers in the middle between two floats, and one beside it, of every size."""
    values = []
    for _ in range(count):
        digits, shift = int(rng.integers(2**52, 2**53)), int(rng.integers(1, bits))
        values.append((((digits << 1) | 1) << (shift - 1)) + int(rng.integers(-1, 2)))
    return values


@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: f"{scale.bit_length()} bits")
def test_every_value_is_the_nearest(scale):
    rng = np.random.default_rng(scale.bit_length())
    wide = [int.from_bytes(rng.bytes(32), "little") >> int(rng.integers(1, 256)) for _ in range(3000)]
    values = [*wide, *near_ties(rng, 3000, 180), 0, 1, TWO - 1]
    # Ratios that are floats, and those in the middle between two.
    if scale < 2**190:
        small = rng.integers(1, 2**53, size=500).tolist()
        values += [scale * value for value in small] + [scale * (2 * value + 1) // 2 for value in small]
    values = [value if rng.random() < 0.5 else -value for value in values] + [-TWO]
    np.testing.assert_array_equal(ExactInts.of(values).to_floats(scale), [value / scale for value in values])


@settings(max_examples=300)
@given(st.lists(st.integers(-TWO, TWO - 1), max_size=20), st.integers(1, 2**120))
def test_any_values_by_any_scale(values, scale):
    assert ExactInts.of(values).to_floats(scale).tolist() == [value / scale for value in values]


@given(st.lists(st.tuples(st.integers(-TWO, TWO - 1), st.integers(-TWO, TWO - 1)), min_size=1))
def test_differences_and_negatives_wrap_as_256_bits_do(pairs):
    def wrapped(value):
        return (value + TWO) % (2 * TWO) - TWO

    left, right = (ExactInts.of(column) for column in zip(*pairs, strict=True))
    assert list(left.minus(right)) == [wrapped(mine - theirs) for mine, theirs in pairs]
    assert list(-left) == [wrapped(-mine) for mine, _ in pairs]


def test_a_pair_that_can_t_tell_says_so():
    half = np.spacing(1.0) / 2
    middle = Pair(np.array([1.0, 1.0, 1.0]), np.array([half, half * (1 + 1e-20), half * 0.99]))
    assert doubtful(middle).tolist() == [0, 1]
    below = Pair(np.array([1.0]), np.array([-half / 2]))  # under a power of two floats lie twice as close
    assert doubtful(below).tolist() == [0]


def test_products_and_ratios_carry_a_hundred_bits():
    rng = np.random.default_rng(4)
    for _ in range(200):
        left, right = (int(value) for value in rng.integers(1, 2**62, size=2))
        left, right = left << 40 | 12345, right << 40 | 54321
        for found, exact in (
            (times(pair_of_int(left), pair_of_int(right)), (left * right, 1)),
            (over(pair_of_int(left), pair_of_int(right)), (left, right)),
        ):
            up, down = exact
            high, low = (value.as_integer_ratio() for value in (float(found.high), float(found.low)))
            told = high[0] * low[1] + low[0] * high[1], high[1] * low[1]
            error = abs(told[0] * down - up * told[1])
            assert error << 98 <= up * told[1]
