"""Dearer, later, slower: the same decisions under harder assumptions."""

from dataclasses import replace

import pytest

from rook_bench.core import ConfigError
from rook_bench.execution.frictions import Frictions, Gas, Latency
from rook_bench.gates import Policy, judge
from rook_bench.gates.checks.stress import dearer, later
from rook_bench.metrics.attribution import attribute
from rook_bench.replay.again import under


def test_costs_are_multiplied(judged):
    run = judged("random:0.2").run
    twice = under(run, frictions=dearer(run.config.frictions, run.frame, 2))
    before, after = attribute(run), attribute(twice)
    # Balances shrink a little faster under higher costs, so orders do too.
    assert after.fee == pytest.approx(2 * before.fee, rel=0.05)
    assert after.gas == pytest.approx(2 * before.gas, rel=0.05)
    assert after.net < before.net


def test_every_part_of_gas_is_multiplied(judged):
    frame = judged("hold").run.frame
    gas = Gas(flat_quote=0.5, l1_fee_quote=0.1)
    changed = dearer(Frictions(fee_pips=100, gas=gas), frame, 3).gas
    assert (changed.flat_quote, changed.l1_fee_quote) == (pytest.approx(1.5), pytest.approx(0.3))
    assert changed.swap_units == 3 * gas.swap_units
    assert changed.crossing_units == tuple(3 * units for units in gas.crossing_units)


@pytest.mark.parametrize(
    ("latency", "expected"),
    [({"swaps": 2}, "4 swaps"), ({"swaps": 0}, "1 swap"), ({"blocks": 1}, "2 blocks"), ({"seconds": 6}, "12 seconds")],
)
def test_latency_keeps_its_unit(latency, expected):
    assert str(later(Frictions(latency=Latency(**latency)), 2).latency) == expected


def checks_of(judged, policy, candidate, champion, **stress):
    verdict = judge(policy(primary={"min_buckets": 50}, stress=stress), judged(candidate), judged(champion))
    return {check.name: check for check in verdict.checks}


def test_a_candidate_that_lives_on_low_costs_fails_when_they_rise(judged, policy):
    found = checks_of(judged, policy, "random:0.2", "hold", cost_factor=10)
    assert found["costs x 10"].status == "fail"
    gentle = checks_of(judged, policy, "random:0.2", "hold", cost_factor=1.01)["costs x 1.01"]
    assert gentle.estimate.value == pytest.approx(
        next(check for name, check in found.items() if name.startswith("net return")).estimate.value, rel=0.1
    )


def test_a_lead_over_a_dearer_champion_grows_with_costs(judged, policy):
    found = checks_of(judged, policy, "hold", "random:0.2", cost_factor=3, latency_factor=2)
    assert found["costs x 3"].status == "pass"
    assert found["latency x 2 (2 swaps)"].status in ("pass", "inconclusive")


def test_time_of_a_decision(judged, policy):
    fast = judged("random:0.2")
    timed = replace(fast, run=replace(fast.run, decided=replace(fast.run.decided, seconds_per_decision=0.5)))
    untimed = replace(fast, run=replace(fast.run, decided=replace(fast.run.decided, seconds_per_decision=None)))

    def status(candidate, most):
        verdict = judge(policy(stress={"max_decision_s": most}), candidate, judged("hold"))
        return next(check.status for check in verdict.checks if check.name == "decision latency")

    assert status(timed, 1.0) == "pass"
    assert status(timed, 0.1) == "fail"
    assert status(untimed, 1.0) == "inconclusive"
    assert fast.run.decided.seconds_per_decision > 0


def test_a_stress_of_no_primary_question_is_refused():
    with pytest.raises(ConfigError, match=r"add a \[primary\] section"):
        Policy.parse({"stress": {"cost_factor": 2}}, where="gate.toml")


def test_a_stress_says_nothing_of_power(judged, policy):
    """It goes by its value alone; what the tape can resolve is the primary question's to say."""
    for candidate, champion, status, remarks in (
        ("hold", "random:0.01", "pass", ()),
        ("random:0.01", "hold", "inconclusive", ("on the wrong side, but not clearly",)),
    ):
        found = checks_of(judged, policy, candidate, champion, cost_factor=1.01)
        assert any(
            one.startswith("this tape can tell") for one in found["net return vs champion (superiority)"].remarks
        )
        check = found["costs x 1.01"]
        assert (check.status, check.remarks, check.power) == (status, remarks, None)
        assert check.detail.endswith("above 0 bps per day asked")


def test_stress_says_no_more_than_the_primary_question_can(judged, policy):
    asked = policy(primary={"min_buckets": 5000}, stress={"cost_factor": 2})
    verdict = judge(asked, judged("hold"), judged("random:0.2"))
    assert {check.status for check in verdict.checks if check.margin is not None} == {"inconclusive"}
