"""`rook-bench trials`: share the trial ledger with other clones and with CI."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.lazy import group_of, verbs_of
from rook_bench.cli.options import Json, Trials
from rook_bench.core.console import say, say_json
from rook_bench.core.project import trials_folder
from rook_bench.trials import TrialLedger
from rook_bench.workbench.trials_branch import BRANCH, REMOTE, Exchange, TrialsBranch
from rook_bench.workbench.tries import warn_of_moves

VERBS = verbs_of(
    ("pull", "trials:pull", "Bring the trials of others into the ledger."),
    ("push", "trials:push", "Bring the ledger's trials to the others."),
)

app = group_of(VERBS, "Share the trial ledger on a branch of a git remote that holds nothing else.")

Remote = Annotated[str, typer.Option("--remote", help="A remote's name, a URL or a path.")]
Branch = Annotated[str, typer.Option("--branch", help="The branch; the first push makes it.")]


def pull(remote: Remote = REMOTE, branch: Branch = BRANCH, trials: Trials = None, json: Json = False) -> None:
    """Bring the trials of others into the ledger; its own new ones follow them."""
    ledger = _ledger(trials)
    _tell(TrialsBranch(remote, branch).pull(ledger), ledger, json=json)


def push(remote: Remote = REMOTE, branch: Branch = BRANCH, trials: Trials = None, json: Json = False) -> None:
    """Bring the ledger's trials onto the branch, behind what others brought there meanwhile."""
    ledger = _ledger(trials)
    _tell(TrialsBranch(remote, branch).push(ledger), ledger, json=json)


def _ledger(trials: Path | None) -> TrialLedger:
    return TrialLedger(trials or trials_folder())


def _tell(done: Exchange, ledger: TrialLedger, *, json: bool) -> None:
    warn_of_moves(ledger, done.moved)
    if json:
        say_json(asdict(done))
        return
    say(f"{done.branch}: {done.trials} trials; {done.fetched} of them were new here, {done.pushed} were new there")
    say(f"trial ledger: {ledger.folder}, {len(ledger.chain.entries())} trials")
