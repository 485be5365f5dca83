"""`rook-bench data`: import, check, simulate, prepare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rook_bench.cli.output import remark, say, say_json

if TYPE_CHECKING:
    from rook_bench.market.frame import SwapFrame

app = typer.Typer(help="Bring swaps in, check them, simulate them, prepare them for training.", no_args_is_help=True)

PoolFile = Annotated[
    Path | None,
    typer.Option("--pool", help="Pool metadata (TOML, YAML or JSON) for logs that do not name their pool."),
]
Out = Annotated[Path, typer.Option("--out", help="Where to write; appears whole or not at all.")]


@app.command("import")
def import_(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="Files or ROOK folders; several are joined in order of time."),
    ],
    out: Out,
    pool: PoolFile = None,
) -> None:
    """Turn any recognised layout into a tape (a Parquet file with exact integers)."""
    from rook_bench.market.importers import join_swaps, write_tape

    frame = join_swaps([read_input(path, pool) for path in inputs])
    write_tape(frame, out)
    say(f"{len(frame)} swaps, {frame.pool.pair} {frame.pool.protocol}, {frame.at_index[0]} to {frame.at_index[-1]}")
    say(f"tape: {out}")


@app.command()
def check(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A tape, or anything that can be imported.")],
    pool: PoolFile = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the check as JSON to this file.")] = None,
) -> None:
    """Say how far a log can be trusted: chaining, fee, duplicates, order, gaps, precision."""
    from rook_bench.core.files import write_json
    from rook_bench.market.tape_check import check_tape, describe

    result = check_tape(read_input(source, pool))
    if out is not None:
        write_json(out, result.to_json())
    if json:
        say_json(result.to_json())
    else:
        for line in describe(result):
            say(line)


@app.command()
def simulate(
    swaps: Annotated[int, typer.Option("--swaps", min=1, help="How many swaps.")],
    out: Out,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same tape.")] = 0,
    config: Annotated[
        Path | None, typer.Option("--config", help="Parameters of the simulation (TOML, YAML or JSON).")
    ] = None,
) -> None:
    """Make a tape that obeys exact pool arithmetic, calibrated on the real ETH/USDC pool."""
    import numpy as np

    from rook_bench.core.config import read_mapping
    from rook_bench.market.importers import write_tape
    from rook_bench.market.simulate import Simulation, simulate

    parameters = Simulation.parse(read_mapping(config), where=config) if config else Simulation()
    frame = simulate(swaps, np.random.default_rng(seed), parameters)
    write_tape(frame, out)
    say(f"{len(frame)} simulated swaps over {frame.span_s / 3600:.1f} hours, seed {seed}")
    say(f"tape: {out}")


@app.command()
def prepare(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A tape, or anything that can be imported, with amounts and ticks.")
    ],
    rules: Annotated[Path, typer.Option("--rules", help="Rule config that labels the rows (JSON, TOML or YAML).")],
    out: Out,
    compat: Annotated[
        str | None, typer.Option("--compat", help="'rook' reproduces the published files, their leaks included.")
    ] = None,
    purge: Annotated[
        int, typer.Option("--purge", min=0, help="Windows dropped at the end of train and validation.")
    ] = 100,
    embargo: Annotated[
        int, typer.Option("--embargo", min=0, help="Windows dropped at the start of validation and test.")
    ] = 0,
    pool: PoolFile = None,
) -> None:
    """Write features, conditions, labels and chronological splits in ROOK's layout."""
    from rook_bench.core import UnknownName
    from rook_bench.market.prepare import prepare as write
    from rook_bench.market.rules import Rules
    from rook_bench.market.splits import SplitPlan

    if compat not in (None, "rook"):
        raise UnknownName("compatibility mode", compat, ["rook"], where="--compat")
    plan = None if compat else SplitPlan(purge=purge, embargo=embargo)
    done = write(read_input(source, pool), Rules.from_file(rules), out, plan=plan, compat_rook=compat == "rook")
    total = sum(done.sides.values())
    say("labels: " + ", ".join(f"{name} {count} ({count / total:.1%})" for name, count in done.sides.items()))
    say("rules:  " + ", ".join(f"{name} {count}" for name, count in done.rules.items()))
    say("splits: " + ", ".join(f"{name} {count}" for name, count in done.splits.items()))
    for name, leak in done.leaks.items():
        remark(f"leak kept by --compat rook, {name}: {leak}")
    say(f"folder: {done.folder}")


def read_input(path: Path, pool: Path | None = None) -> SwapFrame:
    """Read INPUT, with the pool metadata of a file if one is given."""
    from rook_bench.core.config import read_mapping
    from rook_bench.market.importers import read_swaps
    from rook_bench.market.pool import Pool

    metadata = Pool.parse(read_mapping(pool), where=pool) if pool else None
    return read_swaps(path, metadata)
