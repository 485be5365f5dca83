"""`decide`, `replay`, `compare` and `report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rook_bench.cli.options import (
    SOURCE_HELP,
    AllowRounded,
    ConfigFile,
    Engine,
    Fresh,
    Input,
    Mode,
    Out,
    PoolChoice,
    Seed,
    Trials,
)
from rook_bench.cli.tables import print_table, print_tape
from rook_bench.core.console import on_terminal, remark, say, say_json
from rook_bench.ingest.importing import read_input
from rook_bench.workbench.compare import asked_by
from rook_bench.workbench.config import settings_of

if TYPE_CHECKING:
    from rook_bench.metrics import Analysis
    from rook_bench.trials.trial import Kind


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
    from rook_bench.core.files import check_replaceable, whole_folder
    from rook_bench.workbench.compare import compare_sources, save_single

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
    from rook_bench.core.files import check_replaceable, whole_folder
    from rook_bench.workbench.compare import compare_sources, save_comparison, title_of

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

    from rook_bench.report import write_report
    from rook_bench.workbench.compare import load_analyses

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
    from rook_bench.trials import TrialLedger
    from rook_bench.workbench.tries import looks_of, record_trials, tries_of

    ledger = TrialLedger(trials)
    record_trials(ledger, analyses, kind, asked=asked)
    return looks_of(tries_of(ledger, analyses[0], None))
