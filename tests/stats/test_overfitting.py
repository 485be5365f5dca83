"""Combinatorially symmetric cross-validation."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.stats import overfitting
from rook_bench.stats import probability_of_backtest_overfitting as probability


def noise(n, trials, seed=0):
    return np.random.default_rng(seed).normal(size=(n, trials))


def plainly(returns, partitions, statistic):
    """The paper's steps, one split at a time."""
    parts, logits = np.array_split(returns, partitions), []
    score = {"mean": lambda x: x.mean(axis=0), "sharpe": lambda x: x.mean(axis=0) / x.std(axis=0)}[statistic]
    for inside in combinations(range(partitions), partitions // 2):
        first = score(np.concatenate([parts[place] for place in inside]))
        second = score(np.concatenate([parts[place] for place in range(partitions) if place not in inside]))
        rank = np.sum(second <= second[np.argmax(first)]) / (returns.shape[1] + 1)
        logits.append(np.log(rank / (1 - rank)))
    logits = np.array(logits).round(12)
    return np.mean(logits < 0) + 0.5 * np.mean(logits == 0)


@pytest.mark.parametrize("statistic", ["sharpe", "mean"])
@pytest.mark.parametrize(("n", "trials"), [(160, 5), (168, 8), (40, 2)])
def test_as_the_paper_writes_it(n, trials, statistic):
    returns = noise(n, trials) * np.linspace(1, 3, trials) + 0.1
    value = probability(returns, partitions=8, statistic=statistic).value
    assert value == pytest.approx(plainly(returns, 8, statistic), abs=1e-12)


def test_batches_change_nothing(monkeypatch):
    returns = noise(300, 6)
    whole = probability(returns, partitions=10)
    monkeypatch.setattr(overfitting, "BATCH", 100)
    assert probability(returns, partitions=10) == whole


@settings(max_examples=25)
@given(st.integers(2, 6), st.integers(0, 10**6), st.floats(1e-4, 1e3))
def test_scale_and_order_of_trials_do_not_matter(trials, seed, scale):
    returns = noise(48, trials, seed)
    value = probability(returns, partitions=6).value
    assert 0 <= value <= 1
    assert probability(scale * returns[:, ::-1], partitions=6).value == pytest.approx(value)


def test_a_trial_that_is_good_by_turns_is_overfitted():
    """Each trial earns in one part only, so that the best in sample earned none of it outside."""
    returns = 0.1 * noise(160, 8)
    for trial in range(8):
        returns[20 * trial : 20 * (trial + 1), trial] += 1
    assert probability(returns, partitions=8).value > 0.9


def test_twins_are_undecided():
    column = noise(200, 1)
    assert probability(np.hstack([column, column]), partitions=8).value == 0.5
    assert probability(np.hstack([column] * 5), partitions=8).value == 0.5


def test_ties_in_sample_share_the_split():
    """Two equal winners above a loser: each holds ranks 2 and 3 of 3, above the middle."""
    column = noise(200, 1)
    assert probability(np.hstack([column + 1, column - 1, column + 1]), partitions=8).value == 0


def test_a_trial_that_never_trades_has_zero():
    """It lies above losers and below winners."""
    losers = noise(200, 2) - 2
    assert probability(np.hstack([losers, np.zeros((200, 1))]), partitions=8).value == 0
    winner = noise(200, 1) + 2
    assert probability(np.hstack([winner, np.zeros((200, 1))]), partitions=8, statistic="mean").value == 0


@pytest.mark.parametrize(
    ("returns", "because"),
    [
        (noise(100, 1), "at least 2"),
        (np.empty((100, 0)), "at least 2"),
        (noise(31, 3), "31 rows are too few for 16 partitions; 32"),
        (np.vstack([noise(50, 3), [[0, np.nan, 1]]]), "1 returns are not finite"),
        (np.zeros((100, 3)), "no trial's returns vary"),
    ],
)
def test_undefined_says_why(returns, because):
    estimate = probability(returns)
    assert because in estimate.undefined_because
    assert estimate.n == len(returns)


@pytest.mark.parametrize(
    ("returns", "options"),
    [
        (np.ones(10), {}),
        (noise(100, 2), {"partitions": 7}),
        (noise(100, 2), {"partitions": 22}),
        (noise(100, 2), {"statistic": "x"}),
    ],
)
def test_impossible_arguments(returns, options):
    with pytest.raises(ValueError, match=r"shape|partitions|statistic"):
        probability(returns, **options)
