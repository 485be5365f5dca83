"""Intervals of one series and of a paired difference."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats
from scipy.signal import lfilter

from rook_bench.stats import block_length, bootstrap_interval, mean_interval, paired_difference
from rook_bench.stats.bootstrap import circular_block_length
from rook_bench.stats.long_run import equal_weighted_cosine, prewhitened_qs

FINITE = st.floats(-1, 1, allow_nan=False, width=32)


def rng():
    return np.random.default_rng(5)


def ar(slope, n, seed=0):
    shocks = np.random.default_rng(seed).normal(size=n + 200)
    return lfilter([1.0], [1.0, -slope], shocks)[200:]


def test_cosine_variance_by_its_definition():
    """Lazarus et al. (2018), equation 4, summed by hand."""
    series = ar(0.5, 100)
    variance, freedom = equal_weighted_cosine(series)
    now = np.arange(1, 101)
    terms = [np.sqrt(2 / 100) * np.sum(series * np.cos(np.pi * j * (now - 0.5) / 100)) for j in range(1, freedom + 1)]
    assert freedom == int(0.41 * 100 ** (2 / 3))
    assert variance == pytest.approx(np.mean(np.square(terms)))


@pytest.mark.parametrize("slope", [-0.3, 0.0, 0.5])
def test_long_run_variances_know_the_truth(slope):
    """Of an AR(1) it is 1 / (1 - slope)^2; averaged over series, because one estimate is noisy."""
    truth = 1 / (1 - slope) ** 2
    cosine = np.mean([equal_weighted_cosine(ar(slope, 2000, seed))[0] for seed in range(20)])
    assert cosine == pytest.approx(truth, rel=0.12)
    assert np.mean([prewhitened_qs(ar(slope, 2000, seed)) for seed in range(20)]) == pytest.approx(truth, rel=0.12)


def test_cosine_agrees_with_newey_west_of_statsmodels():
    from statsmodels.stats.sandwich_covariance import S_hac_simple

    ratios = []
    for seed in range(20):
        series = ar(0.3, 4000, seed)
        centred = (series - series.mean())[:, None]
        ratios.append(equal_weighted_cosine(series)[0] / (S_hac_simple(centred, nlags=40).item() / 4000))
    assert np.mean(ratios) == pytest.approx(1, abs=0.08)


def test_mean_interval_is_nearly_the_t_interval_of_independent_returns():
    series = np.random.default_rng(1).normal(0.1, 1, 20_000)
    estimate = mean_interval(series, rng=rng())
    low, high = scipy_stats.t.interval(0.95, 19_999, series.mean(), scipy_stats.sem(series))
    assert estimate.value == pytest.approx(series.mean())
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.2 * (high - low))


def test_mean_interval_allows_for_dependence():
    series = ar(0.6, 4000)
    naive = 2 * 1.96 * scipy_stats.sem(series)
    estimate = mean_interval(series, rng=rng())
    # The truth is sqrt((1 + 0.6) / (1 - 0.6)) = 2 times the naive width.
    assert 1.6 < (estimate.high - estimate.low) / naive < 2.4


def test_a_block_asks_for_the_bootstrap():
    series = ar(0.3, 1000)
    cosine, bootstrap = mean_interval(series, rng=rng()), mean_interval(series, rng=rng(), block=10)
    assert "cosine" in cosine.convention
    assert "stationary bootstrap, 2000 resamples, mean block 10.0" in bootstrap.convention
    assert bootstrap.high - bootstrap.low == pytest.approx(cosine.high - cosine.low, rel=0.35)


def test_a_higher_level_is_wider():
    series = ar(0.0, 500)
    narrow, wide = (mean_interval(series, rng=rng(), level=level) for level in (0.9, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert "99%" in wide.convention
    assert "97.5%" in mean_interval(series, rng=rng(), level=0.975).convention


@settings(max_examples=50)
@given(arrays(np.float64, st.integers(20, 80), elements=FINITE), st.floats(0.01, 100), st.floats(-5, 5))
def test_mean_interval_moves_with_its_series(series, scale, shift):
    """Scaling and shifting returns scales and shifts the interval."""
    one, other = mean_interval(series, rng=rng()), mean_interval(series * scale + shift, rng=rng())
    if one.defined and other.defined:
        expected = np.array([one.low, one.value, one.high]) * scale + shift
        assert [other.low, other.value, other.high] == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale)


@settings(max_examples=80)
@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_any_series_gives_an_estimate(series):
    estimate = mean_interval(series, rng=rng())
    assert estimate.n == len(series)
    assert estimate.defined == (estimate.low is not None)
    assert 1 <= block_length(series) <= max(1, len(series) / 3)


@pytest.mark.parametrize(
    ("series", "because"),
    [
        ([], "0 observations are too few"),
        (np.arange(19.0), "19 observations are too few; at least 20"),
        ([*np.arange(30.0), np.nan, np.inf], "2 of 32 observations are not finite"),
        (np.zeros(100), "does not vary"),
        (np.full(100, 0.1) + 1e-17 * np.arange(100), "does not vary"),
        ([*np.arange(5.0), *np.zeros(95)], "only 4 of 100 observations differ from zero"),
    ],
)
def test_undefined_says_why(series, because):
    estimates = [
        mean_interval(series, rng=rng()),
        mean_interval(series, rng=rng(), block=3),
        paired_difference(series, np.zeros(len(series)), rng=rng()),
        bootstrap_interval(series, np.std, rng=rng(), unit="fraction", name="deviation"),
    ]
    for estimate in estimates:
        assert estimate.value is None
        assert because in estimate.undefined_because


def test_two_dimensional_returns_are_a_mistake():
    with pytest.raises(ValueError, match=r"one series.*\(30, 2\)"):
        mean_interval(np.ones((30, 2)), rng=rng())


def test_pairing_takes_out_the_market():
    market = 100 * ar(0.0, 1000)
    own = np.random.default_rng(2).normal(0.2, 1, 1000)
    estimate = paired_difference(market + own, market, rng=rng())
    assert estimate.low > 0
    assert estimate.value == pytest.approx(own.mean())
    assert "paired" in estimate.convention


def test_pairing_is_antisymmetric():
    one, other = ar(0.1, 300, 1), ar(0.1, 300, 2)
    forth, back = paired_difference(one, other, rng=rng()), paired_difference(other, one, rng=rng())
    assert (back.low, back.value, back.high) == pytest.approx((-forth.high, -forth.value, -forth.low))


def test_pairing_needs_the_same_buckets():
    with pytest.raises(ValueError, match="different buckets"):
        paired_difference(np.arange(30.0), np.arange(31.0), rng=rng())


def test_block_length_follows_dependence():
    blocks = [np.median([block_length(ar(slope, 1000, seed)) for seed in range(9)]) for slope in (0.0, 0.5, 0.9)]
    assert blocks[0] < 5 < blocks[1] < blocks[2]
    assert circular_block_length(ar(0.9, 1000)) > block_length(ar(0.9, 1000))


@pytest.mark.parametrize("series", [np.zeros(50), np.ones(50), np.array([]), np.array([1.0, 2.0])])
def test_block_length_of_nothing_to_go_by_is_one(series):
    assert block_length(series) == 1


def test_block_length_of_a_late_start():
    """Zeros up to the last bucket make the automatic choice divide zero by zero."""
    assert 1 <= block_length(np.r_[np.zeros(99), 1.0]) <= 100 / 3


def test_bootstrap_interval_agrees_with_scipy():
    series = np.random.default_rng(3).standard_t(5, 400)
    ours = bootstrap_interval(series, np.std, rng=rng(), unit="fraction", name="deviation", block=1)
    theirs = scipy_stats.bootstrap((series,), np.std, method="percentile", n_resamples=4000, rng=rng())
    low, high = theirs.confidence_interval
    width = high - low
    assert ours.low == pytest.approx(low, abs=0.1 * width)
    assert ours.high == pytest.approx(high, abs=0.1 * width)
    assert ours.value == pytest.approx(np.std(series))


def test_bootstrap_keeps_blocks_together():
    """The mean of neighbours' products is that of the series only where blocks are long."""

    def neighbours(x):
        return float(np.mean(x[1:] * x[:-1]))

    series = ar(0.8, 2000)
    options = {"rng": rng(), "unit": "fraction", "name": "neighbours", "replications": 200}
    long, short = (bootstrap_interval(series, neighbours, block=block, **options) for block in (100, 1))
    assert long.low < neighbours(series) < long.high
    assert short.high < neighbours(series)


