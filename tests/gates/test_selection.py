"""Choosing among many: the deflated Sharpe ratio, looks, and overfitting."""

import numpy as np
import pytest

from rook_bench.gates import Tries, judge
from rook_bench.gates.checks.selection import deflated


def noise(count, n=3000, seed=0):
    return list(np.random.default_rng(seed).normal(0, 1e-3, (count, n)))


def test_the_best_of_many_without_edge_is_not_believed():
    trials = noise(200)
    best = max(trials, key=lambda returns: returns.mean())
    others = [returns for returns in trials if returns is not best]
    (alone, one), (among, many) = deflated(best, []), deflated(best, others)
    assert (one, many) == (1, 200)
    assert alone.value > 0.98
    assert among.value < 0.9


def test_a_real_edge_survives_the_same_number_of_trials():
    real = np.random.default_rng(9).normal(1.2e-4, 1e-3, 3000)
    assert deflated(real, noise(199))[0].value > 0.95


def test_near_copies_are_one_try_however_many_there_are():
    """Trying more of the same makes nothing harder, and nothing easier either."""
    mine = np.random.default_rng(1).normal(4e-5, 1e-3, 3000)
    copies = [mine + np.random.default_rng(seed).normal(0, 1e-5, 3000) for seed in range(60)]
    alone = deflated(mine, [])[0].value
    for count in (1, 8, 9, 60):
        estimate, tries = deflated(mine, copies[:count])
        assert tries == 1
        assert estimate.value == pytest.approx(alone)
    # Nor do they dilute what the different ones say.
    among = deflated(mine, noise(50))[0].value
    assert deflated(mine, [*noise(50), *copies])[0].value == pytest.approx(among)


def test_a_bad_try_is_one_try_and_no_more():
    """Candidates that bled costs say nothing of luck; the spread of their ratios must not raise the bar."""
    good = np.random.default_rng(3).normal(6e-5, 1e-3, 3000)
    bled = [returns - 2e-4 for returns in noise(3, seed=4)]
    idle = np.zeros(3000)
    fair = deflated(good, noise(3, seed=4))[0].value
    assert deflated(good, bled)[0].value == pytest.approx(fair, abs=1e-9)
    assert deflated(good, [*bled, idle])[0].value == pytest.approx(fair, abs=1e-9)


def test_the_opposite_of_a_candidate_is_another_try():
    mine = np.random.default_rng(1).normal(4e-5, 1e-3, 3000)
    assert deflated(mine, [-mine])[1] == 2


def test_candidates_seen_on_other_slices_count_too():
    mine = np.random.default_rng(1).normal(4e-5, 1e-3, 3000)
    assert deflated(mine, [], elsewhere=9)[1] == 10
    assert deflated(mine, [], elsewhere=9)[0].value < deflated(mine, [])[0].value


def test_the_margin_moves_the_candidate_and_not_the_bar(judged, policy):
    """With a margin an idle other candidate lies at its far side of zero, and must not count as brilliant."""
    champion = judged("hold").sampled.log_returns
    idle = champion + np.where(np.arange(len(champion)) % 9 == 0, 1e-9, 0.0)
    ratios = []
    for margin in (0, 50):
        asked = {"min_buckets": 50, "test": "non-inferiority", "margin_bps_per_day": margin}
        asked = policy(primary=asked, selection={"min_deflated_sharpe": 0.5})
        verdict = judge(asked, judged("random:0.01"), judged("hold"), tries=Tries("head", 2, 2, (idle - champion,)))
        ratios.append(found(verdict, "deflated Sharpe ratio").estimate.value)
    assert 0.01 < ratios[0] < ratios[1] < 0.9999


def verdict_of(judged, policy, tries, **asked):
    return judge(
        policy(primary={"min_buckets": 50}, selection=asked), judged("random:0.2"), judged("hold"), tries=tries
    )


def found(verdict, name):
    return next((check for check in verdict.checks if check.name == name), None)


