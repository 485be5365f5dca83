"""Sharpe ratios: probabilities, standard errors, differences."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from rook_bench.stats import (
    deflated_sharpe,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    sharpe_difference,
    sharpe_interval,
    track_record_needed,
)
from rook_bench.stats.ledoit_wolf import _block_means, _studentised
from rook_bench.stats.lo import influence

SHARPE = st.floats(-0.5, 0.5)
COUNT = st.integers(10, 10_000)


def rng():
    return np.random.default_rng(5)


def normal(n, mean=0.0, seed=0):
    return np.random.default_rng(seed).normal(mean, 1, n)


@given(SHARPE, COUNT)
def test_even_odds_at_the_benchmark(sharpe, n):
    for form in ("2012", "2026"):
        assert probabilistic_sharpe_ratio(sharpe, n, benchmark=sharpe, form=form) == 0.5


@given(SHARPE, SHARPE, COUNT)
def test_a_higher_benchmark_is_less_likely_passed(sharpe, benchmark, n):
    low, high = sorted([benchmark, 0.0])
    easy, hard = (probabilistic_sharpe_ratio(sharpe, n, benchmark=bar) for bar in (low, high))
    assert easy >= hard


def test_losing_tails_lower_the_probability():
    crash, normal_returns = (probabilistic_sharpe_ratio(0.2, 100, skew=skew) for skew in (-2.0, 0.0))
    assert crash < normal_returns
    assert probabilistic_sharpe_ratio(0.2, 100, kurtosis=10) < normal_returns


@settings(max_examples=60)
@given(st.floats(0.01, 0.5), st.floats(-0.2, 0.2), st.floats(-1, 1), st.floats(0.6, 0.999))
def test_track_record_reaches_its_level(sharpe, benchmark, skew, level):
    """The probabilistic Sharpe ratio at the minimum length is the level (at n - 1 as in the paper)."""
    assume(sharpe > benchmark + 0.01)
    length = minimum_track_record_length(sharpe, benchmark=benchmark, skew=skew, kurtosis=4, level=level)
    options = {"skew": skew, "kurtosis": 4, "benchmark": benchmark}
    assert probabilistic_sharpe_ratio(sharpe, max(2, math.ceil(length)), **options) >= level - 1e-9
    if math.floor(length) >= 3:
        assert probabilistic_sharpe_ratio(sharpe, math.floor(length) - 1, **options) < level


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_more_trials_raise_the_bar(trials, variance):
    assert 0 <= expected_maximum_sharpe(trials, variance) <= expected_maximum_sharpe(trials + 1, variance)


def test_one_trial_is_no_selection():
    assert expected_maximum_sharpe(1, 0.5) == 0
    assert deflated_sharpe_ratio(0.1, 100, trials=1, variance=0.5) == probabilistic_sharpe_ratio(0.1, 100)


def test_expected_maximum_is_that_of_simulated_trials():
    best = normal(100 * 4000).reshape(4000, 100).max(axis=1) * 0.3
    assert expected_maximum_sharpe(100, 0.09) == pytest.approx(best.mean(), rel=0.02)


def test_probability_of_returns_is_that_of_their_moments():
    returns = np.random.default_rng(1).standard_t(5, 500) + 0.3
    sharpe = returns.mean() / returns.std(ddof=1)
    moments = {"skew": scipy_stats.skew(returns), "kurtosis": scipy_stats.kurtosis(returns) + 3}
    needed = track_record_needed(returns, benchmark=0.05)
    assert needed.value == pytest.approx(minimum_track_record_length(sharpe, benchmark=0.05, **moments))
    deflated = deflated_sharpe(returns, trials=20, variance=0.01)
    assert deflated.value == pytest.approx(deflated_sharpe_ratio(sharpe, 500, trials=20, variance=0.01, **moments))
    assert (deflated.n, deflated.unit) == (500, "probability")
    assert "20 trials" in deflated.convention
    assert "2012" in deflated.convention
    assert "2026" in deflated_sharpe(returns, trials=20, variance=0.01, form="2026").convention


def test_probabilities_are_uniform_without_skill():
    """Under the null 5% of series pass 95%."""
    values = [deflated_sharpe(normal(300, seed=seed), trials=1, variance=0.0).value for seed in range(1000)]
    passed = int(np.sum(np.array(values) > 0.95))
    assert scipy_stats.binomtest(passed, 1000, 0.05).pvalue > 1e-4


def test_no_record_is_long_enough_for_a_loser():
    estimate = track_record_needed(normal(100, -0.5))
    assert "not above" in estimate.undefined_because
    with pytest.raises(ValueError, match="no track record is long enough"):
        minimum_track_record_length(0.1, benchmark=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: probabilistic_sharpe_ratio(0.1, 1), "at least two"),
        (lambda: probabilistic_sharpe_ratio(0.1, 10, form="2020"), "2012, 2026"),
        (lambda: probabilistic_sharpe_ratio(1.0, 10, skew=3.0, kurtosis=1.0), "no returns have"),
        (lambda: expected_maximum_sharpe(0, 1.0), "trials"),
        (lambda: expected_maximum_sharpe(5, -1.0), "variance"),
        (lambda: minimum_track_record_length(0.1, level=0.3), "level"),
    ],
)
def test_impossible_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("values", [np.zeros(100), np.arange(5.0), [*np.arange(30.0), np.nan]])
def test_undefined_says_why(values):
    other = normal(len(values))
    for estimate in (
        deflated_sharpe(values, trials=3, variance=0.1),
        track_record_needed(values),
        sharpe_interval(values, periods_per_year=365),
        sharpe_difference(values, other, rng=rng(), periods_per_year=365),
        sharpe_difference(other, values, rng=rng(), periods_per_year=365),
    ):
        assert estimate.value is None
        assert estimate.n == len(values)
        assert estimate.undefined_because


def test_interval_of_independent_normal_returns_is_lo():
    """Lo (2002), equation 9: sqrt((1 + SR^2 / 2) / n)."""
    returns = normal(20_000, 0.5)
    estimate = sharpe_interval(returns, periods_per_year=1)
    error = math.sqrt((1 + estimate.value**2 / 2) / 20_000)
    assert estimate.value == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.96 * error, rel=0.15)


def test_influence_gives_the_standard_error():
    """Its variance is Mertens' formula in the sample's own moments, exactly."""
    returns = np.random.default_rng(3).standard_t(8, 1000) + 0.3
    sharpe = returns.mean() / returns.std()
    skew, excess = scipy_stats.skew(returns), scipy_stats.kurtosis(returns)
    assert influence(returns).mean() == pytest.approx(0, abs=1e-12)
    assert influence(returns).var() == pytest.approx(1 - skew * sharpe + (excess + 2) / 4 * sharpe**2)


def test_annualising_scales_the_interval():
    returns = normal(500, 0.1)
    one, year = (sharpe_interval(returns, periods_per_year=periods) for periods in (1, 365))
    assert [year.low, year.value, year.high] == pytest.approx(
        [x * math.sqrt(365) for x in (one.low, one.value, one.high)]
    )
    assert "sqrt(365)" in year.convention
    assert year.method.startswith("95% interval, GMM standard error (Lo 2002)")


@given(st.floats(1e-6, 1e3))
@settings(max_examples=20)
def test_leverage_changes_no_sharpe_ratio(scale):
    returns, other = normal(100, 0.1), normal(100, 0.0, seed=1)
    plain, levered = (sharpe_interval(factor * returns, periods_per_year=1) for factor in (1.0, scale))
    assert [levered.low, levered.high] == pytest.approx([plain.low, plain.high], rel=1e-6)
    one, two = (
        sharpe_difference(factor * returns, other, rng=rng(), periods_per_year=1, replications=100)
        for factor in (1.0, scale)
    )
    assert [two.low, two.high] == pytest.approx([one.low, one.high], rel=1e-6)


def test_difference_finds_the_better():
    market = normal(2000)
    better, worse = market + 0.4 * normal(2000, seed=1) + 0.1, market + 0.4 * normal(2000, seed=2)
    estimate = sharpe_difference(better, worse, rng=rng(), periods_per_year=365)
    ratios = [series.mean() / series.std(ddof=1) for series in (better, worse)]
    assert estimate.low > 0
    assert estimate.value == pytest.approx(math.sqrt(365) * (ratios[0] - ratios[1]))
    back = sharpe_difference(worse, better, rng=rng(), periods_per_year=365)
    assert (back.low, back.high) == pytest.approx((-estimate.high, -estimate.low))


def test_difference_of_independent_normals_has_the_known_width():
    """Jobson and Korkie: variance 2 + (SR1^2 + SR2^2) / 2 over n where the two are independent."""
    one, other = normal(4000, 0.3), normal(4000, 0.1, seed=1)
    error = math.sqrt((2 + (0.3**2 + 0.1**2) / 2) / 4000)
    for level, quantile in ((0.95, 1.96), (0.8, 1.28)):
        estimate = sharpe_difference(one, other, rng=rng(), periods_per_year=1, level=level, replications=4000)
        assert (estimate.high - estimate.low) / 2 == pytest.approx(quantile * error, rel=0.06)


def test_studentised_resamples_by_hand():
    """One resample computed directly from its rows."""
    returns = np.column_stack([normal(60, 0.2), normal(60, 0.1, seed=1)])
    block, blocks = 5, 12
    starts = np.random.default_rng(9).integers(60, size=(1, blocks))
    rows = (starts[0][:, None] + np.arange(block)) % 60
    drawn = returns[rows.ravel()]
    mean, square = drawn.mean(axis=0), (drawn**2).mean(axis=0)
    deviation = np.sqrt(square - mean**2)
    gradient = np.r_[square / deviation**3, -mean / (2 * deviation**3)] * [1, -1, 1, -1]
    moments = np.hstack([drawn - mean, drawn**2 - square])
    lead = (moments @ gradient).reshape(blocks, block).mean(axis=1)
    error = np.sqrt(np.mean(lead**2) / blocks)
    data = returns.mean(axis=0) / returns.std(axis=0)
    gap = (mean / deviation) @ [1, -1] - data @ [1, -1]
    assert _studentised(returns, block, 1, np.random.default_rng(9))[0] == pytest.approx(abs(gap) / error)


def test_block_means_wrap_around():
    means = _block_means(np.arange(5.0)[:, None], 3)
    assert means.ravel() == pytest.approx([1, 2, 3, 7 / 3, 5 / 3])


def test_difference_by_a_constant_is_undefined():
    returns = normal(100)
    estimate = sharpe_difference(returns, returns + 0.1, rng=rng(), periods_per_year=1)
    assert estimate.undefined_because == "the two series differ by a constant"


def test_difference_needs_the_same_buckets_and_sane_blocks():
    with pytest.raises(ValueError, match="different buckets"):
        sharpe_difference(normal(50), normal(51), rng=rng(), periods_per_year=1)
    with pytest.raises(ValueError, match="1 to 5 of 50"):
        sharpe_difference(normal(50), normal(50, seed=1), rng=rng(), periods_per_year=1, block=6)
