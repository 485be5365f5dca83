"""From evaluations to a verdict and a champion in Python: every try counts, whoever asked for it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_evaluation import assert_html_holds

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.trials import TrialLedger

pytestmark = pytest.mark.usefixtures("project")

TRADER = "momentum:lookback=3,threshold_bps=2"
ASKS = {
    "primary": {"test": "superiority", "margin_bps_per_day": 0.0},
    "selection": {"min_deflated_sharpe": 0.95, "max_looks": 50},
}
MINUTES = rook.BenchConfig(clock={"bucket_s": 60})
LOSES = {"thresholds": {"max_drawdown": {"max": 1e-9}}}


@pytest.fixture
def ledger(project):
    return TrialLedger(project / "models" / "trials")


def the(judgement, name):
    return next(check for check in judgement.verdict.checks if check.name == name)


# Every try counts.


def test_the_best_of_six_variants_is_judged_as_the_best_of_six(swaps, lax, ledger, project, command_line):
    """A loop in a notebook is as much on record as the command line, and a later gate counts it."""
    hold = rook.evaluate(swaps, "hold", MINUTES)
    tried = [
        rook.evaluate(swaps, f"momentum:lookback={rows},threshold_bps=2", MINUTES) for rows in (2, 3, 5, 8, 13, 21)
    ]
    best = max(tried, key=lambda one: one.estimates["total_return"].value)
    assert [trial.kind for trial in ledger.trials()] == ["replay"] * 7
    assert ledger.looks(swaps).candidates == 6  # holding is a yardstick
    assert len({trial.decisions_hash for trial in ledger.trials()}) == 7

    judged = rook.judge(lax(**ASKS), best, hold)
    assert judged.verdict.trials["candidates"] == judged.verdict.trials["on_this_tape"] == 6
    assert judged.verdict.trials["looks"] == judged.looks["count"] == 7
    assert judged.verdict.trials["head"] == ledger.head
    assert ledger.trials()[-1].kind == "gate"
    counted = the(judged, "deflated Sharpe ratio")
    assert "best of" in counted.detail

    alone = the(rook.judge(lax(**ASKS), best, hold, trials=project / "another"), "deflated Sharpe ratio")
    assert "no other was tried here" in alone.detail
    assert counted.estimate.value < alone.estimate.value

    best.save("winner")
    hold.save("hold")
    (project / "policy.json").write_text(lax(**ASKS).model_dump_json())
    gate = ("gate", "--policy", "policy.json", "--candidate", "winner", "--champion", "hold", "--out", "gate", "--json")
    _, out, err = command_line(*gate)
    verdict = json.loads(out)
    assert verdict["trials"]["candidates"] == verdict["trials"]["on_this_tape"] == 6, err
    again = next(check for check in verdict["checks"] if check["name"] == "deflated Sharpe ratio")
    assert again["estimate"]["value"] == pytest.approx(counted.estimate.value, rel=1e-12)


def test_the_look_is_on_record_even_if_judging_breaks(swaps, lax, ledger, monkeypatch):
    from rook_bench import gates

    one = rook.evaluate(swaps, TRADER)

    def broken(*arguments, **named):
        raise RuntimeError("the power went out")

    monkeypatch.setattr(gates, "judge", broken)
    with pytest.raises(RuntimeError):
        rook.judge(lax(), one)
    assert [trial.kind for trial in ledger.trials()] == ["replay", "gate"]


def test_a_source_judged_on_a_tape_is_a_try(swaps, lax, ledger):
    judged = rook.judge(lax(), TRADER, "hold", tape=swaps)
    assert [(trial.source, trial.role) for trial in ledger.trials()][:2] == [
        (TRADER, "candidate"),
        ("hold", "benchmark"),
    ]
    assert [one.name for one in judged.evaluations][:2] == [TRADER, "hold"]
    assert judged.verdict.trials["candidates"] == 1


# What the judge makes of what it is given.


def test_runs_on_disk_and_evaluations_give_the_same_answers(swaps, lax, project):
    one, hold = rook.evaluate(swaps, TRADER, MINUTES), rook.evaluate(swaps, "hold", MINUTES)
    one.save("one")
    hold.save("hold")
    given = rook.judge(lax(**ASKS), one, hold)
    for sides in (("one", "hold"), (project / "one", hold), (one, project / "hold")):
        read = rook.judge(lax(**ASKS), *sides)
        assert [(check.name, check.status) for check in read.verdict.checks] == [
            (check.name, check.status) for check in given.verdict.checks
        ]


def test_the_exit_code_and_the_reasons_are_the_verdicts(swaps, lax):
    one = rook.evaluate(swaps, TRADER)
    good, bad = rook.judge(lax(), one), rook.judge(lax(**LOSES), one)
    assert (good.exit_code, good.verdict.verdict) == (0, "PROMOTE")
    assert (bad.exit_code, bad.verdict.verdict) == (1, "BLOCK")
    assert bad.reasons == bad.verdict.reasons
    assert "max_drawdown" in bad.reasons[0]


def test_a_policy_may_be_a_file(swaps, root):
    judged = rook.judge(root / "strategies" / "gate.toml", TRADER, "hold", tape=swaps)
    assert (judged.exit_code, judged.verdict.policy.name) == (2, "rook-promotion")


def test_a_source_that_sees_the_future_is_invalid(swaps, lax, registered):
    def peeking():
        """Buy before a rise."""

        def decide(view):
            later = np.roll(view["price"], -1)
            return DecisionTape.from_sides(np.where(later > view["price"], rook.Side.BUY, rook.Side.SELL), 0.1)

        return decide

    # The source is known to nobody any more when it is judged; what was found before stays found.
    judged = rook.judge(lax(), rook.evaluate(swaps, registered(peeking, whole_tape=True)))
    assert (judged.exit_code, judged.verdict.verdict) == (3, "INVALID")
    assert judged.reasons[0].startswith("look-ahead: with the future after row")
    foresight = rook.judge(lax(), "foresight", tape=swaps)
    assert foresight.exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "named", "said"),
    [
        (("champion",), {}, "can't be its own candidate"),
        (("nowhere",), {}, "'nowhere' is no run folder; to judge a source, give its tape too"),
        ((TRADER, "champion"), {"tape": "swaps"}, "nothing was promoted yet"),
    ],
)
def test_what_can_not_be_judged(swaps, lax, ledger, arguments, named, said):
    named = dict.fromkeys(named, swaps)
    with pytest.raises((ConfigError, InputError), match=said):
        rook.judge(lax(), *arguments, **named)
    assert ledger.trials() == []


def test_an_evaluation_brings_its_own_tape(swaps, lax):
    one = rook.evaluate(swaps, TRADER)
    with pytest.raises(ConfigError, match="has a tape of its own"):
        rook.judge(lax(), one, tape=swaps)


def test_it_reads_like_a_line_and_like_a_page(swaps, lax):
    one = rook.evaluate(swaps, f"{'n' * 200}={TRADER}")
    for judged in (rook.judge(lax(), one), rook.judge(lax(**LOSES), one)):
        assert len(repr(judged)) < 200
        assert repr(judged).startswith(f"<Judgement {judged.verdict.verdict} of nnnn")
    nasty = replace(judged.verdict, checks=(rook.Check("<i>x</i>", "fail", "a < b & c"),), verdict="BLOCK")
    html = replace(judged, verdict=nasty)._repr_html_()
    assert_html_holds(html, "BLOCK", "<i>x</i>", "a < b & c", "fail")


# Kept, and promoted.


def test_a_saved_judgement_knows_where_it_lies(swaps, lax, project):
    one, hold = rook.evaluate(swaps, TRADER), rook.evaluate(swaps, "hold")
    judged = rook.judge(lax(), one, beside=[hold])
    saved = judged.save("gate")
    assert judged.folder is None
    assert str(saved.folder) == "gate"
    kept = json.loads((project / "gate" / "verdict.json").read_text())
    assert kept["verdict"] == "PROMOTE"
    assert kept["candidate"]["run"] == f"runs/{next(project.glob('gate/runs/momentum*')).name}"
    assert sorted(path.name for path in (project / "gate" / "runs").iterdir())[0] == "hold"
    assert (project / "gate" / "report.html").is_file()
    assert rook.load_comparison("gate")[0].run.run_hash == one.run.run_hash


@pytest.mark.parametrize("saved", [False, True])
def test_a_judgement_is_promoted_whether_it_was_saved_or_not(swaps, lax, project, saved, command_line):
    judged = rook.judge(lax(), rook.evaluate(swaps, TRADER))
    entry = rook.promote(judged.save("gate") if saved else judged, reason="first of all")
    assert (entry["action"], entry["source"], entry["reason"]) == ("promote", TRADER, "first of all")
    assert entry["trials_head"] == judged.verdict.trials["head"]
    assert (project / "models" / entry["verdict_file"]).is_file()
    assert command_line("verify")[:2] == (0, "1 entry verified\n")
    assert rook.judge(lax(), rook.evaluate(swaps, "random:0.3"), "champion").evaluations[1].name == TRADER


def test_a_folder_or_its_verdict_is_promoted_too(swaps, lax, project):
    rook.judge(lax(), rook.evaluate(swaps, TRADER)).save("gate")
    trials = project / "models" / "trials"
    for number, given in enumerate(("gate", project / "gate", project / "gate" / "verdict.json")):
        assert rook.promote(given, models=project / str(number), trials=trials)["source"] == TRADER


def test_a_verdict_is_judged_again_by_the_ledger_it_was_given_by(swaps, lax, project):
    judged = rook.judge(lax(), rook.evaluate(swaps, TRADER, trials="here"), trials="here")
    with pytest.raises(InputError, match="counted are not in this ledger"):
        rook.promote(judged)
    assert rook.promote(judged, trials="here")["source"] == TRADER


def test_what_did_not_pass_is_not_promoted(swaps, lax, project):
    judged = rook.judge(lax(**LOSES), rook.evaluate(swaps, TRADER))
    with pytest.raises(InputError, match="BLOCK"):
        rook.promote(judged)
    assert not (project / "models" / "promotions.jsonl").exists()


def test_a_forged_judgement_is_not_promoted(swaps, lax, project):
    """A verdict that says PROMOTE where judging again says BLOCK."""
    judged = rook.judge(lax(**LOSES), rook.evaluate(swaps, TRADER))
    forged = replace(judged, verdict=replace(judged.verdict, verdict="PROMOTE", exit_code=0, checks=()))
    with pytest.raises(InputError):
        rook.promote(forged)
    assert not (project / "models" / "promotions.jsonl").exists()


def test_the_champion_is_replayed_under_the_candidates_assumptions(swaps, lax):
    rook.promote(rook.judge(lax(), rook.evaluate(swaps, TRADER)))
    config = rook.BenchConfig(capital={"quote_value": 77.0})
    judged = rook.judge(lax(), rook.evaluate(swaps, "random:0.3", config), "champion")
    assert judged.evaluations[1].run.config.capital.quote_value == 77.0
    assert judged.evaluations[1].run.frame.data_hash == swaps.data_hash
