"""The ledger on a branch of a real git remote: shared, raced for, cut off, tampered with."""

import os
import shutil
import subprocess
from multiprocessing import get_context
from pathlib import Path

import pytest
from made_up_trials import ledger_at, record, sources

from rook_bench.core import InputError
from rook_bench.workbench import trials_branch
from rook_bench.workbench.git import Branch
from rook_bench.workbench.trials_branch import TrialsBranch

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

NAME = "rook-bench-trials"


def git(folder, *arguments):
    command = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def remote(tmp_path):
    """A bare repository with some code on its main branch."""
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    git(tmp_path, "clone", "--quiet", "remote.git", "first")
    (tmp_path / "first" / "code.py").write_text("print('code')\n")
    git(tmp_path / "first", "add", "code.py")
    git(tmp_path / "first", "commit", "--quiet", "-m", "code")
    git(tmp_path / "first", "push", "--quiet", "origin", "HEAD:main")
    return tmp_path / "remote.git"


@pytest.fixture
def clone(remote, tmp_path, monkeypatch):
    """Make a clone by name, stand in it, and get its ledger."""

    def make(name):
        folder = tmp_path / name
        if not folder.exists():
            git(tmp_path, "clone", "--quiet", "--depth=1", remote.as_uri(), name)  # as CI does
        monkeypatch.chdir(folder)
        return ledger_at(folder / "models" / "trials")

    return make


def on_branch(remote, path="trials.jsonl"):
    return git(remote, "show", f"{NAME}:{path}")


def commit_to_branch(remote, tmp_path, change):
    """What somebody does to the branch by hand."""
    folder = tmp_path / "by hand"
    git(tmp_path, "clone", "--quiet", "--branch", NAME, str(remote), str(folder))
    change(folder)
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "by hand")
    git(folder, "push", "--quiet", "origin", f"HEAD:{NAME}")


def test_the_first_push_makes_the_branch_and_every_clone_gets_it(remote, clone):
    ledger = clone("one")
    record(ledger, "a", "b")
    done = TrialsBranch().push(ledger)
    assert (done.branch, done.trials, done.pushed, done.moved) == (f"origin {NAME}", 2, 2, 0)
    assert git(remote, "log", "--format=%s by %an", NAME) == "2 trials, 2 in all by rook-bench"
    assert git(remote, "ls-tree", "-r", "--name-only", NAME).splitlines()[-1] == "trials.jsonl"
    # It has nothing in common with the code, and the clone's own tree and index are as they were.
    assert subprocess.run(["git", "merge-base", "main", NAME], cwd=remote, capture_output=True).returncode == 1
    assert git(Path.cwd(), "status", "--porcelain") == "?? models/"

    other = clone("two")
    assert TrialsBranch().pull(other).fetched == 2
    assert other.chain.path.read_bytes() == ledger.chain.path.read_bytes()
    assert other.verify() == []


def test_pushing_twice_adds_nothing(remote, clone):
    ledger = clone("one")
    record(ledger, "a")
    TrialsBranch().push(ledger)
    assert TrialsBranch().push(ledger).pushed == 0
    assert git(remote, "rev-list", "--count", NAME) == "1"


def test_whoever_comes_second_stands_behind(remote, clone):
    one = clone("one")
    record(one, "shared")
    TrialsBranch().push(one)
    two = clone("two")
    TrialsBranch().pull(two)
    record(two, "two's")
    clone("one")
    record(one, "one's")
    TrialsBranch().push(one)
    clone("two")
    done = TrialsBranch().push(two)
    assert (done.fetched, done.pushed, done.moved) == (1, 1, 1)
    assert sources(two) == ["shared", "one's", "two's"]
    assert on_branch(remote) == two.chain.path.read_text().strip()
    # The branch only ever grew: nothing was pushed over.
    assert git(remote, "rev-list", "--count", NAME) == "3"


