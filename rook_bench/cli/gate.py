"""`rook-bench gate`: a verdict that CI can act on, what a policy can resolve, and the gate itself on trial."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rook_bench.cli.data import AllowRounded, PoolChoice, read_input
from rook_bench.cli.evaluate import SOURCE_HELP, ConfigFile, Seed, Trials, print_tape, settings_of
from rook_bench.cli.output import err, on_terminal, remark, say, say_json

if TYPE_CHECKING:
    from rook_bench.config import BenchConfig
    from rook_bench.gates import Verdict
    from rook_bench.gates.plan import Plan
    from rook_bench.gates.selftest import SelfTest
    from rook_bench.market.frame import SwapFrame
    from rook_bench.metrics import Analysis

app = typer.Typer(
    help="Judge a candidate by a policy. Exit code 0 promote, 1 block, 2 inconclusive, 3 invalid.",
    rich_markup_mode=None,
)
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="What the candidate has to show (TOML, YAML or JSON).")
]
Models = Annotated[Path, typer.Option("--models", help="The models folder, which holds the promotion record.")]
CHAMPION = "champion"
"""The word that stands for the promoted champion."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


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
    models: Models = Path("models"),
    trials: Trials = None,
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
    json: Annotated[bool, typer.Option("--json", help="Print verdict.json and nothing else.")] = False,
) -> int | None:
    """Judge a candidate by a policy. Exit code 0 promote, 1 block, 2 inconclusive, 3 invalid."""
    if context.invoked_subcommand is not None:
        return None
    policy, candidate, out = _needed(policy=policy, candidate=candidate, out=out)

    from rook_bench.cli.comparison import save_comparison, title_of
    from rook_bench.cli.trials import history_of, looks_of, record_trials
    from rook_bench.core import ConfigError
    from rook_bench.core.files import check_replaceable, whole_folder
    from rook_bench.gates import judge, load_policy, load_waiver
    from rook_bench.trials import TrialLedger

    check_replaceable(out)
    if candidate == CHAMPION:
        raise ConfigError("the promoted champion can't be its own candidate", where="--candidate", hint="name a source")
    rules = load_policy(policy)
    waivers = [load_waiver(path) for path in waiver or ()]
    promoted = champion == CHAMPION
    if champion is not None:
        champion = _champion(champion, models)
    named = [candidate] if champion is None else [candidate, champion]
    if data is None:
        analyses = _against_promoted(candidate, named[1]) if promoted else _from_runs(named)
    else:
        frame = read_input(data, pool, allow_rounded=allow_rounded)
        analyses = _from_sources(named, frame, settings_of(config, seed))
    against = analyses[1] if champion is not None else None
    ledger = TrialLedger(trials)
    # The look is on record before the verdict is known, whatever becomes of it.
    record_trials(ledger, analyses, "gate", asked=len(named), known=[against] if promoted and against else [])
    history = history_of(ledger, analyses[0], against)
    verdict = judge(rules, analyses[0], against, history=history, waivers=waivers)
    with whole_folder(out) as aside:
        shown = _on_one_tape(analyses)
        title = f"Gate: {title_of(analyses)}"
        record = save_comparison(shown, aside, title=title, verdict=verdict, looks=looks_of(history))
    if json:
        say_json(record)
    else:
        print_tape(analyses)
        print_verdict(verdict)
        say(f"verdict: {out / 'verdict.json'}")
        say(f"report: {out / 'report.html'}")
    return verdict.exit_code


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
    from rook_bench.core import ConfigError
    from rook_bench.gates import load_policy
    from rook_bench.gates.plan import daily_volatility, make_plan

    (policy,) = _needed(policy=policy)
    rules = load_policy(policy)
    if (data is None) == (volatility_bps is None):
        raise ConfigError("give either --data or --volatility-bps", where="gate plan", hint="see gate plan --help")
    origin = "as given"
    if data is not None:
        frame = read_input(data, pool, allow_rounded=allow_rounded)
        settings = settings_of(config, seed)
        other = _champion(champion)
        pilot = _pilot(frame, settings, other, candidate)
        volatility_bps = daily_volatility(*pilot)
        origin = f"{pilot[0].name} against {pilot[1].name} on {data}, {frame.span_s / 86_400:.1f} days"
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
    from rich.progress import Progress

    from rook_bench.gates import load_policy
    from rook_bench.gates.selftest import run_selftest

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


