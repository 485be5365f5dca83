"""`decide`, `replay`, `compare` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rook_bench.cli.data import AllowRounded, Out, PoolChoice, read_input
from rook_bench.cli.output import on_terminal, remark, say, say_json

if TYPE_CHECKING:
    from rook_bench.config import BenchConfig
    from rook_bench.metrics import Analysis
    from rook_bench.trials.trial import Kind

Input = Annotated[Path, typer.Argument(metavar="INPUT", help="A tape, a log file, a ROOK folder or a test.csv(.gz).")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="Capital, risk, costs, clock (TOML, YAML or JSON).")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of sources that draw random numbers.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ask the source again even if its decisions are kept.")]
SOURCE_HELP = "name, name:argument (rules:FILE, lora:DIR, random:0.2, recorded:FILE) or path.py@name."
Trials = Annotated[Path | None, typer.Option("--trials", help="Folder of the trial ledger; models/trials by default.")]
Engine = Annotated[
    str | None, typer.Option("--engine", help="How language models compute: torch, fp32, bf16 or int8 (torch).")
]
Mode = Annotated[
    str | None,
    typer.Option("--mode", help="How language models are asked: score, or generate (free text, strictly read)."),
]


def decide(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    data: Input,
    out: Out,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of sources that draw random numbers.")] = 0,
    fresh: Fresh = False,
    engine: Engine = None,
    mode: Mode = None,
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
) -> None:
    """Ask a source once and save its decisions."""
    from rook_bench.sources import Source
    from rook_bench.sources import decide as ask
    from rook_bench.sources.decide import decision_facts
    from rook_bench.sources.saved import write_decisions

    chosen, frame = (
        Source.parse(asked_by([source], engine, mode)[0]),
        read_input(data, pool, allow_rounded=allow_rounded),
    )
    decided = ask(chosen, frame, seed=seed, progress=on_terminal(), fresh=fresh)
    write_decisions(decided.tape, out, decision_facts(chosen, frame, seed))
    for note in decided.notes:
        remark(note)
    counts = ", ".join(f"{name} {count}" for name, count in decided.tape.counts().items())
    say(f"{len(frame)} decisions: {counts}" + (" (reused)" if decided.reused else ""))
    say(f"decisions: {out}")


def replay(
    data: Input,
    source: Annotated[str, typer.Option("--source", help=SOURCE_HELP)],
    out: Out,
    config: ConfigFile = None,
    seed: Seed = None,
    fresh: Fresh = False,
    engine: Engine = None,
    mode: Mode = None,
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
    trials: Trials = None,
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON and nothing else.")] = False,
) -> None:
    """Replay one source on a tape: orders, fills with every cost, P&L, report."""
    from rook_bench.cli.comparison import compare_sources, save_single
    from rook_bench.core.files import check_replaceable, whole_folder

    check_replaceable(out)
    settings = settings_of(config, seed)
    analysis = compare_sources(
        read_input(data, pool, allow_rounded=allow_rounded),
        asked_by([source], engine, mode),
        settings,
        benchmarks=False,
        fresh=fresh,
    )[0]
    history = _on_record([analysis], "replay", trials, asked=1)
    with whole_folder(out) as aside:
        save_single(analysis, aside, looks=history)
    if json:
        say_json(analysis.to_json())
        return
    print_tape([analysis])
    print_table([analysis])
    say(f"report: {out / 'report.html'}")


def compare(
    data: Input,
    source: Annotated[
        list[str], typer.Option("--source", help=SOURCE_HELP + " Repeat for several; the first is the candidate.")
    ],
    out: Out,
    config: ConfigFile = None,
    seed: Seed = None,
    fresh: Fresh = False,
    engine: Engine = None,
    mode: Mode = None,
    benchmarks: Annotated[
        bool, typer.Option(help="Add holding the initial mix, and chance at the first source's rate.")
    ] = True,
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
    trials: Trials = None,
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON and nothing else.")] = False,
) -> None:
    """Put several sources side by side on the same rows, in one report."""
    from rook_bench.cli.comparison import compare_sources, save_comparison, title_of
    from rook_bench.core.files import check_replaceable, whole_folder

    check_replaceable(out)
    settings = settings_of(config, seed)
    analyses = compare_sources(
        read_input(data, pool, allow_rounded=allow_rounded),
        asked_by(source, engine, mode),
        settings,
        benchmarks=benchmarks,
        fresh=fresh,
    )
    history = _on_record(analyses, "compare", trials, asked=len(set(source)))
    with whole_folder(out) as aside:
        save_comparison(analyses, aside, title=title_of(analyses), looks=history)
    if json:
        say_json({analysis.name: analysis.to_json() for analysis in analyses})
        return
    print_tape(analyses)
    print_table(analyses)
    say(f"report: {out / 'report.html'}")


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN_OR_DIR", help="A run, or the folder of a comparison or a gate.")
    ],
) -> None:
    """Write the report of a run or a comparison again, from the run itself."""
    import json
    import tempfile

    from rook_bench.cli.comparison import load_analyses
    from rook_bench.report import write_report

    analyses, title = load_analyses(folder)
    verdict = folder / "verdict.json"
    judged = json.loads(verdict.read_text(encoding="utf-8")) if verdict.exists() else None
    seen = folder / "looks.json"
    looks = json.loads(seen.read_text(encoding="utf-8")) if seen.exists() else None
    with tempfile.TemporaryDirectory(prefix=".report.", dir=folder) as aside:
        write_report(analyses, Path(aside), title=title, verdict=judged, looks=looks)
        for file in Path(aside).iterdir():
            file.replace(folder / file.name)
    remark("the run was checked against its hashes and replayed")
    say(f"report: {folder / 'report.html'}")


def _on_record(analyses: list[Analysis], kind: Kind, trials: Path | None, *, asked: int) -> dict[str, Any]:
    """Put the evaluations into the trial ledger; what a report then says about looks."""
    from rook_bench.cli.trials import history_of, looks_of, record_trials
    from rook_bench.trials import TrialLedger

    ledger = TrialLedger(trials)
    record_trials(ledger, analyses, kind, asked=asked)
    return looks_of(history_of(ledger, analyses[0], None))


def asked_by(references: list[str], engine: str | None, mode: str | None) -> list[str]:
    """The references, with engine and mode given to those that are language models."""
    from rook_bench.core import ConfigError
    from rook_bench.sources import Source

    given = ",".join(f"{key}={value}" for key, value in (("engine", engine), ("mode", mode)) if value is not None)
    if not given:
        return references
    models = [Source.parse(reference).language_model for reference in references]
    if not any(models):
        raise ConfigError("none of the sources is a language model", where=f"--{given.split('=')[0]}", hint="drop it")
    return [f"{reference},{given}" if model else reference for reference, model in zip(references, models, strict=True)]


def settings_of(config: Path | None, seed: int | None) -> BenchConfig:
    """The configuration file's settings, with the seed of the command line if there is one."""
    from rook_bench.config import load_config

    settings = load_config(config)
    return settings if seed is None else settings.model_copy(update={"seed": seed})


