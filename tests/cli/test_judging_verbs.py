"""gate, plan, selftest, promote, history and verify, one after the other and killed in between."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from rook_bench.ingest.read import read_swaps
from rook_bench.market.tape_file import write_tape
from rook_bench.trials import TrialLedger

REPOSITORY = Path(__file__).resolve().parents[2]
RULES = "rules:strategies/data_driven.json"


@pytest.fixture
def tape(checkout):
    """A tape of 1,200 swaps: short, so that a gate takes seconds."""
    path = checkout / "tape.parquet"
    write_tape(read_swaps(REPOSITORY / "data" / "sample.parquet")[:1200], path)
    return path


@pytest.fixture
def lax(checkout):
    """A policy that a sound candidate meets on a short tape."""
    path = checkout / "lax.toml"
    path.write_text('name = "lax"\n[evidence]\nmin_days = 0\nmin_fills = 5\n[degeneracy]\nmin_side_fills = 1\n')
    return path


@pytest.fixture
def first(checkout, rook_bench, tape, lax):
    """The rules promoted as first champion."""
    code, out, err = rook_bench("gate", "--policy", lax, "--candidate", RULES, "--data", tape, "--out", "g")
    assert code == 0, out + err
    code, out, err = rook_bench("promote", "g/verdict.json")
    assert code == 0, out + err
    return checkout


def test_from_gate_to_champion_and_back(first, rook_bench, tape, lax):
    assert rook_bench("verify")[:2] == (0, "1 entry verified\n")
    beats = first / "beats.toml"
    beats.write_text(
        '[primary]\ntest = "non-inferiority"\nmargin_bps_per_day = 50\nlevel = 0.9\nmin_buckets = 30\n'
        + lax.read_text()[12:]
    )
    rules = json.loads((REPOSITORY / "strategies" / "data_driven.json").read_text())
    (first / "near.json").write_text(json.dumps(rules | {"breakout_position_size": 0.079}))
    arguments = ("--champion", "champion", "--data", tape, "--out", "g2")
    code, out, _ = rook_bench("gate", "--policy", beats, "--candidate", "rules:near.json", *arguments)
    assert code == 0, out
    verdict = json.loads((first / "g2" / "verdict.json").read_text())
    assert verdict["champion"]["source"].startswith("rules:models/promoted/")
    assert verdict["trials"]["looks"] == 2
    code, _, err = rook_bench("promote", "g2")
    assert code == 3
    assert "--allow-other-policy" in err
    code, out, err = rook_bench("promote", "g2", "--allow-other-policy")
    assert code == 0, err
    assert "champion: rules:models/promoted/" in out
    code, out, _ = rook_bench("promote", "--rollback", "--reason", "too lucky")
    assert code == 0
    assert "file.json" in out
    entries = json.loads(rook_bench("history", "--json")[1])
    assert [entry["action"] for entry in entries] == ["promote", "promote", "rollback"]
    assert "too lucky" in rook_bench("history")[1]
    assert rook_bench("verify")[0] == 0


def test_a_verdict_that_does_not_promote_is_refused(checkout, rook_bench, tape):
    arguments = ("--candidate", RULES, "--champion", "hold", "--data", tape, "--out", "g")
    assert rook_bench("gate", "--policy", "strategies/gate.toml", *arguments)[0] == 2
    code, _, err = rook_bench("promote", "g")
    assert code == 3
    assert "INCONCLUSIVE" in err
    assert not (checkout / "models" / "promotions.jsonl").exists()


@pytest.mark.parametrize(
    ("victim", "change"),
    [
        ("runs/rules-data_driven.json/decisions.parquet", lambda data: data[:-1] + b"X"),
        ("runs/rules-data_driven.json/run.json", lambda data: data.replace(b"clean", b"clear")),
        ("verdict.json", lambda data: data.replace(b'"reason', b'"raeson')),
        ("tape.parquet", lambda data: data[: len(data) // 2]),
    ],
)
def test_promote_believes_nothing_that_was_changed(checkout, rook_bench, tape, lax, victim, change):
    assert rook_bench("gate", "--policy", lax, "--candidate", RULES, "--data", tape, "--out", "g")[0] == 0
    path = checkout / "g" / victim
    path.write_bytes(change(path.read_bytes()))
    code, out, err = rook_bench("promote", "g")
    assert code == 3
    assert err.startswith("rook-bench: ")
    assert err.count("\n") == 1, err
    assert not (checkout / "models" / "promotions.jsonl").exists()


def test_promote_finds_a_forged_verdict_although_its_hash_fits(checkout, rook_bench, tape, lax):
    """A verdict written by hand, sealed with the right hash, is judged again and refused."""
    from rook_bench.core.hashing import sha256_json

    arguments = ("--candidate", RULES, "--champion", "hold", "--data", tape, "--out", "g")
    rook_bench("gate", "--policy", "strategies/gate.toml", *arguments)
    path = checkout / "g" / "verdict.json"
    record = json.loads(path.read_text())
    record |= {"verdict": "PROMOTE", "exit_code": 0}
    record["checks"] = [check | {"status": "pass"} for check in record["checks"]]
    del record["hash"]
    path.write_text(json.dumps(record | {"hash": sha256_json(record)}))
    code, _, err = rook_bench("promote", "g")
    assert code == 3
    assert "judg" in err
    assert not (checkout / "models" / "promotions.jsonl").exists()


def test_rules_that_changed_since_are_not_promoted(checkout, rook_bench, tape, lax):
    mine = checkout / "mine.json"
    shutil.copy(REPOSITORY / "strategies" / "data_driven.json", mine)
    assert rook_bench("gate", "--policy", lax, "--candidate", f"rules:{mine}", "--data", tape, "--out", "g")[0] == 0
    mine.write_text(mine.read_text().replace("0.0", "0.1", 1))
    code, _, err = rook_bench("promote", "g")
    assert code == 3
    assert err.count("\n") == 1


def test_a_run_is_judged_wherever_it_lies(checkout, rook_bench, tape, lax, tmp_path, monkeypatch):
    rook_bench("compare", tape, "--source", RULES, "--out", "c")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "strategies").symlink_to(REPOSITORY / "strategies")
    runs = checkout / "c" / "runs"
    code, out, err = rook_bench(
        "gate",
        "--policy",
        lax,
        "--candidate",
        runs / "rules-data_driven.json",
        "--champion",
        runs / "hold",
        "--out",
        "g",
    )
    assert code == 0, out + err


def test_a_run_whose_source_is_gone_is_at_best_inconclusive(checkout, rook_bench, tape, lax):
    mine = checkout / "mine.json"
    shutil.copy(REPOSITORY / "strategies" / "data_driven.json", mine)
    rook_bench("replay", tape, "--source", f"rules:{mine}", "--out", "r")
    mine.unlink()
    code, out, _ = rook_bench("gate", "--policy", lax, "--candidate", "r", "--out", "g")
    assert code == 2
    assert "can't be asked again" in out


def test_a_tape_of_other_decisions_is_found_by_asking_again(checkout, rook_bench, tape, lax):
    """Decisions made by one source and passed off as another's, in a run that is sound in itself."""
    from rook_bench.core.hashing import sealed

    rook_bench("replay", tape, "--source", "random:0.3", "--out", "r")
    path = checkout / "r" / "run.json"
    facts = json.loads(path.read_text()) | {"source": "random:0.31"}
    path.write_text(json.dumps(sealed(facts, "seal")))
    code, out, _ = rook_bench("gate", "--policy", lax, "--candidate", "r", "--out", "g")
    assert code == 3
    assert "INVALID" in out


