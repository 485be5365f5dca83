"""Wide integers in compiled code against Python's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from rook_bench.core.exact import ExactInts
from rook_bench.execution.wide import load, low64, store, to_float

TOP = 2**255 - 1  # what a column of limbs can hold
values = st.one_of(st.integers(0, TOP), st.integers(0, 2**64), st.integers(0, 254).map(lambda bits: 2**bits))


@njit
def _apply(left, right, out):
    a, b = load(left), load(right)
    store(a + b, out[0])
    store(a - b if a >= b else b - a, out[1])
    store((a * (b >> 192)) >> 128, out[2])
    if b > 0:
        store(a // b, out[3])
        store((a << 120) // b >> 120, out[4])
    out[5, 0] = (a < b) + 2 * (a == b) + 4 * (a > b) + 8 * (a <= b) + 16 * (a >= b) + 32 * (a != b)


@njit
def _short(value, divisor, out):
    store(load(value) // divisor, out)


def limbs(*numbers):
    return ExactInts.of(numbers).limbs


@given(values, values)
def test_arithmetic_is_pythons(left, right):
    out = np.zeros((6, 4), np.uint64)
    _apply(*limbs(left, right), out)
    got = list(ExactInts(out))
    modulus = 2**256
    assert got[0] % modulus == (left + right) % modulus
    assert got[1] % modulus == abs(left - right)
    assert got[2] % modulus == (left * (right >> 192) >> 128) % modulus
    if right:
        assert got[3] == left // right
        assert got[4] % modulus == ((left << 120) // right >> 120) % modulus
    flags = (left < right, left == right, left > right, left <= right, left >= right, left != right)
    assert int(out[5, 0]) == sum(flag << place for place, flag in enumerate(flags))


@given(values, st.one_of(st.integers(1, 2**63 - 1), st.sampled_from([1, 10**6, 10**9, 2**32 - 1, 2**32, 999_500])))
def test_short_division_is_pythons(value, divisor):
    out = np.zeros(4, np.uint64)
    _short(limbs(value)[0], divisor, out)
    assert int.from_bytes(out.tobytes(), "little") == value // divisor


@given(st.integers(1, 2**100), st.integers(1, 2**150), st.integers(0, 2))
def test_division_near_its_edges(quotient, divisor, offset):
    numerator = min(max(quotient * divisor + offset - 1, 0), TOP)
    out = np.zeros((6, 4), np.uint64)
    _apply(*limbs(numerator, divisor), out)
    assert ExactInts(out)[3] == numerator // divisor


def test_division_by_zero_is_an_error():
    with pytest.raises(ZeroDivisionError):
        _short(limbs(5)[0], 0, np.zeros(4, np.uint64))


@njit
def _float(value):
    return to_float(load(value)), low64(load(value))


@given(st.integers(0, 2**128 - 1))
def test_floats_are_near(value):
    near, low = _float(limbs(value)[0])
    assert near == pytest.approx(value, rel=1e-15)
    assert int(low) == value % 2**64