def test_bootstrap_depends_on_its_generator_only():
    series = ar(0.2, 200)

    def interval(seed):
        return bootstrap_interval(
            series, np.median, rng=np.random.default_rng(seed), unit="fraction", name="median", replications=200
        )

    assert interval(1) == interval(1)
    assert interval(1) != interval(2)


def test_resamples_without_a_value():
    series = ar(0.0, 100)
    calls = iter(range(10_000))

    def sometimes(x, one_in):
        return float("nan") if next(calls) % one_in == one_in - 1 else float(np.mean(x))

    options = {"rng": rng(), "unit": "fraction", "name": "mean", "replications": 500, "block": 1}
    assert bootstrap_interval(series, lambda x: sometimes(x, 30), **options).defined
    assert "of 500 resamples" in bootstrap_interval(series, lambda x: sometimes(x, 4), **options).undefined_because


def test_a_statistic_without_a_value():
    nothing = bootstrap_interval(ar(0.0, 50), lambda x: np.nan, rng=rng(), unit="ratio", name="ratio")
    assert nothing.undefined_because == "ratio has no value on this series"


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 0.0}, {"block": 0.5}])
def test_impossible_options(options):
    with pytest.raises(ValueError, match=r"level|block"):
        mean_interval(ar(0.0, 50), rng=rng(), **options)


def test_importing_statistics_is_cheap():
    code = "import sys, rook_bench.stats; print(sorted({'scipy', 'arch', 'statsmodels', 'sklearn', 'pandas'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