def test_every_look_is_on_record_and_told(checkout, rook_bench, tape, lax):
    rook_bench("compare", tape, "--source", RULES, "--source", "momentum", "--out", "c")
    rook_bench("replay", tape, "--source", "momentum", "--out", "r")
    code, out, _ = rook_bench("gate", "--policy", lax, "--candidate", RULES, "--data", tape, "--out", "g")
    assert code == 0
    assert "looked at 4 times, with 2 candidates" in out
    assert "looked at 4 times" in (checkout / "g" / "summary.md").read_text()
    report = " ".join((checkout / "g" / "report.html").read_text().split())
    assert "looked at 4 times with 2 candidates" in report
    ledger = TrialLedger()
    assert [trial.kind for trial in ledger.trials() if trial.role == "candidate"] == [
        "compare", "compare", "replay", "gate",
    ]  # fmt: skip


def test_many_tries_make_the_same_result_weaker(checkout, rook_bench, tape):
    """The deflated Sharpe ratio of one candidate falls as others are tried on the same tape."""
    policy = checkout / "p.toml"
    policy.write_text(
        "[primary]\nmin_buckets = 30\n[evidence]\nmin_days = 0\nmin_fills = 1\n[selection]\nmin_deflated_sharpe = 0.9\n"
    )

    def ratio():
        arguments = ("--candidate", "hold", "--champion", "random:0.3", "--data", tape, "--out", "g", "--json")
        found = json.loads(rook_bench("gate", "--policy", policy, *arguments)[1])["checks"]
        return next(check["estimate"]["value"] for check in found if check["name"] == "deflated Sharpe ratio")

    alone = ratio()
    rook_bench("compare", tape, "--source", RULES, "--source", "momentum", "--no-benchmarks", "--out", "c")
    assert ratio() < alone


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gate", "--candidate", "hold"), "--policy is missing"),
        (("gate", "--policy", "lax.toml"), "--candidate is missing"),
        (("gate", "--policy", "lax.toml", "--candidate", "hold"), "--out is missing"),
        (("gate", "--policy", "lax.tml", "--candidate", "hold", "--out", "g"), "'.tml' is not a configuration format"),
        (("gate", "--policy", "laxx.toml", "--candidate", "hold", "--out", "g"), "did you mean 'lax.toml'"),
        (("gate", "--policy", "lax.toml", "--candidate", "nowhere", "--out", "g"), "is no run folder"),
        (
            (
                "gate",
                "--policy",
                "lax.toml",
                "--candidate",
                "hold",
                "--champion",
                "champion",
                "--data",
                "tape.parquet",
                "--out",
                "g",
            ),
            "promoted",
        ),
        (("gate", "--policy", "lax.toml", "--candidate", "hold", "--waiver", "w.toml", "--out", "g"), "no such file"),
        (("gate", "plan"), "--policy is missing"),
        (("gate", "plan", "--policy", "lax.toml"), "either --data or --volatility-bps"),
        (("gate", "plan", "--policy", "lax.toml", "--volatility-bps", "9"), "add a [primary] section"),
        (("gate", "plan", "--policy", "strategies/gate.toml", "--volatility-bps", "0"), "does not vary"),
        (("promote",), "VERDICT"),
        (("promote", "nowhere.json"), "nowhere.json"),
        (("promote", "--rollback", "--reason", "x"), "promoted"),
    ],
)
def test_mistakes_are_one_line(checkout, rook_bench, tape, lax, arguments, message):
    code, _, err = rook_bench(*arguments)
    assert code == 3
    assert message in err
    assert err.count("\n") == 1, err
    assert not (checkout / "g").exists()


