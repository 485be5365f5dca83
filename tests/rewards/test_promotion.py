"""A critic is judged and promoted like any other source: judged apart, asked its training rows, stored, verified."""

import shutil

import numpy as np
import pytest

import rook_bench as rook
from rook_bench.core import InputError
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.gates import Policy
from rook_bench.sources import lookahead

POLICY = {
    "evidence": {"min_days": 0, "min_fills": 0, "training_data": "known"},
    "degeneracy": {"min_side_share": 0, "min_side_fills": 0},
}


@pytest.fixture
def critic(rewards_of_world, tmp_path, monkeypatch):
    (tmp_path / "rook-bench.toml").touch()
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lookahead, "MANY_CUTS", 6)  # a gate asks at 48, which is tried elsewhere
    shutil.copytree(rewards_of_world("planted").folder, "rewards")
    return "tree:rewards"


def test_what_was_promoted_is_the_critic_alone(critic, planted, tmp_path, command_line):
    tape = split_tape(planted, "test").read()[:2000]
    config = rook.BenchConfig(clock={"bucket_s": 60}, capital={"quote_value": 1e6})
    judged = rook.judge(Policy.parse(POLICY, where="test"), critic, "hold", tape=tape, config=config).save("gate")
    assert judged.verdict.verdict == "PROMOTE", judged.reasons
    checks = {check.name: check for check in judged.verdict.checks}
    assert checks["look-ahead"].status == "pass"
    assert checks["training data"].detail.startswith("it learned from swaps until ")
    entry = rook.promote("gate")
    assert set(entry["files"]) == {"folder/critic.json", "folder/critic.npz"}
    shutil.rmtree("rewards")
    assert command_line("verify")[0] == 0
    again = rook.evaluate(tape, f"tree:models/{entry['folder']}/folder", config)
    assert again.run.decided.tape.content_hash == judged.evaluations[0].run.decided.tape.content_hash
    (tmp_path / "models" / entry["folder"] / "folder" / "critic.json").write_text("{}")
    assert command_line("verify")[0] == 3


def test_on_its_own_training_rows_it_is_invalid(critic, planted):
    tape = split_tape(planted, "validation").read()
    judged = rook.judge(Policy.parse(POLICY, where="test"), critic, "hold", tape=tape)
    assert judged.verdict.verdict == "INVALID"
    assert any("learned from these very swaps" in reason for reason in judged.reasons)


def test_trees_that_were_swapped_are_refused(critic, tmp_path):
    (tmp_path / "rewards" / "critic.npz").write_bytes(b"others")
    with pytest.raises(InputError, match="not the trees that the record names"):
        rook.evaluate(rook.simulate(300, np.random.default_rng(0)), critic)
