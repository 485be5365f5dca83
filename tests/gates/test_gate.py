"""The gate: bounds, undefined, degenerate, leaks, and the exit codes that CI acts on."""

import json
from pathlib import Path

import pytest

from rook_bench.core import Estimate, UnknownName
from rook_bench.gates import Policy, judge, load_policy
from rook_bench.gates.checks import within
from rook_bench.gates.policy import Bounds
from rook_bench.metrics import Clock, analyse
from rook_bench.replay import replay

REPOSITORY = Path(__file__).resolve().parents[2]
ENOUGH = {"min_days": 0, "min_fills": 0}


def test_all_checks_pass(judged, policy):
    verdict = judge(policy(thresholds={"max_drawdown": {"max": 0.9}}), judged("random:0.2"), judged("hold"))
    assert (verdict.verdict, verdict.exit_code) == ("PROMOTE", 0)


def test_a_failed_bound_blocks_and_is_named(judged, policy):
    verdict = judge(policy(thresholds={"total_return": {"min": 0.5}}), judged("random:0.2"), judged("hold"))
    assert (verdict.verdict, verdict.exit_code) == ("BLOCK", 1)
    assert verdict.reasons[0].startswith("total_return: ")
    assert "at least 50.00% asked" in verdict.reasons[0]


def test_undefined_fails(judged, policy):
    verdict = judge(policy(thresholds={"win_rate": {"min": 0.0}}), judged("always-buy"), None)
    assert verdict.verdict == "BLOCK"
    assert "undefined: no trade was closed" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("estimate", "status"),
    [
        (Estimate(0.1, 10, "fraction"), "pass"),
        (Estimate(0.3, 10, "fraction"), "fail"),
        (Estimate(0.1, 2, "fraction"), "inconclusive"),
        (Estimate.undefined("nothing happened", n=10, unit="fraction"), "fail"),
    ],
)
def test_bounds(estimate, status):
    assert within("x", estimate, Bounds(min=0.0, max=0.2, min_n=5)).status == status


def test_a_source_that_always_answers_the_same_is_blocked(judged):
    strict = Policy.parse({"evidence": ENOUGH}, where="test")
    verdict = judge(strict, judged("always-buy"), None)
    assert verdict.verdict == "BLOCK"
    assert {reason.partition(":")[0] for reason in verdict.reasons} == {"both sides trade"}


def test_too_little_tape_is_inconclusive_whichever_way_the_difference_points(judged, policy):
    needs = {"evidence": {"min_days": 30}, "versus_champion": {"total_return": {"min": 0.0}}}
    for candidate in ("random:0.2", "hold"):
        champion = "hold" if candidate != "hold" else "random:0.2"
        verdict = judge(policy(**needs), judged(candidate), judged(champion))
        assert (verdict.verdict, verdict.exit_code) == ("INCONCLUSIVE", 2)


def test_foresight_gets_no_verdict(judged, policy):
    verdict = judge(policy(), judged("foresight"), judged("hold"))
    assert (verdict.verdict, verdict.exit_code) == ("INVALID", 3)
    assert [check.name for check in verdict.checks if check.status == "invalid"] == ["look-ahead"]


def test_a_leak_gets_no_verdict(frame, tmp_path, policy):
    leak = tmp_path / "leak.py"
    leak.write_text(
        "import numpy as np\n"
        "from rook_bench import decision_source\n"
        "from rook_bench.core.decision_tape import DecisionTape\n"
        "@decision_source(whole_tape=True)\n"
        "def leak():\n"
        "    def decide(view):\n"
        "        price = view['price']\n"
        "        rises = np.append(price[1:] > price[:-1], False)\n"
        "        return DecisionTape.from_sides(np.where(rises, 0, 2), 0.05)\n"
        "    return decide\n"
    )
    verdict = judge(policy(), analyse(replay(frame, f"{leak}@leak")), None)
    assert verdict.verdict == "INVALID"
    assert "changed" in verdict.reasons[0]


def test_recorded_decisions_can_not_pass_the_look_ahead_check(frame, tmp_path, judged, policy):
    from rook_bench.sources.decide import decision_facts
    from rook_bench.sources.saved import write_decisions

    run = judged("random:0.2").run
    write_decisions(run.decided.tape, tmp_path / "d.parquet", decision_facts(run.source, frame, 0))
    verdict = judge(policy(), analyse(replay(frame, f"recorded:{tmp_path / 'd.parquet'}")), None)
    assert verdict.verdict == "INCONCLUSIVE"