def test_plan_by_volatility_and_by_pilot(checkout, rook_bench, tape):
    code, out, _ = rook_bench(
        "gate", "plan", "--policy", "strategies/gate.toml", "--volatility-bps", "100", "--days", "12"
    )
    assert code == 0
    assert "12 days" in out
    # 3.07 * 100 / sqrt(30)
    assert re.search(r"30 days +5[56]\.\d", out)
    code, out, _ = rook_bench(
        "gate", "plan", "--policy", "strategies/gate.toml", "--data", tape, "--champion", RULES, "--json"
    )
    planned = json.loads(out)
    assert planned["volatility_bps_per_day"] > 0
    assert planned["origin"].startswith("random:0.")
    assert not TrialLedger().trials()  # a plan is no look


def test_selftest_prints_its_table(rook_bench, monkeypatch):
    """It is the table that is tried: two short tapes and three kinds, in this process, where that can be said."""
    from rook_bench.cli import gate_selftest
    from rook_bench.engines import Threads
    from rook_bench.gates.selftest import run as runs

    asked, kinds = [], [kind for kind in runs.PLANTED if kind.name in ("no-edge", "better", "copy")]
    world, evaluate = runs.World, runs.evaluate_world
    monkeypatch.setattr(gate_selftest, "engine_of", lambda **options: asked.append(options) or Threads(1))
    monkeypatch.setattr(runs, "PER_WORLD", 10)
    monkeypatch.setattr(runs, "PLANTED", kinds)
    monkeypatch.setattr(runs, "NEVER", ("copy",))
    monkeypatch.setattr(runs, "World", lambda seed, swaps: world(seed, 800))
    monkeypatch.setattr(runs, "evaluate_world", lambda world, policy: evaluate(world, policy, kinds))
    code, out, _ = rook_bench("gate", "selftest", "--evaluations", "20", "--processes", "1")
    assert asked == [{"processes": 1, "ray": None}]
    assert code == 1  # 20 evaluations can't show a rate of at most 5%
    assert "NOT SOUND" in out
    assert "no-edge" in out
    assert "2 simulated tapes" in out


@pytest.mark.parametrize("moment", ["a look is on record", "the verdict is being written"])
def test_a_gate_killed_at_any_time_leaves_the_old_verdict_or_the_new_one(
    checkout, rook_bench, rook_bench_process, tape, lax, moment
):
    rook_bench("gate", "--policy", lax, "--candidate", RULES, "--data", tape, "--out", "g")
    before = (checkout / "g" / "verdict.json").read_bytes()
    looks = len(TrialLedger().trials())
    process = rook_bench_process("gate", "--policy", lax, "--candidate", "random:0.4", "--data", tape, "--out", "g")
    reached = {
        "a look is on record": lambda: len(TrialLedger().trials()) > looks,
        "the verdict is being written": lambda: list(checkout.glob(".g.*")),
    }[moment]
    while not reached() and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    after = json.loads((checkout / "g" / "verdict.json").read_text())
    if (checkout / "g" / "verdict.json").read_bytes() != before:
        assert after["candidate"]["source"] == "random:0.4"
        assert (checkout / "g" / "report.html").exists()
    ledger = TrialLedger()
    assert ledger.verify() == []
    assert len(ledger.trials()) > looks
    code, _, err = rook_bench("gate", "--policy", lax, "--candidate", RULES, "--data", tape, "--out", "g")
    assert code == 0, err
