"""The trial ledger on a branch of its own of a git repository, shared by every clone and every CI job.

The branch holds trials.jsonl and returns/ and has no history in common with the code. Every push is a commit on top
of the one before it, so of two that come at once the second is refused; it fetches what the first brought, puts its
own trials behind, and pushes again. Nobody's trial is lost, and none is counted twice.
"""

from __future__ import annotations

import hashlib
import random
import time
from dataclasses import dataclass
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.hash_chain import Entry, locked
from rook_bench.trials import TrialLedger
from rook_bench.trials.catch_up import catch_up, entries_of
from rook_bench.trials.trial import Trial
from rook_bench.workbench.git import Branch, branch_of

REMOTE, BRANCH = "origin", "rook-bench-trials"
FILE = "trials.jsonl"
ATTEMPTS, REFUSALS = 20, 3
"""How often a push is tried at all, and how often while nobody else moves the branch."""


@dataclass(frozen=True)
class Exchange:
    """What an exchange with the branch came to.

    Attributes:
        branch: with what.
        trials: how many trials both have now; after a pull, the ledger may have more.
        fetched: trials of others that are new here.
        pushed: trials of this ledger that are new there.
        moved: trials of this ledger that now stand behind others'; verdicts that named them must be given again.
    """

    branch: str
    trials: int
    fetched: int = 0
    pushed: int = 0
    moved: int = 0


@dataclass(frozen=True)
class TrialsBranch:
    """Where the ledger is shared.

    Attributes:
        remote: a remote's name, a URL or a path.
        branch: the branch; made by the first push.
    """

    remote: str = REMOTE
    branch: str = BRANCH

    def pull(self, ledger: TrialLedger) -> Exchange:
        """Bring the branch's trials into the ledger; its own new ones follow them.

        Raises:
            InputError: where the remote can't be reached, or the branch is not as it was written; the ledger is then
                as it was.
        """
        with locked(ledger.folder / "exchange"), branch_of(self.remote, self.branch) as branch:
            return self._take(branch, branch.fetch(), ledger)

    def push(self, ledger: TrialLedger) -> Exchange:
        """Bring the ledger's trials onto the branch, behind whatever others brought there meanwhile.

        Raises:
            InputError: where the remote can't be reached or does not take them. The ledger keeps them for next time.
        """
        with locked(ledger.folder / "exchange"), branch_of(self.remote, self.branch) as branch:
            fetched = moved = refusals = 0
            for attempt in range(ATTEMPTS):
                tip = branch.fetch()
                taken = self._take(branch, tip, ledger)
                fetched, moved = fetched + taken.fetched, max(moved, taken.moved)
                entries = ledger.chain.entries()
                new = len(entries) - taken.trials
                if not new:
                    return Exchange(str(branch), len(entries), fetched, 0, moved)
                commit = branch.commit(
                    _files(branch, tip, ledger, entries), f"{new} trials, {len(entries)} in all", tip
                )
                refusal = branch.push(commit)
                if refusal is None:
                    return Exchange(str(branch), len(entries), fetched, new, moved)
                refusals += branch.tip() == tip
                if refusals >= REFUSALS:
                    raise _denied(branch, refusal)
                wait(attempt)
            raise InputError("others push all the time", where=str(branch), hint="try again later")

    def require_writable(self, ledger: TrialLedger) -> Exchange:
        """Pull, and make sure that a push will be taken, before anything takes time.

        Raises:
            InputError: where it will not: a look that can't be put on record must not be taken.
        """
        with locked(ledger.folder / "exchange"), branch_of(self.remote, self.branch) as branch:
            tip = branch.fetch()
            taken = self._take(branch, tip, ledger)
            refusal = branch.push(tip or branch.commit({}, "nothing yet", None), dry=True)
            if refusal is not None:
                raise _denied(branch, refusal)
            return taken

    def _take(self, branch: Branch, tip: str | None, ledger: TrialLedger) -> Exchange:
        """Let the ledger catch up with a commit of the branch."""
        files = branch.files(tip)
        theirs = entries_of(branch.read([files[FILE]])[0], where=f"{branch}: {FILE}") if FILE in files else []
        if tip is not None and FILE not in files:
            hint = f"give the ledger a branch of its own (default: {BRANCH})"
            raise InputError("the branch holds no trial ledger", where=str(branch), hint=hint)
        before = {entry["hash"] for entry in ledger.chain.entries()}
        _bring_returns(branch, files, theirs, ledger)
        moved = catch_up(ledger, theirs)
        new = sum(entry["hash"] not in before for entry in theirs)
        return Exchange(str(branch), len(theirs), fetched=new, moved=moved)


def wait(attempt: int) -> None:
    """Longer each time, and never as long as somebody else who was refused too."""
    time.sleep(random.uniform(0.5, 1.5) * min(0.1 * 2**attempt, 5.0))


def _bring_returns(branch: Branch, files: dict[str, str], theirs: list[Entry], ledger: TrialLedger) -> None:
    absent = [digest for digest in _digests(theirs) if not ledger.file(digest).is_file()]
    for digest in absent:
        if _name(digest) not in files:
            raise InputError(f"{_name(digest)} is missing", where=str(branch), hint="restore it from an earlier commit")
    for digest, content in zip(absent, branch.read([files[_name(digest)] for digest in absent]), strict=True):
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                f"{_name(digest)} was changed", where=str(branch), hint="restore it from an earlier commit"
            )
        ledger.keep_file(content)


def _files(branch: Branch, tip: str | None, ledger: TrialLedger, entries: list[Entry]) -> dict[str, Path]:
    there = branch.files(tip)
    new = {_name(digest): ledger.file(digest) for digest in _digests(entries) if _name(digest) not in there}
    return {FILE: ledger.chain.path, **new}


def _digests(entries: list[Entry]) -> list[str]:
    """SHA-256 of every file that entries name, each once."""
    return list(dict.fromkeys(digest for entry in entries for digest in Trial.from_entry(entry, where=FILE).files))


def _name(digest: str) -> str:
    return f"returns/{digest}.npy"


def _denied(branch: Branch, refusal: str) -> InputError:
    return InputError(
        f"trials can't be put on record there ({refusal})",
        where=str(branch),
        hint="no verdict is given without; it takes write access, which a pull request from a fork has not",
    )
