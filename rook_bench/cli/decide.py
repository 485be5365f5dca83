"""`rook-bench decide`: a source's decisions, asked once and saved."""

from __future__ import annotations

from typing import Annotated

import typer

from rook_bench.cli.options import (
    SOURCE_HELP,
    AllowRounded,
    BaseChoice,
    DecisionsFile,
    Engine,
    Fresh,
    Input,
    Limit,
    Mode,
    PoolChoice,
    Prepared,
    Since,
    Split,
    Transfer,
    Until,
)
from rook_bench.cli.tape import read_part
from rook_bench.core.console import on_terminal, remark, say
from rook_bench.sources import decide as ask
from rook_bench.sources.decide import decision_facts
from rook_bench.workbench.decisions import check_format, save_decisions
from rook_bench.workbench.running import named, silence_of, with_options


def decide(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=SOURCE_HELP)],
    data: Input,
    out: DecisionsFile,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    split: Split = None,
    prepared: Prepared = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of sources that draw random numbers.")] = 0,
    fresh: Fresh = False,
    engine: Engine = None,
    mode: Mode = None,
    transfer: Transfer = False,
    pool: PoolChoice = None,
    base: BaseChoice = None,
    allow_rounded: AllowRounded = False,
) -> None:
    """Ask a source once and save its decisions: as Parquet, which replays as recorded:FILE, or as CSV to look at."""
    check_format(out)
    ((_, chosen),) = named(with_options([source], engine, mode, transfer=transfer))
    frame = read_part(
        data, pool, allow_rounded, base, since=since, until=until, limit=limit, split=split, prepared=prepared
    )
    decided = ask(chosen, frame, seed=seed, progress=on_terminal(), fresh=fresh)
    save_decisions(decided.tape, frame, out, decision_facts(chosen, frame, seed))
    for note in (*decided.notes, *silence_of(decided)):
        remark(note)
    counts = ", ".join(f"{name} {count}" for name, count in decided.tape.counts().items())
    say(f"{len(frame)} decisions: {counts}" + (" (reused)" if decided.reused else ""))
    say(f"decisions: {out}")