def rejudge(folder: Path, trials: Path | None = None) -> dict[str, Any]:
    """Judge again what lies in the folder of a gate: its runs, the policy and the waivers of its verdict.

    Nothing that the verdict says is taken for granted: runs are checked and replayed, sources asked
    again about the past, and the trial ledger is read up to the entry that it then ended with.

    Raises:
        InputError: where something is missing or does not match its hash.
    """
    from rook_bench.cli.comparison import with_folders
    from rook_bench.cli.trials import history_of
    from rook_bench.gates import Policy, Waiver, judge
    from rook_bench.promotion import read_verdict
    from rook_bench.trials import TrialLedger

    record = read_verdict(folder / "verdict.json")
    asked = {name: value for name, value in record["policy"].items() if name != "hash"}
    policy = Policy.parse(asked, where=folder / "verdict.json")
    sides = [record["candidate"], record["champion"]]
    analyses = _from_runs([str(folder / side["run"]) for side in sides if side is not None])
    against = analyses[1] if record["champion"] is not None else None
    history = None
    if record["trials"] is not None:
        history = history_of(TrialLedger(trials), analyses[0], against, upto=record["trials"]["head"])
    verdict = judge(
        policy,
        analyses[0],
        against,
        history=history,
        waivers=[Waiver.from_json(waiver) for waiver in record["waivers"]],
        judged_at=datetime.fromisoformat(record["judged_at"]),
    )
    return with_folders(verdict.to_json(), {side["run_hash"]: side["run"] for side in sides if side is not None})


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
    from rich import box
    from rich.console import Console
    from rich.table import Table

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
    from rich import box
    from rich.console import Console
    from rich.table import Table

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
    from rook_bench.core import ConfigError

    for name, value in options.items():
        if value is None:
            raise ConfigError(f"--{name} is missing", where="gate", hint="see rook-bench gate --help")
    return tuple(options.values())


def _champion(reference: str, models: Path = Path("models")) -> str:
    """The promoted champion's source for the word 'champion', else the reference as it is."""
    if reference != CHAMPION:
        return reference
    from rook_bench.promotion import resolve_champion

    return resolve_champion(models)


def _pilot(frame: SwapFrame, settings: BenchConfig, champion: str, candidate: str | None) -> tuple[Analysis, Analysis]:
    """A pair of runs to learn from how much a difference varies: a stand-in for the candidate, and the champion."""
    from rook_bench.cli.comparison import compare_sources

    theirs = compare_sources(frame, [champion], settings, benchmarks=False)[0]
    rate = theirs.run.decided.tape.action_rate
    other = candidate or f"random:{rate if 0 < rate < 1 else 0.1:.3f}"
    return compare_sources(frame, [other], settings, benchmarks=False)[0], theirs


def _from_runs(named: list[str]) -> list[Analysis]:
    """Runs from disk, replayed and measured; the first one's source is asked again."""
    from rook_bench.cli.comparison import load_analysis
    from rook_bench.core import InputError

    for folder in named:
        if not Path(folder).is_dir():
            raise InputError(
                f"'{folder}' is no run folder", where="gate", hint="to judge a source, give its tape with --data"
            )
    return [looked_at_again(load_analysis(Path(folder))) for folder in named]


def looked_at_again(analysis: Analysis) -> Analysis:
    """The same with a look-ahead check at places that nobody can know beforehand."""
    from dataclasses import replace

    import numpy as np

    from rook_bench.replay.engine import look_again

    lookahead = look_again(analysis.run, np.random.default_rng())
    return replace(analysis, run=replace(analysis.run, lookahead=lookahead))


def _from_sources(named: list[str], frame: SwapFrame, settings: BenchConfig) -> list[Analysis]:
    from rook_bench.cli.comparison import compare_sources

    analyses = compare_sources(frame, named, settings)
    analyses[0] = looked_at_again(analyses[0])
    # A champion named like the candidate is compared with itself, which the checks refuse.
    return analyses if len(set(named)) == len(named) else [analyses[0], *analyses]


def _against_promoted(candidate: str, champion: str) -> list[Analysis]:
    """A run from disk, and the promoted champion replayed on its tape under its assumptions."""
    from rook_bench.metrics import analyse
    from rook_bench.replay import replay

    (mine,) = _from_runs([candidate])
    theirs = replay(mine.run.frame, champion, mine.run.config, tape_check=mine.run.tape_check)
    return [mine, analyse(theirs, mine.clock)]


def _on_one_tape(analyses: list[Analysis]) -> list[Analysis]:
    """Those on the candidate's tape, each source once; runs on another tape can't share its report."""
    first = analyses[0]
    seen, kept = set(), []
    for analysis in analyses:
        if analysis.run.frame.data_hash == first.run.frame.data_hash and analysis.run.run_hash not in seen:
            seen.add(analysis.run.run_hash)
            kept.append(analysis)
    return kept


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
