"""Pictures of a verdict on a branch of their own, where a comment on a pull request can show them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.workbench.git import branch_of
from rook_bench.workbench.trials_branch import ATTEMPTS, REFUSALS, wait

BRANCH = "rook-bench-pictures"


def keep_pictures(pictures: Mapping[str, Path], remote: str, name: str = BRANCH) -> str:
    """Put files onto a branch that has no history in common with the code, behind what others put there.

    Args:
        pictures: files by their path on the branch.
        remote: a remote's name, a URL or a path; name: of the branch, made by the first push.

    Returns:
        The commit that holds them.

    Raises:
        InputError: where the remote can't be reached or does not take them.
    """
    with branch_of(remote, name) as branch:
        refusals = 0
        for attempt in range(ATTEMPTS):
            tip = branch.fetch()
            commit = branch.commit(pictures, f"{len(pictures)} pictures of a verdict", tip)
            refusal = branch.push(commit)
            if refusal is None:
                return commit
            refusals += branch.tip() == tip
            if refusals >= REFUSALS:
                hint = "it takes write access, which a pull request from a fork has not"
                raise InputError(f"pictures can't be put there ({refusal})", where=str(branch), hint=hint)
            wait(attempt)
        raise InputError("others push all the time", where=str(branch), hint="try again later")