def test_without_a_ledger_nothing_is_known_of_trials(judged, policy):
    verdict = verdict_of(judged, policy, None, min_deflated_sharpe=0.9, max_looks=3)
    assert found(verdict, "deflated Sharpe ratio").status == "inconclusive"
    assert "no trial ledger" in found(verdict, "looks at this stretch").detail
    assert verdict.trials is None


def test_looks_are_counted_and_bounded(judged, policy):
    tries = Tries("head", looks=4, candidates=2)
    few = verdict_of(judged, policy, tries, max_looks=4)
    assert found(few, "looks at this stretch").status == "pass"
    many = verdict_of(judged, policy, tries, max_looks=3)
    assert found(many, "looks at this stretch").status == "inconclusive"
    assert (many.trials["looks"], many.trials["candidates"], many.trials["head"]) == (4, 2, "head")


def test_the_number_of_trials_is_named(judged, policy):
    returns = judged("random:0.2").sampled.log_returns
    others = tuple(np.random.default_rng(seed).normal(0, 1e-3, len(returns)) for seed in range(9))
    verdict = verdict_of(judged, policy, Tries("head", 10, 10, others), min_deflated_sharpe=0.95)
    assert "best of " in found(verdict, "deflated Sharpe ratio").detail
    overfitting = found(verdict, "probability of overfitting")
    assert overfitting.status == "info"
    assert 0 <= overfitting.estimate.value <= 1


def test_those_that_beat_the_champion_are_named(judged, policy):
    """Of many candidates only one is better; the judged one is among those that are not."""
    champion = judged("hold").sampled.log_returns
    draw = np.random.default_rng(3)
    tries = {f"c{place}": draw.normal(0, 1e-3, len(champion)) for place in range(4)}
    tries["sure"] = draw.normal(1e-3, 1e-3, len(champion))
    known = Tries("head", 6, 6, tuple(tries.values()), names=tuple(tries))
    check = found(verdict_of(judged, policy, known), "candidates better than the champion")
    assert (check.status, check.estimate.value, check.estimate.unit) == ("info", 1.0, "candidates")
    assert check.detail.startswith("1 of the 6 tried on this tape (sure), with a chance of at most 2.5%")
    assert "StepM (Romano, Wolf 2005)" in check.estimate.convention
    less = Tries("head", 5, 5, known.others[:4])
    assert found(verdict_of(judged, policy, less), "candidates better than the champion").detail.startswith(
        "none of the 5"
    )


def test_the_candidate_itself_may_be_the_one_that_beats_the_champion(judged, policy):
    """Against a champion that bleeds costs."""
    theirs = judged("random:0.2").sampled.log_returns
    others = tuple(np.random.default_rng(seed).normal(0, 1e-3, len(theirs)) for seed in range(2))
    verdict = judge(
        policy(primary={"min_buckets": 50}), judged("hold"), judged("random:0.2"), tries=Tries("head", 3, 3, others)
    )
    assert "(this candidate)" in found(verdict, "candidates better than the champion").detail


def test_two_are_not_many_and_an_idle_crowd_says_nothing(judged, policy):
    champion = judged("hold").sampled.log_returns
    name = "candidates better than the champion"
    assert found(verdict_of(judged, policy, Tries("head", 2, 2, (champion,))), name) is None
    verdict = judge(
        policy(primary={"min_buckets": 50}), judged("hold"), judged("hold"), tries=Tries("head", 3, 3, (champion,) * 2)
    )
    check = found(verdict, name)
    assert check is None or check.detail.startswith("undefined: ")


def test_names_that_are_not_known_are_numbered():
    tries = Tries("head", 2, 2, tuple(noise(2, n=3)))
    assert list(tries.named) == ["try 1", "try 2"]


@pytest.mark.parametrize("value", [1.0, -0.1])
def test_a_probability_of_one_can_not_be_asked(value):
    from rook_bench.core import ConfigError
    from rook_bench.gates import Policy

    with pytest.raises(ConfigError, match="min_deflated_sharpe"):
        Policy.parse({"primary": {}, "selection": {"min_deflated_sharpe": value}}, where="gate.toml")
