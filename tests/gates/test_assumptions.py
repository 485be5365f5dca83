"""What a verdict may rest on: costs that are charged, settings as the policy wants them."""

import pytest

from rook_bench.gates import judge
from rook_bench.metrics import analyse
from rook_bench.replay import ReplayConfig, replay


@pytest.fixture(scope="module")
def under(frame):
    """The same candidate under other assumptions."""

    def make(**parts):
        return analyse(replay(frame, "random:0.2", ReplayConfig.parse(parts, where="test")))

    return make


@pytest.mark.parametrize(
    ("frictions", "message"),
    [
        ({"fee_pips": 100}, "orders pay 100 pips where the pool takes 500"),
        ({"fee_pips": 0, "gas": {"flat_quote": 0}}, "orders pay 0 pips"),
        ({"gas": {"flat_quote": 0}}, "transactions pay no gas"),
        ({"gas": {"gwei": 0}}, "transactions pay no gas"),
        ({"gas": {"swap_units": 0}}, "transactions pay no gas"),
    ],
)
def test_a_run_without_its_costs_gets_no_verdict(under, policy, frictions, message):
    verdict = judge(policy(assumptions={"real_costs": True}), under(frictions=frictions), None)
    assert verdict.verdict == "INVALID"
    assert message in verdict.reasons[0]


def test_real_costs_pass(under, policy, judged):
    asked = policy(assumptions={"real_costs": True})
    for candidate in (judged("random:0.2"), under(frictions={"fee_pips": 700, "gas": {"flat_quote": 0.1}})):
        assert judge(asked, candidate, None).verdict == "PROMOTE"


def test_settings_have_the_values_that_are_required(judged, policy):
    asked = {"frictions.latency.swaps": 1, "clock.bucket_s": 300, "capital.quote_value": 10_000.0}
    assert judge(policy(assumptions={"require": asked}), judged("random:0.2"), None).verdict == "PROMOTE"
    for name, value, message in (
        ("frictions.latency.swaps", 2, "frictions.latency.swaps is 1, 2 asked"),
        ("frictions.latancy.swaps", 1, "there is no setting 'frictions.latancy.swaps'"),
    ):
        verdict = judge(policy(assumptions={"require": {name: value}}), judged("random:0.2"), None)
        assert verdict.verdict == "INVALID"
        assert message in verdict.reasons[0]


def test_the_verdict_says_what_was_assumed(judged, policy):
    record = judge(policy(), judged("random:0.2"), None).to_json()
    assert record["assumptions"]["frictions"]["latency"]["swaps"] == 1
    assert record["assumptions"]["clock"]["bucket_s"] == 300
    assert record["assumptions"]["capital"]["quote_value"] == 10_000


def test_a_stress_that_changes_nothing_is_no_pass(under, policy, judged, frame):
    free = {"frictions": {"fee_pips": 0, "gas": {"flat_quote": 0}}}
    champion = analyse(replay(frame, "hold", ReplayConfig.parse(free, where="test")))
    asked = policy(primary={"min_buckets": 50}, stress={"cost_factor": 2})
    check = next(check for check in judge(asked, under(**free), champion).checks if check.name == "costs x 2")
    assert check.status == "skipped"
