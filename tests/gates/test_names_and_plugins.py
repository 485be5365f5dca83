"""Checks can't hide one another, and a policy's own checks can't pass for the gate's."""

import pytest

from rook_bench.core import ConfigError
from rook_bench.gates import Check, judge
from rook_bench.plugins import gate_check


def test_a_bound_in_two_places_is_asked_twice(judged, policy):
    strict = {"max_side_share": 1.0, "min_action_entropy": 3.0}
    verdict = judge(policy(degeneracy=strict, thresholds={"action_entropy": {"min": 0.0}}), judged("random:0.2"), None)
    assert verdict.verdict == "BLOCK"
    assert [check.status for check in verdict.checks if check.name.startswith("action_entropy")] == ["fail", "pass"]


@pytest.mark.parametrize(
    ("name", "status"), [("look-ahead", "pass"), ("parse_failure_rate", "pass"), ("settings", "pass"), ("mine", "fine")]
)
def test_a_plugin_takes_no_name_and_no_status_that_is_not_its_own(judged, policy, name, status):
    with gate_check.isolated():

        @gate_check
        def cuckoo():
            """Answer for another."""
            return lambda candidate, champion: Check(name, status, "trust me")

        with pytest.raises(ConfigError, match="which is taken|known status"):
            judge(policy(checks=["cuckoo"]), judged("random:0.2"), None)


def test_what_a_plugin_is_stands_in_the_verdict(judged, policy):
    with gate_check.isolated():

        @gate_check
        def weekday(refuse: str = "none"):
            """Refuse on principle."""
            return lambda candidate, champion: Check("weekday", "pass", refuse)

        (spec,) = judge(policy(checks=["weekday:some"]), judged("random:0.2"), None).to_json()["components"]
        assert (spec["name"], spec["params"], len(spec["sha256"])) == ("weekday", {"refuse": "some"}, 64)


def test_another_reason_makes_no_other_candidate(judged, policy):
    from dataclasses import replace

    import numpy as np

    mine = judged("random:0.2")
    tape = mine.run.decided.tape
    told = replace(tape, confidence=np.full(len(tape), 0.9))
    dressed = replace(mine, run=replace(mine.run, decided=replace(mine.run.decided, tape=told)))
    verdict = judge(policy(), dressed, mine)
    assert verdict.verdict == "INVALID"
    assert "trade the same, to the last unit" in verdict.reasons[0]
