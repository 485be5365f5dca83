"""`replay`, `compare` and `report`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import (
    CALLED,
    SOURCE_HELP,
    AllowPlugin,
    AllowRounded,
    BaseChoice,
    ConfigFiles,
    Engine,
    Fresh,
    Inputs,
    Json,
    Limit,
    MinSwaps,
    Mode,
    NoPictures,
    NoReport,
    Out,
    PoolChoice,
    Prepared,
    RayAddress,
    References,
    Seed,
    Since,
    Split,
    Track,
    Transfer,
    Trials,
    Until,
)
from rook_bench.cli.tables import print_purse, print_purses, print_table, print_tape
from rook_bench.cli.tape import only, read_part, read_several, refuse_with_several
from rook_bench.cli.tracking import put, tracking
from rook_bench.core.console import remark, say, say_json
from rook_bench.core.files import check_replaceable
from rook_bench.engines import engine_of
from rook_bench.workbench import compare as bench
from rook_bench.workbench.folder import report_again
from rook_bench.workbench.purse import compare_purses, evaluate_purse, is_purse, purse_report_again
from rook_bench.workbench.running import with_options


def replay(
    data: Inputs,
    source: Annotated[str, typer.Option("--source", help=SOURCE_HELP + CALLED)],
    out: Out,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    split: Split = None,
    prepared: Prepared = None,
    config: ConfigFiles = None,
    seed: Seed = None,
    fresh: Fresh = False,
    engine: Engine = None,
    mode: Mode = None,
    transfer: Transfer = False,
    pool: PoolChoice = None,
    min_swaps: MinSwaps = None,
    base: BaseChoice = None,
    reference: References = None,
    allow_rounded: AllowRounded = False,
    trials: Trials = None,
    no_report: NoReport = False,
    no_pictures: NoPictures = False,
    track: Track = None,
    json: Json = False,
) -> None:
    """Replay one source on a tape: orders, fills with every cost, P&L, report. On several tapes with one purse."""
    check_replaceable(out)
    tracker = tracking(track)
    (asked,) = with_options([source], engine, mode, transfer=transfer)
    if len(data) > 1 or min_swaps is not None:
        one_tape = {"--pool": pool, "--base": base, "--split": split, "--prepared": prepared, "--track": track}
        refuse_with_several(one_tape)
        tapes = read_several(data, min_swaps, allow_rounded, reference, since=since, until=until, limit=limit)
        purse = evaluate_purse(tapes, asked, config, seed=seed, fresh=fresh, trials=trials)
        written = purse.save(out, report=not no_report, pictures=not no_pictures)
        if json:
            say_json(purse.to_json())
            return
        print_purse(purse)
        say(f"run: {written}" if no_report else f"report: {written}")
        return
    tape = partial(
        read_part,
        data[0],
        pool,
        allow_rounded,
        base,
        reference,
        since=since,
        until=until,
        limit=limit,
        split=split,
        prepared=prepared,
    )
    evaluation = bench.evaluate(tape, asked, only(config, "--config"), seed=seed, fresh=fresh, trials=trials)
    saved = evaluation.save(out, report=not no_report, pictures=not no_pictures)
    put(tracker, out)
    if json:
        say_json(evaluation.to_json())
        return
    print_tape(evaluation.run.tape_check)
    print_table([evaluation])
    say(f"run: {saved}" if no_report else f"report: {saved}")


def compare(
    data: Inputs,
    source: Annotated[
        list[str],
        typer.Option("--source", help=SOURCE_HELP + CALLED + " Repeat for several; the first is in question."),
    ],
    out: Out,
    since: Since = None,
    until: Until = None,
    limit: Limit = None,
    split: Split = None,
    prepared: Prepared = None,
    config: ConfigFiles = None,
    seed: Seed = None,
    fresh: Fresh = False,
    engine: Engine = None,
    mode: Mode = None,
    transfer: Transfer = False,
    benchmarks: Annotated[
        bool, typer.Option(help="Add holding the initial mix, and chance at the first source's rate.")
    ] = True,
    processes: Annotated[
        int | None, typer.Option("--processes", metavar="N", min=1, help="Ask so many sources at the same time.")
    ] = None,
    ray: RayAddress = None,
    pool: PoolChoice = None,
    min_swaps: MinSwaps = None,
    base: BaseChoice = None,
    reference: References = None,
    allow_rounded: AllowRounded = False,
    trials: Trials = None,
    no_report: NoReport = False,
    no_pictures: NoPictures = False,
    track: Track = None,
    json: Json = False,
) -> None:
    """Put several sources side by side on the same rows, in one report. On several tapes each with one purse."""
    check_replaceable(out)
    tracker = tracking(track)
    asked = with_options(source, engine, mode, transfer=transfer)
    if len(data) > 1 or min_swaps is not None:
        one_tape = {"--pool": pool, "--base": base, "--split": split, "--prepared": prepared, "--track": track}
        refuse_with_several(one_tape | {"--processes": processes, "--ray": ray})
        tapes = read_several(data, min_swaps, allow_rounded, reference, since=since, until=until, limit=limit)
        purses = compare_purses(tapes, asked, config, benchmarks=benchmarks, seed=seed, fresh=fresh, trials=trials)
        written = purses.save(out, report=not no_report, pictures=not no_pictures)
        if json:
            say_json(purses.to_json())
            return
        print_purses(purses.evaluations)
        say(f"runs: {written / 'runs'}" if no_report else f"report: {written}")
        return
    tape = partial(
        read_part,
        data[0],
        pool,
        allow_rounded,
        base,
        reference,
        since=since,
        until=until,
        limit=limit,
        split=split,
        prepared=prepared,
    )
    side_by_side = None if processes is None and ray is None else engine_of(processes=processes, ray=ray)
    comparison = bench.compare(
        tape,
        asked,
        only(config, "--config"),
        benchmarks=benchmarks,
        seed=seed,
        fresh=fresh,
        engine=side_by_side,
        trials=trials,
    )
    saved = comparison.save(out, report=not no_report, pictures=not no_pictures)
    put(tracker, out)
    if json:
        say_json(comparison.to_json())
        return
    print_tape(comparison[0].run.tape_check)
    print_table(comparison)
    say(f"runs: {saved / 'runs'}" if no_report else f"report: {saved}")


def report(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN_OR_DIR", help="A run, or the folder of a comparison or a gate.")
    ],
    allow_plugin: AllowPlugin = None,
    no_pictures: NoPictures = False,
) -> None:
    """Write the report of a run or a comparison again, from the run itself; no code that it names is run."""
    if is_purse(folder):
        page = purse_report_again(folder, pictures=not no_pictures)
    else:
        page = report_again(folder, allow_plugins=allow_plugin or (), pictures=not no_pictures)
    remark("the run was checked against its hashes and replayed")
    say(f"report: {page}")