def test_different_tapes_assumptions_and_copies_are_invalid(frame, judged, policy):
    from rook_bench.replay import ReplayConfig

    other_tape = analyse(replay(frame[:1000], "hold"))
    assert judge(policy(), judged("random:0.2"), other_tape).verdict == "INVALID"
    richer = ReplayConfig.parse({"capital": {"quote_value": 5}}, where="test")
    assert judge(policy(), judged("random:0.2"), analyse(replay(frame, "hold", richer))).verdict == "INVALID"
    patient = ReplayConfig.parse({"seed": 5, "frictions": {"latency": {"swaps": 9}}}, where="test")
    differing = judge(policy(), judged("random:0.2"), analyse(replay(frame, "hold", patient)))
    assert differing.reasons == ["same assumptions: the runs differ in seed (0, 5), frictions.latency.swaps (1, 9)"]
    slower = analyse(judged("hold").run, Clock(bucket_s=900))
    assert "clock (5 min, 15 min)" in judge(policy(), judged("random:0.2"), slower).reasons[0]
    copy = judge(policy(), judged("hold"), judged("hold"))
    assert copy.verdict == "INVALID"
    assert "trade the same, to the last unit" in copy.reasons[0]


def test_a_champion_that_the_policy_needs_is_missing(judged, policy):
    verdict = judge(policy(versus_champion={"total_return": {"min": 0}}), judged("random:0.2"), None)
    assert verdict.verdict == "INVALID"


def test_policy_refuses_unknown_metrics_and_empty_bounds(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text("[thresholds.sharp_ratio]\nmin = 1\n")
    with pytest.raises(UnknownName, match="did you mean 'sharpe_ratio'"):
        load_policy(path)
    path.write_text("[thresholds.sharpe_ratio]\nmin_n = 1\n")
    with pytest.raises(Exception, match="give min, max or both"):
        load_policy(path)


def test_shipped_policy_loads():
    assert load_policy(REPOSITORY / "strategies" / "gate.toml").name == "rook-promotion"


def test_verdict_json_holds_every_check_and_hash(judged, policy):
    record = judge(policy(thresholds={"max_drawdown": {"max": 0.9}}), judged("random:0.2"), judged("hold")).to_json()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    drawdown = next(check for check in record["checks"] if check["name"] == "max_drawdown")
    assert drawdown["estimate"]["value"] == judged("random:0.2").estimates["max_drawdown"].value
    assert drawdown["bound"] == "at most 90.00%"
    assert record["candidate"]["data_hash"] == record["champion"]["data_hash"] == record["tape"]["data_hash"]
    assert len(record["policy"]["hash"]) == len(record["code_hash"]) == 64


def test_user_checks_are_asked(judged, policy):
    from rook_bench.gates import Check
    from rook_bench.plugins import gate_check

    with gate_check.isolated():

        @gate_check
        def weekday(refuse: str = "none"):
            """Refuse on principle."""
            return lambda candidate, champion: Check("weekday", "fail" if refuse == "all" else "pass", refuse)

        assert judge(policy(checks=["weekday"]), judged("random:0.2"), None).verdict == "PROMOTE"
        assert judge(policy(checks=["weekday:all"]), judged("random:0.2"), None).verdict == "BLOCK"


@pytest.mark.parametrize(
    ("candidate", "champion", "code"), [("random:0.2", "hold", 0), ("always-buy", "hold", 1), ("hold", "hold", 3)]
)
def test_exit_codes(tmp_path, monkeypatch, candidate, champion, code, capsys):
    from rook_bench.cli.main import run

    monkeypatch.chdir(tmp_path)
    (tmp_path / "gate.toml").write_text(
        "[evidence]\nmin_days = 0\nmin_fills = 0\n[degeneracy]\nmin_action_entropy = 0.1\n"
    )
    data = str(REPOSITORY / "data" / "sample.parquet")
    arguments = ["gate", "--policy", "gate.toml", "--candidate", candidate, "--champion", champion, "--data", data]
    assert run([*arguments, "--out", "g", "--json"]) == code
    printed = json.loads(capsys.readouterr().out)
    assert printed["exit_code"] == code
    assert json.loads((tmp_path / "g" / "verdict.json").read_text()) == printed
    if code == 0:  # the runs it saved are judged alike when they are read back
        again = ["gate", "--policy", "gate.toml", "--candidate", "g/runs/random-0.2", "--champion", "g/runs/hold"]
        assert run([*again, "--out", "h"]) == 0
        run_json = tmp_path / "g" / "runs" / "hold" / "run.json"
        run_json.write_text(run_json.read_text().replace('"status": "clean"', '"status": "leak"'))
        assert run([*again, "--out", "h2"]) == 3
        assert not (tmp_path / "h2").exists()
