"""The cosine variance of a long series, by parts: the whole transform's, to the eleventh digit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.stats import long_run
from rook_bench.stats.long_run import _cosines, _cosines_by_part, equal_weighted_cosine


@given(st.integers(4, 700), st.data())
def test_parts_of_any_length_give_the_whole_transform(n, data):
    count = data.draw(st.integers(1, n - 1))
    part = data.draw(st.integers(1, 2 * n))
    values = np.random.default_rng(n).normal(0.3, 1.0, n)
    np.testing.assert_allclose(_cosines_by_part(values, count, part), _cosines(values, count), rtol=0, atol=1e-11)


@pytest.mark.parametrize("n", [300_001, 300_000])  # a prime length, which a whole transform pads, and a smooth one
def test_a_long_series_has_the_same_variance(n, monkeypatch):
    values = np.random.default_rng(7).standard_normal(n).cumsum() * 1e-4
    parts, freedom = equal_weighted_cosine(values)
    monkeypatch.setattr(long_run, "LONG", n)
    whole = equal_weighted_cosine(values)
    assert whole[1] == freedom
    assert parts == pytest.approx(whole[0], rel=1e-12)
    assert parts != 0