def test_two_that_push_at_once_are_both_on_record(remote, clone, monkeypatch):
    """The second pushes between the first's look at the branch and its push."""
    one = clone("one")
    record(one, "shared")
    TrialsBranch().push(one)
    two = clone("two")
    TrialsBranch().pull(two)
    record(two, "two's")
    clone("one")
    record(one, "one's")
    pushed, waits = Branch.push, []

    def after_two(branch, commit, **options):
        monkeypatch.setattr(Branch, "push", pushed)
        clone("two")
        assert TrialsBranch().push(two).pushed == 1
        return pushed(branch, commit, **options)

    monkeypatch.setattr(Branch, "push", after_two)
    monkeypatch.setattr(trials_branch, "wait", waits.append)
    done = TrialsBranch().push(one)
    assert (done.fetched, done.pushed, done.moved) == (1, 1, 1)
    assert sources(one) == ["shared", "two's", "one's"]
    assert len(waits) == 1  # it was refused once, waited, and came again
    assert on_branch(remote) == one.chain.path.read_text().strip()


def push_from(folder):
    os.chdir(folder)
    TrialsBranch().push(ledger_at(Path("models/trials")))


def test_four_that_push_at_once(remote, tmp_path, clone):
    """Processes, as fast as they can: every trial is there once, and the chain holds."""
    names = [f"runner{n}" for n in range(4)]
    for name in names:
        record(clone(name), f"{name} a", f"{name} b")
    runners = [get_context("fork").Process(target=push_from, args=(tmp_path / name,)) for name in names]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert [runner.exitcode for runner in runners] == [0] * 4
    fresh = clone("afterwards")
    TrialsBranch().pull(fresh)
    assert sorted(sources(fresh)) == sorted(f"{name} {part}" for name in names for part in "ab")
    assert fresh.verify() == []
    # The two of each runner stay together and in order.
    assert all(sources(fresh).index(f"{name} b") - sources(fresh).index(f"{name} a") == 1 for name in names)


def test_a_push_whose_answer_was_lost_is_not_sent_again(remote, clone, monkeypatch):
    ledger = clone("one")
    record(ledger, "a")
    pushed = Branch.push

    def unheard(branch, commit, **options):
        pushed(branch, commit, **options)
        return "fatal: the remote end hung up unexpectedly"

    monkeypatch.setattr(Branch, "push", unheard)
    monkeypatch.setattr(trials_branch, "wait", lambda attempt: None)
    assert TrialsBranch().push(ledger).trials == 1
    assert git(remote, "rev-list", "--count", NAME) == "1"


def test_what_a_killed_job_recorded_and_did_not_push_goes_with_the_next_push(remote, clone):
    ledger = clone("one")
    record(ledger, "a")
    assert TrialsBranch().pull(ledger).trials == 0  # nothing there yet; one's own stays
    record(ledger, "b")
    assert TrialsBranch().push(ledger).pushed == 2


def test_an_unreachable_remote_is_one_line_and_changes_nothing(clone, tmp_path):
    ledger = clone("one")
    record(ledger, "a")
    before = ledger.chain.path.read_bytes()
    shutil.move(tmp_path / "remote.git", tmp_path / "gone.git")
    for act in (TrialsBranch().push, TrialsBranch().pull, TrialsBranch().require_writable):
        with pytest.raises(
            InputError, match=r"^origin: the remote can't be read \(fatal: .*\); check the name"
        ) as told:
            act(ledger)
        assert "\n" not in str(told.value)
    assert ledger.chain.path.read_bytes() == before


@pytest.mark.parametrize("with_branch", [False, True])
def test_a_remote_that_may_be_read_only_is_found_out_before_anything_is_recorded(remote, clone, with_branch):
    ledger = clone("one")
    if with_branch:
        record(ledger, "a")
        TrialsBranch().push(ledger)
    TrialsBranch().require_writable(ledger)
    git(Path.cwd(), "config", "remote.origin.receivepack", "echo 'ERROR: Permission denied to bot.' >&2; false")
    refused = r"can't be put on record there \(ERROR: Permission denied to bot.; fatal: Could not read"
    with pytest.raises(InputError, match=refused) as told:
        TrialsBranch().require_writable(ledger)
    assert "fork" in str(told.value)


