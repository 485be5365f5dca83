"""`rook-bench trials` on the command line."""

import json
import shutil
import subprocess

import pytest
from made_up_trials import ledger_at, record, sources

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def ledger(checkout, monkeypatch):
    """The ledger of a project with a remote beside it."""
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    (checkout / "rook-bench.toml").touch()
    subprocess.run(["git", "init", "--quiet", "--bare", checkout / "shared.git"], check=True)
    return ledger_at(checkout / "models" / "trials")


def test_push_then_pull(ledger, checkout, rook_bench):
    record(ledger, "a", "b")
    code, out, _ = rook_bench("trials", "push", "--remote", "shared.git")
    assert code == 0
    assert out.splitlines() == [
        f"{checkout / 'shared.git'} rook-bench-trials: 2 trials; 0 of them were new here, 2 were new there",
        "trial ledger: models/trials, 2 trials",
    ]
    code, out, _ = rook_bench("trials", "pull", "--remote", "shared.git", "--trials", "copy", "--json")
    assert (code, json.loads(out)["fetched"]) == (0, 2)
    assert sources(ledger_at(checkout / "copy")) == ["a", "b"]


def test_trials_that_moved_are_told(ledger, checkout, rook_bench):
    record(ledger, "a")
    rook_bench("trials", "push", "--remote", "shared.git")
    other = ledger_at(checkout / "other")
    record(other, "b")
    code, _, err = rook_bench("trials", "push", "--remote", "shared.git", "--trials", "other")
    assert code == 0
    assert err.startswith("1 trials of other now stand behind others that were recorded meanwhile: judge again")


def test_an_offline_remote_is_one_line(ledger, rook_bench):
    for verb in ("pull", "push"):
        code, out, err = rook_bench("trials", verb, "--remote", "https://localhost:9/ledger.git")
        assert (code, out) == (3, "")
        (line,) = err.strip().splitlines()
        assert line.startswith("rook-bench: https://localhost:9/ledger.git: the remote can't be read (fatal: ")


def test_a_project_without_a_repository_needs_an_address(ledger, rook_bench):
    code, _, err = rook_bench("trials", "pull")
    assert code == 3
    assert "origin: the remote can't be read" in err
