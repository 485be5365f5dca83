"""A sketch of rows counts what differs exactly, in memory and in groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rook_bench.core import mapped
from rook_bench.core.arrays import distinct
from rook_bench.market.row_sketch import RowSketch, _different


@given(arrays(np.uint64, st.integers(0, 300), elements=st.integers(0, 2**64 - 1) | st.integers(0, 5)))
def test_different_hashes_are_counted_in_groups_as_in_memory(hashes):
    expected = len(set(hashes.tolist()))
    with pytest.MonkeyPatch.context() as patched:
        assert _different(hashes) == expected
        patched.setattr(mapped, "MAPPED_FROM", 1)
        patched.setattr(mapped, "PART", 64)
        assert _different(hashes) == expected
    np.testing.assert_array_equal(distinct(hashes), np.unique(hashes))


def test_the_sketch_of_a_part_lies_in_that_of_the_whole(tape):
    whole, part = RowSketch.of(tape), RowSketch.of(tape[500:1500])
    shared, of = part.shared(whole)
    assert of > 100
    assert shared == of
