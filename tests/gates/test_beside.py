"""Many pools are many chances to be lucky: Holm's step-down, and a p-value that agrees with the primary question."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.gates.checks.beside import step_down
from rook_bench.gates.checks.primary import decide_difference
from rook_bench.gates.policy import Primary
from rook_bench.stats.spectra import FEWEST, chance_of_less, mean_over_spectra


@given(st.lists(st.none() | st.sampled_from([0.0, 0.004, 0.01, 0.0125, 0.02, 0.025, 0.3, 1.0]), min_size=1, max_size=5))
def test_the_step_down_is_the_closed_test_of_bonferroni(p_values):
    """By its definition: a question is answered with yes if every set of questions that holds it has one below its share."""
    places, error = range(len(p_values)), 0.025
    known = [1.0 if value is None else value for value in p_values]
    sets = [chosen for size in places for chosen in combinations(places, size + 1)]
    small = {chosen: min(known[one] for one in chosen) <= error / len(chosen) for chosen in sets}
    wanted = tuple(all(small[chosen] for chosen in sets if place in chosen) for place in places)
    assert step_down(p_values, error) == wanted


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.floats(-0.5, 0.5), st.sampled_from([0.9, 0.95, 0.99]), st.booleans())
def test_the_p_value_is_the_level_at_which_the_interval_just_clears(seed, shift, level, lasting):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(200)
    series = (np.cumsum(noise) * 0.1 if lasting else noise) + shift
    low = mean_over_spectra(series, level=level).estimate.low
    found = chance_of_less(series, 0.0)
    if abs(found - (1 - level) / 2) > 1e-6:
        assert (low > 0) == (found < (1 - level) / 2)
    assert 0 < found <= 1
    assert chance_of_less(series + 0.5, 0.0) <= found


def test_too_little_has_no_p_value():
    assert chance_of_less(np.ones(FEWEST - 1), 0.0) is None
    assert chance_of_less(np.full(100, np.nan), 0.0) is None


@pytest.mark.parametrize("pools", [6])
def test_of_many_pools_without_edge_hardly_any_is_named(pools):
    """The planted fault is to ask each pool for itself: then some pool of six passes far too often."""
    rng, asked, runs = np.random.default_rng(11), Primary(level=0.9), 400
    alone = together = 0
    for _ in range(runs):
        noise = rng.standard_normal((pools, 80))
        values = [chance_of_less(series, 0.0) for series in noise]
        alone += any(value < asked.alpha for value in values)
        together += any(step_down(values, asked.alpha))
    assert alone / runs > 0.18
    assert together / runs < asked.alpha + 3 * np.sqrt(asked.alpha * (1 - asked.alpha) / runs)
    # One that is asked alone is answered as the primary question is.
    check = decide_difference("net", asked, noise[0], 300)
    assert (check.status == "pass") == (values[0] < asked.alpha)
