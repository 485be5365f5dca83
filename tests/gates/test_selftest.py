"""The self-test finds what is planted, counts honestly, and notices a gate that is broken."""

import numpy as np
import pytest

from rook_bench.engines import Threads
from rook_bench.gates import Policy
from rook_bench.gates.selftest import PLANTED, WORLD_POLICY, World, for_the_world, run_selftest
from rook_bench.gates.selftest import run as runs
from rook_bench.gates.selftest.run import evaluate_world, share

EXPECTED = {
    "always-buy": {"BLOCK"},
    "copy": {"INVALID"},
    "leaky-feature": {"INVALID"},
    "leaky-scaler": {"INVALID"},
    "leaky-prompt": {"INVALID"},
    "cost-blind": {"BLOCK", "INCONCLUSIVE"},
    "slightly-worse": {"BLOCK", "INCONCLUSIVE"},
    "overfitted": {"BLOCK", "INCONCLUSIVE"},
    "labels": {"INCONCLUSIVE", "BLOCK"},
    "remembers": {"INVALID"},
    "writes-aside": {"INCONCLUSIVE"},
    "memoriser": {"INVALID"},
    "silencing": {"INVALID"},
    "later-deadline": {"INVALID"},
    "best-of-hours": {"BLOCK", "INCONCLUSIVE"},
    "holds-long": {"BLOCK", "INCONCLUSIVE"},
    "dip-buyer": {"BLOCK", "INCONCLUSIVE"},
    "uncalibrated": {"BLOCK"},
    "unparsable": {"BLOCK"},
    "no-edge": {"BLOCK", "INCONCLUSIVE"},
    "no-edge-at-cost": {"BLOCK", "INCONCLUSIVE"},
    "slightly-better": {"PROMOTE", "INCONCLUSIVE", "BLOCK"},
    "after-failures": {"PROMOTE", "INCONCLUSIVE"},
    "better": {"PROMOTE", "INCONCLUSIVE"},
    "reward-in-prompt": {"INVALID"},
    "learned-from-test": {"INVALID"},
    "learned-drift": {"BLOCK", "INCONCLUSIVE"},
    "learned-edge": {"PROMOTE"},
}


@pytest.fixture(scope="module")
def world():
    return World(100, swaps=3000)


@pytest.fixture
def once(monkeypatch):
    """One evaluation of each kind."""
    monkeypatch.setattr(runs, "PER_WORLD", 1)


@pytest.fixture
def few_kinds(monkeypatch, once):
    """Four kinds of candidates, where it is their counting that is tried."""
    kinds = [kind for kind in PLANTED if kind.name in ("no-edge", "better", "always-buy", "copy")]
    evaluate = runs.evaluate_world
    monkeypatch.setattr(runs, "PLANTED", kinds)
    monkeypatch.setattr(runs, "evaluate_world", lambda world, policy: evaluate(world, policy, kinds))


def test_every_kind_gets_the_verdict_it_deserves(world, once):
    found = {result["kind"]: result["verdict"] for result in evaluate_world(world, WORLD_POLICY)}
    assert set(found) == set(EXPECTED)
    assert {kind for kind, verdict in found.items() if verdict not in EXPECTED[kind]} == set()


def test_a_candidate_may_know_the_future_only_as_its_maker_says(world):
    rng = np.random.default_rng(0)
    acts = world.informed_sides(rng, 1.0, 0.75)
    right = (acts == 0) == (world.move > 0)
    assert right.mean() == pytest.approx(0.75, abs=0.03)
    chance = world.random_sides(rng, 0.5)
    assert np.isin(chance, (0, 2)).mean() == pytest.approx(0.5, abs=0.03)


def test_overfitting_would_be_promoted_without_the_ledger(world, once):
    """The plant is a real one: on its own numbers alone, the best of a hundred looks like skill."""
    kinds = [kind for kind in PLANTED if kind.name == "overfitted"]
    (attempt,) = [kind.attempt(world, np.random.default_rng(5)) for kind in kinds]
    from rook_bench.gates import Tries, judge

    told = judge(WORLD_POLICY, attempt.candidate, attempt.champion, tries=attempt.tries)
    untold = judge(WORLD_POLICY, attempt.candidate, attempt.champion, tries=Tries("", 1, 1))
    status = {
        name: next(check.status for check in verdict.checks if check.name == "best of all tries")
        for name, verdict in (("told", told), ("untold", untold))
    }
    assert status == {"told": "inconclusive", "untold": "pass"}
    assert len(attempt.tries.others) == 99


def test_a_broken_gate_is_noticed(tmp_path, monkeypatch, few_kinds):
    """A policy that asks nothing promotes what it must not, and the self-test says so."""
    monkeypatch.setenv("ROOK_BENCH_CACHE", str(tmp_path))
    result = run_selftest(LAX, evaluations=1, engine=Threads(1), swaps=1500)
    assert result.row("always-buy").verdicts["PROMOTE"] == 1
    assert not result.sound
    assert "NOT SOUND" in result.describe()[-1]


LAX = Policy.parse(
    {
        "name": "lax",
        "evidence": {"min_days": 0, "min_fills": 0},
        "degeneracy": {"min_side_share": 0, "min_side_fills": 0, "max_parse_failure_rate": 1.0},
    },
    where="test",
)


def test_an_interrupted_run_goes_on_from_the_worlds_it_has(tmp_path, monkeypatch, few_kinds):
    monkeypatch.setenv("ROOK_BENCH_CACHE", str(tmp_path))

    def interrupt(finished, worlds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_selftest(LAX, evaluations=2, engine=Threads(1), swaps=800, done=interrupt)
    assert len(list(tmp_path.glob("selftest/*.json"))) == 1
    asked = []
    monkeypatch.setattr(runs, "World", lambda seed, swaps: asked.append(seed) or World(seed, swaps))
    result = run_selftest(LAX, evaluations=2, engine=Threads(1), swaps=800)
    assert asked == [1]
    assert result.worlds == 2
    whole = run_selftest(LAX, evaluations=2, engine=Threads(1), swaps=800)
    assert whole.results == result.results


def test_shares_have_exact_intervals():
    """Clopper and Pearson (1934): 3 of 10 lies within 6.67% to 65.25%."""
    estimate = share(3, 10)
    assert (estimate.low, estimate.high) == (pytest.approx(0.0667, abs=5e-5), pytest.approx(0.6525, abs=5e-5))
    assert share(0, 100).low == 0
    assert not share(0, 0).defined


def test_demands_that_no_short_tape_can_meet_are_taken_back():
    strict = Policy.parse(
        {
            "primary": {"min_buckets": 5000},
            "evidence": {"min_days": 90, "min_fills": 5000},
            "stress": {"max_decision_s": 1},
            "selection": {"max_looks": 2, "min_deflated_sharpe": 0.9},
        },
        where="test",
    )
    tried = for_the_world(strict)
    assert tried.evidence.min_days == WORLD_POLICY.evidence.min_days
    assert tried.selection.max_looks is None
    assert tried.selection.min_deflated_sharpe == 0.9
    assert tried.primary.test == "superiority"
