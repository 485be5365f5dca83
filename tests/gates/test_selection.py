"""Choosing among many: the deflated Sharpe ratio, looks, and overfitting."""

import numpy as np
import pytest

from rook_bench.gates import History, judge
from rook_bench.gates.checks.primary import log_returns
from rook_bench.gates.checks.selection import deflated


def noise(count, n=3000, seed=0):
    return list(np.random.default_rng(seed).normal(0, 1e-3, (count, n)))


def test_the_best_of_many_without_edge_is_not_believed():
    trials = noise(200)
    best = max(trials, key=lambda returns: returns.mean())
    alone, among = deflated(best, [best]), deflated(best, trials)
    assert alone.value > 0.98
    assert among.value < 0.9


def test_a_real_edge_survives_the_same_number_of_trials():
    real = np.random.default_rng(9).normal(1.2e-4, 1e-3, 3000)
    assert deflated(real, [real, *noise(199)]).value > 0.95


def test_with_few_trials_their_spread_is_not_believed_to_be_less_than_that_of_chance():
    mine = np.random.default_rng(1).normal(4e-5, 1e-3, 3000)
    almost = mine + np.random.default_rng(2).normal(0, 1e-9, 3000)
    assert deflated(mine, [mine, almost]).value < deflated(mine, [mine]).value


def verdict_of(judged, policy, history, **asked):
    return judge(
        policy(primary={"min_buckets": 50}, selection=asked), judged("random:0.2"), judged("hold"), history=history
    )


def found(verdict, name):
    return next((check for check in verdict.checks if check.name == name), None)


def test_without_a_ledger_nothing_is_known_of_trials(judged, policy):
    verdict = verdict_of(judged, policy, None, min_deflated_sharpe=0.9, max_looks=3)
    assert found(verdict, "deflated Sharpe ratio").status == "inconclusive"
    assert "no trial ledger" in found(verdict, "looks at this stretch").detail
    assert verdict.trials is None


def test_looks_are_counted_and_bounded(judged, policy):
    history = History("head", looks=4, candidates=2)
    few = verdict_of(judged, policy, history, max_looks=4)
    assert found(few, "looks at this stretch").status == "pass"
    many = verdict_of(judged, policy, history, max_looks=3)
    assert found(many, "looks at this stretch").status == "inconclusive"
    assert (many.trials["looks"], many.trials["candidates"], many.trials["head"]) == (4, 2, "head")


def test_the_number_of_trials_is_named(judged, policy):
    returns = log_returns(judged("random:0.2").sampled)
    others = tuple(returns + np.random.default_rng(seed).normal(0, 1e-4, len(returns)) for seed in range(9))
    verdict = verdict_of(judged, policy, History("head", 10, 10, others), min_deflated_sharpe=0.95)
    assert "10 candidates tried on this tape" in found(verdict, "deflated Sharpe ratio").detail
    overfitting = found(verdict, "probability of overfitting")
    assert overfitting.status == "info"
    assert 0 <= overfitting.estimate.value <= 1


@pytest.mark.parametrize("value", [1.0, -0.1])
def test_a_probability_of_one_can_not_be_asked(value):
    from rook_bench.core import ConfigError
    from rook_bench.gates import Policy

    with pytest.raises(ConfigError, match="min_deflated_sharpe"):
        Policy.parse({"primary": {}, "selection": {"min_deflated_sharpe": value}}, where="gate.toml")
