"""`rook-bench gate`: a verdict that CI can act on."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.cli.lazy import lazy_group, verbs_of
from rook_bench.cli.options import (
    SOURCE_HELP,
    AllowPlugin,
    AllowRounded,
    BaseChoice,
    ConfigFiles,
    Limit,
    MinSwaps,
    Models,
    NodeOfSession,
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
from rook_bench.cli.tape import only, read_part, read_several, refuse_part, refuse_with_several
from rook_bench.cli.tracking import put, tracking
from rook_bench.core.console import say, say_json
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.gates import Check, Verdict
from rook_bench.gates.pools import PoolsVerdict
from rook_bench.workbench import judge as bench
from rook_bench.workbench.judge_pools import judge_pools
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
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="The tape on which sources are replayed; repeat for several pools."),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    split: Split = None,
    prepared: Prepared = None,
    config: ConfigFiles = None,
    seed: Seed = None,
    transfer: Transfer = False,
    waiver: Annotated[list[Path] | None, typer.Option("--waiver", help="A waiver file; repeat for several.")] = None,
    models: Models = None,
    trials: Trials = None,
    trials_remote: TrialsRemote = None,
    trials_branch: TrialsBranchName = BRANCH,
    pool: PoolChoice = None,
    min_swaps: MinSwaps = None,
    base: BaseChoice = None,
    reference: References = None,
    allow_rounded: AllowRounded = False,
    live: Annotated[
        Path | None,
        typer.Option("--live", metavar="DIR", help="A live session of the candidate, where the policy asks for one."),
    ] = None,
    rpc: NodeOfSession = None,
    allow_plugin: AllowPlugin = None,
    track: Track = None,
    json: Annotated[bool, typer.Option("--json", help="Print verdict.json and nothing else.")] = False,
) -> int | None:
    """Judge a candidate by a policy, on several tapes for each pool. Exit code 0 promote, 1 block, 2 inconclusive, 3
    invalid."""
    if context.invoked_subcommand is not None:
        return None
    policy, candidate, out = needed("gate", policy=policy, candidate=candidate, out=out)
    check_replaceable(out)
    tracker = tracking(track)
    part = {"since": since, "until": until, "limit": limit, "split": split, "prepared": prepared}
    if data is None:
        refuse_part(part)
    asked: dict[str, Any] = {
        "seed": seed,
        "transfer": transfer,
        "waivers": waiver or (),
        "models": models,
        "trials": trials,
        "shared": None if trials_remote is None else TrialsBranch(trials_remote, trials_branch),
        "allow_plugins": allow_plugin or (),
    }
    if data is not None and (len(data) > 1 or min_swaps is not None):
        one_tape = {"--pool": pool, "--base": base, "--split": split, "--prepared": prepared, "--track": track}
        refuse_with_several(one_tape | {"--live": live})
        taken = {name: part[name] for name in ("since", "until", "limit")}
        tapes = read_several(data, min_swaps, allow_rounded, reference, **taken)
        over = judge_pools(policy, candidate, champion, tapes=tapes, config=config, **asked)
        with whole_folder(out) as aside:
            record = over.write(aside)
        if not json:
            print_pools(over.verdict)
        return _said(out, record, over.exit_code, json)
    tape = None if data is None else partial(read_part, data[0], pool, allow_rounded, base, reference, **part)
    asked |= {"live": live, "rpc": rpc}
    judged = bench.judge(policy, candidate, champion, tape=tape, config=only(config, "--config"), **asked)
    with whole_folder(out) as aside:
        record = judged.write(aside)
    put(tracker, out)
    if not json:
        print_tape(judged.evaluations[0].run.tape_check)
        print_verdict(judged.verdict)
    return _said(out, record, judged.exit_code, json)


def _said(out: Path, record: dict[str, Any], exit_code: int, json: bool) -> int:
    """Print the verdict as JSON, or where it lies; its exit code."""
    if json:
        say_json(record)
    else:
        say(f"verdict file: {out / 'verdict.json'}")
        say(f"report: {out / 'report.html'}")
    return exit_code


MARKS = {"pass": "ok", "fail": "FAIL", "inconclusive": "?", "invalid": "INVALID", "skipped": "-", "info": "i"}


def print_pools(verdict: PoolsVerdict) -> None:
    """Of each pool the verdict and the checks that keep it from being promoted, then the purse's, for a person."""
    for name, one in zip(verdict.pools, verdict.verdicts, strict=True):
        held = sum(check.status in ("pass", "info", "skipped") for check in one.checks)
        say(f"{name}: {one.verdict} ({held} of {len(one.checks)} checks hold, or inform)")
        _print_checks([check for check in one.checks if check.status not in ("pass", "info", "skipped")])
    names = ", ".join(verdict.pools[place] for place in verdict.over)
    say(f"one purse over {names}{'' if len(verdict.wanted) > 1 else ' (for information)'}:")
    _print_checks(verdict.purse)
    say(f"verdict: {verdict.verdict} ({verdict.policy.name})")
    for reason in verdict.reasons:
        say(f"  {reason}")


def _print_checks(checks: Iterable[Check]) -> None:
    for check in checks:
        say(f"  {MARKS.get(check.status, check.status):<8}{check.name}: {check.text}")


def print_verdict(verdict: Verdict) -> None:
    """The verdict, its checks and the reasons, for a person."""
    _print_checks(verdict.checks)
    if verdict.trials is not None:
        looks, candidates = verdict.trials["looks"], verdict.trials["candidates"]
        say(f"  this stretch of the pool was looked at {_times(looks)}, with {_count(candidates, 'candidate')}")
    say(f"verdict: {verdict.verdict} ({verdict.policy.name})")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
