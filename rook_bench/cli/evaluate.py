"""`decide`, `replay`, `compare` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import (
    SOURCE_HELP,
    AllowRounded,
    ConfigFile,
    Engine,
    Fresh,
    Input,
    Json,
    Mode,
    Out,
    PoolChoice,
    Seed,
    Trials,
)
from rook_bench.cli.tables import print_table, print_tape
from rook_bench.core.console import on_terminal, remark, say, say_json
from rook_bench.core.files import check_replaceable
from rook_bench.ingest.importing import read_input
from rook_bench.sources import decide as ask
from rook_bench.sources.decide import decision_facts
from rook_bench.sources.saved import write_decisions
from rook_bench.workbench import compare as bench
from rook_bench.workbench.folder import report_again
from rook_bench.workbench.running import named, with_options


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
    ((_, chosen),) = named(with_options([source], engine, mode))
    frame = read_input(data, pool, allow_rounded=allow_rounded)
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
    json: Json = False,
) -> None:
    """Replay one source on a tape: orders, fills with every cost, P&L, report."""
    check_replaceable(out)
    (asked,) = with_options([source], engine, mode)
    tape = read_input(data, pool, allow_rounded=allow_rounded)
    evaluation = bench.evaluate(tape, asked, config, seed=seed, fresh=fresh, trials=trials)
    report = evaluation.save(out)
    if json:
        say_json(evaluation.to_json())
        return
    print_tape(evaluation.run.tape_check)
    print_table([evaluation])
    say(f"report: {report}")


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
    json: Json = False,
) -> None:
    """Put several sources side by side on the same rows, in one report."""
    check_replaceable(out)
    asked = with_options(source, engine, mode)
    tape = read_input(data, pool, allow_rounded=allow_rounded)
    comparison = bench.compare(tape, asked, config, benchmarks=benchmarks, seed=seed, fresh=fresh, trials=trials)
    report = comparison.save(out)
    if json:
        say_json({evaluation.name: evaluation.to_json() for evaluation in comparison})
        return
    print_tape(comparison[0].run.tape_check)
    print_table(comparison)
    say(f"report: {report}")


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN_OR_DIR", help="A run, or the folder of a comparison or a gate.")
    ],
) -> None:
    """Write the report of a run or a comparison again, from the run itself."""
    page = report_again(folder)
    remark("the run was checked against its hashes and replayed")
    say(f"report: {page}")
