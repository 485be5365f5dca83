"""`rook-bench gate`: a verdict that CI can act on, what a policy can resolve, and the gate itself on trial."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from rook_bench.cli.options import (
    SOURCE_HELP,
    AllowRounded,
    ConfigFile,
    Json,
    Models,
    PolicyFile,
    PoolChoice,
    Seed,
    Trials,
)
from rook_bench.cli.tables import print_tape
from rook_bench.core import ConfigError
from rook_bench.core.console import err, on_terminal, remark, say, say_json
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.gates import Verdict, load_policy
from rook_bench.gates.plan import Plan, daily_volatility, make_plan
from rook_bench.gates.selftest import SelfTest, run_selftest
from rook_bench.ingest.importing import read_input
from rook_bench.workbench import judge as bench

app = typer.Typer(
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
    config: ConfigFile = None,
    seed: Seed = None,
    waiver: Annotated[list[Path] | None, typer.Option("--waiver", help="A waiver file; repeat for several.")] = None,
    models: Models = None,
    trials: Trials = None,
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
    json: Annotated[bool, typer.Option("--json", help="Print verdict.json and nothing else.")] = False,
) -> int | None:
    """Judge a candidate by a policy. Exit code 0 promote, 1 block, 2 inconclusive, 3 invalid."""
    if context.invoked_subcommand is not None:
        return None
    policy, candidate, out = _needed(policy=policy, candidate=candidate, out=out)
    check_replaceable(out)
    tape = None if data is None else read_input(data, pool, allow_rounded=allow_rounded)
    judged = bench.judge(
        policy,
        candidate,
        champion,
        tape=tape,
        config=config,
        seed=seed,
        waivers=waiver or (),
        models=models,
        trials=trials,
    )
    with whole_folder(out) as aside:
        record = judged.write(aside)
    if json:
        say_json(record)
    else:
        print_tape(judged.evaluations[0].run.tape_check)
        print_verdict(judged.verdict)
        say(f"verdict: {out / 'verdict.json'}")
        say(f"report: {out / 'report.html'}")
    return judged.exit_code


@app.command()
def plan(
    policy: PolicyFile = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="A tape to learn from how much the difference varies; not the held-out one."),
    ] = None,
    champion: Annotated[str, typer.Option("--champion", help="The champion, a SOURCE.")] = "hold",
    candidate: Annotated[
        str | None,
        typer.Option(
            "--candidate", help="A SOURCE like the candidate; by default chance at the champion's action rate."
        ),
    ] = None,
    volatility_bps: Annotated[
        float | None,
        typer.Option(
            "--volatility-bps", min=0.0, help="Standard deviation of the daily difference, in place of --data."
        ),
    ] = None,
    days: Annotated[
        list[float] | None, typer.Option("--days", min=0.0, help="Lengths of tape to plan for; repeat for several.")
    ] = None,
    config: ConfigFile = None,
    seed: Seed = None,
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
    json: Json = False,
) -> None:
    """Say which effect a policy can resolve on how much tape, before anything is judged."""
    (policy,) = _needed(policy=policy)
    rules = load_policy(policy)
    if (data is None) == (volatility_bps is None):
        raise ConfigError("give either --data or --volatility-bps", where="gate plan", hint="see gate plan --help")
    origin = "as given"
    if data is not None:
        frame = read_input(data, pool, allow_rounded=allow_rounded)
        mine, theirs = bench.pilot(frame, champion, candidate, config, seed=seed)
        volatility_bps = daily_volatility(mine, theirs)
        origin = f"{mine.name} against {theirs.name} on {data}, {frame.span_s / 86_400:.1f} days"
    assert volatility_bps is not None
    planned = make_plan(rules, volatility_bps, origin, tuple(days or ()))
    if json:
        say_json(planned.to_json())
    else:
        print_plan(planned)


@app.command()
def selftest(
    policy: PolicyFile = None,
    evaluations: Annotated[
        int, typer.Option("--evaluations", min=20, help="Evaluations of the candidate without edge, at least.")
    ] = 500,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated tapes and candidates.")] = 0,
    processes: Annotated[int, typer.Option("--processes", min=1, help="Worlds evaluated at the same time.")] = 2,
    json: Json = False,
) -> int:
    """Judge planted candidates whose worth is known, and measure how often the gate errs. Exit code 1 if too often."""
    rules = None if policy is None else load_policy(policy)
    with Progress(console=err, transient=True, disable=not on_terminal()) as bar:
        task = bar.add_task("worlds", total=None)

        def done(finished: int, worlds: int) -> None:
            bar.update(task, completed=finished, total=worlds)
            if not on_terminal() and finished % 5 == 0:
                remark(f"{finished} of {worlds} simulated tapes done")

        result = run_selftest(rules, evaluations=evaluations, seed=seed, processes=processes, done=done)
    if json:
        say_json(result.to_json() | {"sound": result.sound})
    else:
        print_selftest(result)
    return 0 if result.sound else 1


def print_verdict(verdict: Verdict) -> None:
    """The verdict, its checks and the reasons, for a person."""
    marks = {"pass": "ok", "fail": "FAIL", "inconclusive": "?", "invalid": "INVALID", "skipped": "-", "info": "i"}
    for check in verdict.checks:
        say(f"  {marks.get(check.status, check.status):<8}{check.name}: {check.detail}")
    if verdict.trials is not None:
        looks, candidates = verdict.trials["looks"], verdict.trials["candidates"]
        say(f"  this stretch of the pool was looked at {_times(looks)}, with {_count(candidates, 'candidate')}")
    say(f"verdict: {verdict.verdict} ({verdict.policy.name})")


def print_plan(planned: Plan) -> None:
    """What the policy can resolve, for a person."""
    for line in planned.lines:
        say(line)
    console = Console(highlight=False, width=None if on_terminal() else 120)
    for title, columns, rows in planned.tables:
        say()
        say(title)
        table = Table(box=box.SIMPLE_HEAD)
        for name in columns:
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(*row)
        console.print(table)


def print_selftest(result: SelfTest) -> None:
    """The table of error rates, and the sentence that sums it up."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("planted", no_wrap=True)
    table.add_column("what it is", overflow="fold")
    for name in ("n", "PROMOTE", "BLOCK", "INCONCL.", "INVALID", "wrong", "95% interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for cells in result.table():
        table.add_row(*cells)
    Console(highlight=False, width=None if on_terminal() else 140).print(table)
    for line in result.sentences():
        say(line)


def _needed(**options: Any) -> tuple[Any, ...]:
    """The options' values; ConfigError names the first that is missing."""
    for name, value in options.items():
        if value is None:
            raise ConfigError(f"--{name} is missing", where="gate", hint="see rook-bench gate --help")
    return tuple(options.values())


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
