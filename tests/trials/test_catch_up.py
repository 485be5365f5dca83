"""Two copies of a ledger become one: nobody's trial is lost, none is counted twice, what was shared keeps its hash."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_trials import ledger_at, record, sources

from rook_bench.core import InputError
from rook_bench.trials.catch_up import catch_up, entries_of


@pytest.fixture
def copies(tmp_path):
    """A ledger with two trials, and a copy of it."""
    mine = ledger_at(tmp_path / "mine")
    record(mine, "a", "b")
    shutil.copytree(mine.folder, tmp_path / "theirs")
    return mine, ledger_at(tmp_path / "theirs")


def test_a_copy_that_went_on_is_taken_as_it_is(copies):
    mine, theirs = copies
    record(theirs, "c")
    assert catch_up(mine, theirs.chain.entries()) == 0
    assert mine.chain.path.read_bytes() == theirs.chain.path.read_bytes()


def test_a_copy_that_is_behind_changes_nothing(copies):
    mine, theirs = copies
    record(mine, "c")
    before = mine.chain.path.read_bytes()
    assert catch_up(mine, theirs.chain.entries()) == 0
    assert mine.chain.path.read_bytes() == before


def test_of_two_that_went_on_the_own_trials_follow(copies):
    mine, theirs = copies
    record(theirs, "theirs 1", "theirs 2")
    head = theirs.head
    own = record(mine, "mine")
    shutil.copytree(theirs.folder / "returns", mine.folder / "returns", dirs_exist_ok=True)
    assert catch_up(mine, theirs.chain.entries()) == 1
    assert sources(mine) == ["a", "b", "theirs 1", "theirs 2", "mine"]
    assert mine.verify() == []
    assert mine.chain.upto(head) == theirs.chain.entries()  # verdicts of others still find what they counted
    moved = mine.chain.entries()[-1]
    assert (moved["at"], moved["returns"]) == (own["at"], own["returns"])
    assert moved["hash"] != own["hash"]
    with pytest.raises(InputError, match="no entry has the hash"):
        mine.chain.upto(own["hash"])
    # Once is enough.
    assert catch_up(mine, theirs.chain.entries()) == 0


def test_a_new_ledger_takes_all(copies, tmp_path):
    fresh = ledger_at(tmp_path / "fresh")
    catch_up(fresh, copies[1].chain.entries())
    assert sources(fresh) == ["a", "b"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda lines: [lines[0].replace(b'"source":"a"', b'"source":"x"'), lines[1]], "line 1: was changed"),
        (lambda lines: [lines[1]], "line 1: does not follow the line before it"),
        (lambda lines: [lines[0], b"<<<<<<< HEAD\n", lines[1]], "line 2: is not an entry"),
        (lambda lines: [lines[0], lines[1][:40]], "line 2: unfinished"),
    ],
    ids=["edited", "first line removed", "merged by git", "cut"],
)
def test_a_copy_that_was_tampered_with_is_refused(copies, harm, said):
    lines = copies[1].chain.path.read_bytes().splitlines(keepends=True)
    with pytest.raises(InputError, match=f"origin rook-bench-trials: {said}"):
        entries_of(b"".join(harm(lines)), where="origin rook-bench-trials")


@given(shared=st.integers(0, 3), mine=st.integers(0, 3), theirs=st.integers(0, 3))
def test_every_trial_is_there_once(tmp_path_factory, shared, mine, theirs):
    folder = tmp_path_factory.mktemp("ledgers")
    left, right = ledger_at(folder / "left"), ledger_at(folder / "right")
    if shared:
        record(left, *(f"shared {n}" for n in range(shared)))
        shutil.copytree(left.folder, right.folder)
    mine, theirs = [f"mine {n}" for n in range(mine)], [f"theirs {n}" for n in range(theirs)]
    for ledger, own in ((left, mine), (right, theirs)):
        if own:
            record(ledger, *own)
    catch_up(left, right.chain.entries())
    assert sources(left) == [*(f"shared {n}" for n in range(shared)), *theirs, *mine]
    assert left.chain.verify() == []
