"""`rook-bench sweep`: many configurations of the same decisions, and what the best of them is worth."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rook_bench.cli import layout
from rook_bench.cli.options import (
    CALLED,
    SOURCE_HELP,
    AllowRounded,
    BaseChoice,
    ConfigFile,
    Input,
    Json,
    Out,
    PoolChoice,
    Prepared,
    RayAddress,
    References,
    Seed,
    Since,
    Trials,
    Until,
    groups_of,
)
from rook_bench.cli.options import Limit as First
from rook_bench.cli.tape import read_part
from rook_bench.core import ConfigError
from rook_bench.core.console import say, say_json
from rook_bench.core.files import check_replaceable
from rook_bench.dataset.split_tapes import has_split_tapes
from rook_bench.engines import engine_of
from rook_bench.sweeps.page import BEST_CONFIG
from rook_bench.sweeps.saved import facts_of
from rook_bench.sweeps.scores import LOWER
from rook_bench.sweeps.sweep import Sweep
from rook_bench.sweeps.sweep import sweep as bench
from rook_bench.sweeps.words import (
    LABELS,
    best_in_words,
    figure,
    forward_in_words,
    in_a_sentence,
    luck_in_words,
    purged_in_words,
    value_in_words,
)
from rook_bench.workbench.running import Tape

PRINTED = 10
"""Points in the printed table."""


def sweep(
    data: Input,
    source: Annotated[
        list[str],
        typer.Option("--source", help=SOURCE_HELP + CALLED + " Repeat for several: they are an axis of their own."),
    ],
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="PATH=VALUES",
            help="What is varied: PATH=A,B,C or PATH=FIRST:LAST:STEP (PATH=LOW:HIGH with --points). Keys of a "
            "configuration (frictions.gas.gwei), a filter (risk.confidence_threshold), risk.sizer.PARAMETER, "
            "source.PARAMETER. Repeat for several.",
        ),
    ],
    out: Out,
    config: ConfigFile = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="METRIC",
            help="Choose the best by: sharpe_ratio_excess, sharpe_ratio, excess_return, total_return, max_drawdown.",
        ),
    ] = "sharpe_ratio_excess",
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="NAME",
            help="Rows to sweep: validation (default), train, test, development (all before test), whole.",
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: First = None,
    prepared: Prepared = None,
    walk_forward: Annotated[
        int | None,
        typer.Option("--walk-forward", metavar="K", min=1, help="Choose and judge in K folds, one after the other."),
    ] = None,
    purged: Annotated[
        str | None,
        typer.Option(
            "--purged", metavar="N,k", help="Choose on N-k of N groups, judge on k, over every choice of them."
        ),
    ] = None,
    judge: Annotated[
        bool, typer.Option("--judge", help="Replay the best on the test rows: one look at them, on record.")
    ] = False,
    points: Annotated[
        int | None, typer.Option("--points", metavar="N", min=1, help="Draw N points with Optuna in place of a grid.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", metavar="N", min=1, help="Threads (one for each core by default).")
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", metavar="N", min=1, help="Processes in their place, for plugins that hold the lock."
        ),
    ] = None,
    ray: RayAddress = None,
    shared: Annotated[
        Path | None,
        typer.Option("--shared", metavar="DIR", help="With --ray: a folder that all machines see, for the tape."),
    ] = None,
    seed: Seed = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask sources again, and compute again what is kept.")] = False,
    pool: PoolChoice = None,
    base: BaseChoice = None,
    reference: References = None,
    allow_rounded: AllowRounded = False,
    trials: Trials = None,
    json: Json = False,
) -> None:
    """Replay decisions under many configurations; choose the best, and say what that is worth after so many tries."""
    check_replaceable(out)
    engine = engine_of(threads=threads, processes=processes, ray=ray, shared=shared)
    if since is not None or until is not None or limit is not None:
        if split is not None or prepared is not None:
            raise ConfigError("rows are given by time or number too", where="--split", hint="give one of both")
        if judge:
            what = "rows are given by time or number, so which ones are left to judge on is not known"
            raise ConfigError(what, where="--judge", hint="give --split in their place")
        split = "whole"
    part = {"since": since, "until": until, "limit": limit}
    whole = partial(read_part, data, pool, allow_rounded, base, reference, **part)
    # A prepared folder's splits are tapes of their own, exact ones.
    tape: Tape = data if has_split_tapes(data) and not any(part.values()) else whole
    found = bench(
        tape,
        source,
        vary,
        config,
        split=split,
        by=by,
        walk_forward=walk_forward,
        purged=None if purged is None else groups_of(purged),
        judge=judge,
        points=points,
        seed=seed,
        fresh=fresh,
        engine=engine,
        trials=trials,
        prepared=prepared,
    )
    page = found.save(out)
    if json:
        say_json(facts_of(found))
        return
    _print(found)
    if found.best_config is not None:
        asked = found.evaluation.run.source.reference if found.evaluation is not None else source[0]
        say(f"to replay it: --source {shlex.quote(asked)} --config {shlex.quote(str(out / BEST_CONFIG))}")
    say(f"report: {page}")


def _print(found: Sweep) -> None:
    """The best points, and what being the best of so many is worth."""
    values = np.where(found.honest, getattr(found.measured, found.by), np.nan)
    order = np.argsort(values if found.by in LOWER else -values, kind="stable")
    best = [int(place) for place in order if np.isfinite(values[place])][:PRINTED]
    paths = [axis.path for axis in found.axes]
    columns = [found.by, *(name for name in LABELS if name not in (found.by, "orders", "sharpe_ratio", "refusals"))]
    rows = [
        (
            [value_in_words(found.points[place].get(path)) for path in paths],
            [figure(name, getattr(found.measured, name)[place]) for name in columns],
        )
        for place in best
    ]
    if rows:
        say()
        layout.print_table(paths, [in_a_sentence(name) for name in columns], rows, rest="points.csv has them all")
        say()
    for line in (best_in_words(found), *luck_in_words(found), forward_in_words(found), purged_in_words(found)):
        if line:
            say(line)
    if found.judged is not None:
        before = None if found.evaluation is None else found.evaluation.estimates[found.by].value
        after = found.judged[0].estimates[found.by].value
        was = f"where it was {figure(found.by, before)}"
        say(f"on the test rows: {in_a_sentence(found.by)} {figure(found.by, after)}, {was}")
