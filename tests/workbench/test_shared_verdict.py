"""A verdict whose ledger is shared: the look is on record before it is known, and it counts what came in between."""

import shutil
import subprocess

import pytest

from rook_bench.core import InputError
from rook_bench.gates import Policy
from rook_bench.trials import TrialLedger
from rook_bench.workbench import trials_branch
from rook_bench.workbench.compare import evaluate
from rook_bench.workbench.git import Branch
from rook_bench.workbench.judge import judge
from rook_bench.workbench.promote import promote
from rook_bench.workbench.rejudge import rejudge
from rook_bench.workbench.trials_branch import TrialsBranch

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

LAX = Policy.parse({"evidence": {"min_days": 0, "min_fills": 0}}, where="test")


@pytest.fixture
def folders(tmp_path, monkeypatch, few_pictures):
    """A bare remote, and a place outside of any repository to stand in."""
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    subprocess.run(["git", "init", "--quiet", "--bare", tmp_path / "remote.git"], check=True)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture
def shared(folders):
    return TrialsBranch(str(folders / "remote.git"))


def test_what_others_recorded_while_it_was_replayed_is_counted(folders, shared, short_tape, monkeypatch):
    """Another job pushes between our look at the branch and our push."""
    evaluate(short_tape, "always-buy", trials=folders / "others")
    pushed = Branch.push

    def after_the_other(branch, commit, *, dry=False):
        if not dry:
            monkeypatch.setattr(Branch, "push", pushed)
            assert shared.push(TrialLedger(folders / "others")).pushed == 1
        return pushed(branch, commit, dry=dry)

    monkeypatch.setattr(Branch, "push", after_the_other)
    monkeypatch.setattr(trials_branch, "wait", lambda attempt: None)
    judged = judge(LAX, "random:0.2", "hold", tape=short_tape, models="models", shared=shared)
    assert judged.verdict.trials["candidates"] == 2
    ours = TrialLedger(folders / "work" / "models" / "trials")
    assert [trial.source for trial in ours.trials()][:2] == ["always-buy", "random:0.2"]
    # The verdict names an entry that everybody has, and judging again gives the same.
    assert judged.verdict.trials["head"] == ours.head
    fresh = TrialLedger(folders / "fresh")
    shared.pull(fresh)
    assert fresh.head == ours.head
    saved = judged.save(folders / "gate")
    assert rejudge(saved.folder, fresh.folder)["trials"] == judged.verdict.to_json()["trials"]


def test_there_is_no_verdict_where_the_look_can_not_be_put_on_record(folders, shared, short_tape, monkeypatch):
    judge(LAX, "hold", tape=short_tape, models="models", shared=shared)
    hook = folders / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setattr(trials_branch, "wait", lambda attempt: None)
    with pytest.raises(InputError, match="can't be put on record there"):
        judge(LAX, "random:0.2", tape=short_tape, models="models", shared=shared)


def test_the_remote_is_asked_before_anything_is_replayed(folders, monkeypatch):
    def no_tape():
        raise AssertionError("the tape was read first")

    with pytest.raises(InputError, match="the remote can't be read"):
        judge(LAX, "hold", tape=no_tape, models="models", shared=TrialsBranch("nowhere.git"))


def test_a_ledger_without_what_a_promotion_counted_is_refused(folders, shared, short_tape):
    """As a job has it that forgot to fetch the ledger: an empty one beside a record of promotions."""
    first = judge(LAX, "random:0.3", tape=short_tape, models="models", shared=shared).save("gate")
    assert first.exit_code == 0
    with pytest.raises(InputError, match=r"the verdict of gate counted are not in this ledger.*rook-bench trials pull"):
        promote(first, models="models", trials="elsewhere")
    promote(first, models="models")
    shutil.move("models/trials", "trials-before")
    with pytest.raises(
        InputError, match=r"promotion 0 of models counted are not in this ledger.*rook-bench trials pull"
    ):
        judge(LAX, "random:0.2", "champion", tape=short_tape, models="models")
    # A ledger of its own that went on without them is no better.
    evaluate(short_tape, "always-buy", trials="models/trials")
    with pytest.raises(InputError, match="not in this ledger"):
        judge(LAX, "random:0.2", "champion", tape=short_tape, models="models")
    # With the branch it is whole again, and what was recorded meanwhile is not lost.
    judged = judge(LAX, "random:0.2", "champion", tape=short_tape, models="models", shared=shared)
    assert judged.verdict.trials["candidates"] == 3