def test_a_protected_branch_is_tried_thrice_and_told(remote, clone, monkeypatch):
    waits = []
    monkeypatch.setattr(trials_branch, "wait", waits.append)
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    ledger = clone("one")
    record(ledger, "a")
    with pytest.raises(InputError, match=r"remote: protected branch; ! \[remote rejected\]"):
        TrialsBranch().push(ledger)
    assert len(waits) == 2
    assert sources(ledger) == ["a"]  # kept for the next time


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: edit(folder / "trials.jsonl", '"source":"a"', '"source":"x"'), "line 1: was changed"),
        (lambda folder: edit(folder / "trials.jsonl", "{", "<<<<<<< HEAD\n{"), "line 1: is not an entry"),
        (lambda folder: any_returns(folder).write_bytes(b"other"), "was changed"),
        (lambda folder: any_returns(folder).unlink(), "is missing"),
        (lambda folder: (folder / "trials.jsonl").unlink(), "holds no trial ledger"),
    ],
    ids=["a trial edited", "merged by hand", "returns edited", "returns removed", "the file removed"],
)
def test_a_tampered_branch_is_refused_and_the_ledger_stays(remote, clone, tmp_path, harm, said):
    ledger = clone("one")
    record(ledger, "a", "b")
    TrialsBranch().push(ledger)
    commit_to_branch(remote, tmp_path, harm)
    fresh = clone("two")
    record(fresh, "own")
    before = fresh.chain.path.read_bytes()
    for act in (TrialsBranch().pull, TrialsBranch().push):
        with pytest.raises(InputError, match=said):
            act(fresh)
    assert fresh.chain.path.read_bytes() == before


def edit(path, old, new):
    path.write_text(path.read_text().replace(old, new, 1))


def any_returns(folder):
    return next((folder / "returns").iterdir())


def test_what_else_lies_on_the_branch_stays(remote, clone, tmp_path):
    ledger = clone("one")
    record(ledger, "a")
    TrialsBranch().push(ledger)
    commit_to_branch(remote, tmp_path, lambda folder: (folder / "README.md").write_text("The ledger.\n"))
    record(ledger, "b")
    TrialsBranch().push(ledger)
    assert on_branch(remote, "README.md") == "The ledger."


def test_attributes_and_hooks_of_the_code_do_not_touch_the_ledger(remote, clone):
    ledger = clone("one")
    Path(".gitattributes").write_text("* text eol=crlf\n*.npy filter=lfs\n")
    Path(".gitignore").write_text("models/\n*.npy\n")
    hook = Path(".git/hooks/pre-push")
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    record(ledger, "a")
    TrialsBranch().push(ledger)
    other = clone("two")
    TrialsBranch().pull(other)
    assert other.verify() == []


def test_outside_of_a_repository_a_url_does(remote, tmp_path, monkeypatch):
    (tmp_path / "nowhere").mkdir()
    monkeypatch.chdir(tmp_path / "nowhere")
    ledger = ledger_at(tmp_path / "ledger")
    record(ledger, "a")
    assert TrialsBranch("../remote.git").push(ledger).pushed == 1
    with pytest.raises(InputError, match=r"origin: the remote can't be read"):
        TrialsBranch().pull(ledger)


@pytest.mark.parametrize(
    ("remote_name", "branch", "said"),
    [("--upload-pack=touch hacked", NAME, "is no remote"), ("origin", "../main", "is no name of a branch")],
)
def test_names_that_are_none(clone, remote_name, branch, said):
    with pytest.raises(InputError, match=said):
        TrialsBranch(remote_name, branch).pull(clone("one"))
    assert not Path("hacked").exists()


def test_without_git(clone, monkeypatch):
    ledger = clone("one")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="git is not installed"):
        TrialsBranch().pull(ledger)


def test_a_token_in_an_address_is_never_printed(clone):
    address = "https://x-access-token:s3cret@localhost:9/ledger.git"
    with pytest.raises(InputError, match="https://localhost:9/ledger.git: the remote can't be read") as told:
        TrialsBranch(address).pull(clone("one"))
    assert "s3cret" not in str(told.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give a folder away")
def test_a_repository_of_another_user_is_named(clone, monkeypatch):
    ledger = clone("one")
    for path in (Path(), Path(".git")):
        os.chown(path, 12345, 12345)
    with pytest.raises(InputError, match=r"belongs to another user; git config --global --add safe.directory /"):
        TrialsBranch().pull(ledger)