TABLE = (
    ("net", "total_return", "{:+.2%}"),
    ("gross", "gross_return", "{:+.2%}"),
    ("vs hold", "excess_return", "{:+.2%}"),
    ("Sharpe", "sharpe_ratio", "{:+.1f}"),
    ("drawdown", "max_drawdown", "{:.2%}"),
    ("fills/day", "trading_frequency", "{:,.0f}"),
    ("cost bps", "cost_per_turnover", "{:.1f}"),
    ("actions", "action_rate", "{:.1%}"),
)
"""Column, metric and format of the table that the verbs print; the report has all of it."""


def print_tape(analyses: list[Analysis]) -> None:
    """How far the tape can be trusted, before any result made from it."""
    from rook_bench.market.tape_check import describe

    for line in describe(analyses[0].run.tape_check):
        if not line.startswith(("tape ", "gaps ", "repeats ")):
            say(line)


def print_table(analyses: list[Analysis]) -> None:
    """The main figures of each source; undefined ones say so."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("source", overflow="fold")
    for title, _, _ in TABLE:
        table.add_column(title, justify="right", no_wrap=True)
    for analysis in analyses:
        cells = []
        for _, name, pattern in TABLE:
            value = analysis.estimates[name].value
            cells.append("undefined" if value is None else pattern.format(value))
        mark = {"declared": " (unreachable bound)", "leak": " (LOOK-AHEAD)"}.get(analysis.run.lookahead.status, "")
        table.add_row(analysis.name + mark, *cells)
    Console(highlight=False, width=None if on_terminal() else 120).print(table)
    frame, clock = analyses[0].run.frame, analyses[0].clock
    hours = frame.span_s / 3600
    say(f"{len(frame):,} swaps over {hours:,.1f} hours; Sharpe on {clock.label} returns, annualised with 365 days")
