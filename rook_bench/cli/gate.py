"""`rook-bench gate`: a verdict that CI can act on."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.lazy import lazy_group, verbs_of
from rook_bench.cli.options import (
    SOURCE_HELP,
    AllowPlugin,
    AllowRounded,
    BaseChoice,
    ConfigFile,
    Limit,
    Models,
    PolicyFile,
    PoolChoice,
    Prepared,
    References,
    Seed,
    Since,
    Split,
    Track,
    Transfer,
    Trials,
    TrialsBranchName,
    TrialsRemote,
    Until,
    needed,
)
from rook_bench.cli.tables import print_tape
from rook_bench.cli.tape import read_part, refuse_part
from rook_bench.cli.tracking import put, tracking
from rook_bench.core.console import say, say_json
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.gates import Verdict
from rook_bench.workbench import judge as bench
from rook_bench.workbench.trials_branch import BRANCH, TrialsBranch

VERBS = verbs_of(
    ("plan", "gate_plan:plan", "What a policy can resolve on how much tape."),
    ("comment", "gate_comment:comment", "The verdict as a comment on a pull request."),
    ("selftest", "gate_selftest:selftest", "The gate on trial: how often it errs."),
)

app = typer.Typer(
    cls=lazy_group(VERBS),
    help="Judge a candidate by a policy. Exit code 0 promote, 1 block, 2 inconclusive, 3 invalid.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def gate(
    context: typer.Context,
    policy: PolicyFile = None,
    candidate: Annotated[
        str | None, typer.Option("--candidate", help="A run folder; with --data, a SOURCE: " + SOURCE_HELP)
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to; replaced if rook-bench wrote it.")
    ] = None,
    champion: Annotated[
        str | None,
        typer.Option("--champion", help="What it has to beat, in the same form; 'champion' is the promoted one."),
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", help="The tape on which sources are replayed.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    split: Split = None,
    prepared: Prepared = None,
    config: ConfigFile = None,
    seed: Seed = None,
    transfer: Transfer = False,
    waiver: Annotated[list[Path] | None, typer.Option("--waiver", help="A waiver file; repeat for several.")] = None,
    models: Models = None,
    trials: Trials = None,
    trials_remote: TrialsRemote = None,
    trials_branch: TrialsBranchName = BRANCH,
    pool: PoolChoice = None,
    base: BaseChoice = None,
    reference: References = None,
    allow_rounded: AllowRounded = False,
    allow_plugin: AllowPlugin = None,
    track: Track = None,
    json: Annotated[bool, typer.Option("--json", help="Print verdict.json and nothing else.")] = False,
) -> int | None:
    """Judge a candidate by a policy. Exit code 0 promote, 1 block, 2 inconclusive, 3 invalid."""
    if context.invoked_subcommand is not None:
        return None
    policy, candidate, out = needed("gate", policy=policy, candidate=candidate, out=out)
    check_replaceable(out)
    tracker = tracking(track)
    part = {"since": since, "until": until, "limit": limit, "split": split, "prepared": prepared}
    if data is None:
        refuse_part(part)
    judged = bench.judge(
        policy,
        candidate,
        champion,
        tape=None if data is None else partial(read_part, data, pool, allow_rounded, base, reference, **part),
        config=config,
        seed=seed,
        transfer=transfer,
        waivers=waiver or (),
        models=models,
        trials=trials,
        shared=None if trials_remote is None else TrialsBranch(trials_remote, trials_branch),
        allow_plugins=allow_plugin or (),
    )
    with whole_folder(out) as aside:
        record = judged.write(aside)
    put(tracker, out)
    if json:
        say_json(record)
    else:
        print_tape(judged.evaluations[0].run.tape_check)
        print_verdict(judged.verdict)
        say(f"verdict file: {out / 'verdict.json'}")
        say(f"report: {out / 'report.html'}")
    return judged.exit_code


def print_verdict(verdict: Verdict) -> None:
    """The verdict, its checks and the reasons, for a person."""
    marks = {"pass": "ok", "fail": "FAIL", "inconclusive": "?", "invalid": "INVALID", "skipped": "-", "info": "i"}
    for check in verdict.checks:
        say(f"  {marks.get(check.status, check.status):<8}{check.name}: {check.text}")
    if verdict.trials is not None:
        looks, candidates = verdict.trials["looks"], verdict.trials["candidates"]
        say(f"  this stretch of the pool was looked at {_times(looks)}, with {_count(candidates, 'candidate')}")
    say(f"verdict: {verdict.verdict} ({verdict.policy.name})")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
