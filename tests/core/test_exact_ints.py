"""Exact columns: no bit is lost between Python, limbs and Arrow."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core.exact import ExactInts

EDGES = [0, 1, -1, 2**63, -(2**63), 2**64 - 1, 2**64, 2**128 - 1, 2**160, -(2**160), 2**160 - 1, 2**254, -(2**255)]
WIDE = st.integers(-(2**255), 2**255 - 1)


@given(st.lists(WIDE))
def test_python_round_trip(values):
    column = ExactInts.of(values)
    assert list(column) == values
    assert [column[index] for index in range(len(values))] == values
    assert column.negative().tolist() == [value < 0 for value in values]
    assert column.zero().tolist() == [value == 0 for value in values]
    assert column.to_floats().tolist() == [float(value) for value in values]


def test_edges():
    assert list(ExactInts.of(EDGES)) == EDGES
    assert [list(ExactInts.of([value, 1])) for value in EDGES] == [[value, 1] for value in EDGES]
    assert list(ExactInts.of(EDGES[-3::-1])) == EDGES[-3::-1]
    assert list(-ExactInts.of(EDGES[:-1])) == [-value for value in EDGES[:-1]]


@pytest.mark.parametrize("value", [2**255, -(2**255) - 1, 2**300])
def test_beyond_256_bits(value):
    with pytest.raises(OverflowError):
        ExactInts.of([value])


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1)))
def test_arrow_decimal128_round_trip(values):
    arrow = ExactInts.of(values).to_arrow(38)
    assert arrow.type == pa.decimal128(38)
    assert [int(value) for value in arrow.to_pylist()] == values
    assert list(ExactInts.from_arrow(arrow)) == values
    assert list(ExactInts.from_arrow(pa.chunked_array([arrow[:1], arrow[1:]]))) == values


@given(st.lists(st.integers(-(10**76) + 1, 10**76 - 1)))
def test_arrow_decimal256_round_trip(values):
    arrow = ExactInts.of(values).to_arrow(76)
    assert [int(value) for value in arrow.to_pylist()] == values
    assert list(ExactInts.from_arrow(arrow)) == values


def test_arrow_slices_and_empty_columns():
    arrow = ExactInts.of([10**40, 2**160, -5, 7]).to_arrow(49)
    assert list(ExactInts.from_arrow(arrow[1:3])) == [2**160, -5]
    assert list(ExactInts.from_arrow(arrow[:0])) == []
    assert list(ExactInts.from_arrow(pa.chunked_array([], pa.decimal256(49)))) == []


def test_too_many_digits_and_missing_values():
    with pytest.raises(OverflowError, match="more than 38 digits"):
        ExactInts.of([1, -(10**38)]).to_arrow(38)
    with pytest.raises(ValueError, match="1 values are missing"):
        ExactInts.from_arrow(pa.array([1, None], pa.decimal128(38)))


def test_floats_are_rounded_once():
    # 2**53 + 1 and 10**18 + 1 have no float of their own; the quotient must still be the nearest.
    assert ExactInts.of([2**53 + 1]).to_floats().tolist() == [float(2**53)]
    assert ExactInts.of([1, 10**18 + 1, 3]).to_floats(10**18).tolist() == [1e-18, 1.0, 3e-18]
    assert ExactInts.of([2**160]).to_floats(2**96).tolist() == [2.0**64]


def test_picking_rows():
    column = ExactInts.of(EDGES)
    assert list(column[2:5]) == EDGES[2:5]
    assert list(column[np.array([4, 0])]) == [EDGES[4], EDGES[0]]
    assert list(column[column.negative()]) == [value for value in EDGES if value < 0]
    assert column[np.int64(3)] == EDGES[3]


def test_immutable():
    limbs = np.zeros((2, 4), np.uint64)
    column = ExactInts(limbs)
    with pytest.raises(ValueError, match="read-only"):
        column.limbs[0, 0] = 1
    with pytest.raises(AttributeError, match="immutable"):
        column.limbs = limbs
    with pytest.raises(TypeError):
        hash(column)


@pytest.mark.parametrize("limbs", [np.zeros((2, 3), np.uint64), np.zeros((2, 4), np.int64), np.zeros(4, np.uint64)])
def test_other_shapes_are_refused(limbs):
    with pytest.raises(ValueError, match="limbs must have shape"):
        ExactInts(limbs)


def test_equality():
    assert ExactInts.of([1, 2]) == ExactInts.of([1, 2])
    assert ExactInts.of([1, 2]) != ExactInts.of([2, 1])
    assert ExactInts.of([1]) != [1]


def test_comparison_is_decided_by_the_highest_limb_that_differs():
    values = [0, 1, 2**64 - 1, 2**64, 2**160, 2**254]
    column = ExactInts.of(values)
    for bound in values:
        assert column.below(bound).tolist() == [value < bound for value in values]
    assert column.below(ExactInts.of(values[::-1])).tolist() == [
        mine < theirs for mine, theirs in zip(values, values[::-1], strict=True)
    ]
