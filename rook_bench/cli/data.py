"""`rook-bench data`: import, check, simulate, prepare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rook_bench.cli.fetch import fetch
from rook_bench.cli.options import AllowRounded, Json, Out, PoolChoice
from rook_bench.core import UnknownName
from rook_bench.core.config import read_mapping
from rook_bench.core.console import remark, say, say_json
from rook_bench.core.files import write_json
from rook_bench.dataset.prepare import prepare as write_prepared
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.splits import SplitPlan
from rook_bench.ingest.importing import check_each, import_logs, import_others, is_log, read_input
from rook_bench.market.simulation.simulate import Simulation
from rook_bench.market.simulation.simulate import simulate as simulated
from rook_bench.market.tape_file import write_tape
from rook_bench.tapecheck.check import describe_several, require_exact

app = typer.Typer(
    help="Bring swaps in, check them, simulate them, prepare them for training.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


app.command()(fetch)


@app.command("import")
def import_(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="Files or folders; several are joined, each event once."),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Tape to write: a .parquet file of one pool, or a folder by pool and day.")
    ],
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
    gas_prices: Annotated[
        Path | None,
        typer.Option(
            "--gas-prices", help="Series of gas prices (CSV or Parquet: gwei, and block or at) to put beside."
        ),
    ] = None,
) -> None:
    """Turn logs of any recognised layout into a tape with exact integers."""
    write = import_logs if all(is_log(path) for path in inputs) else import_others
    for line in write(inputs, out, pool, allow_rounded=allow_rounded, gas_prices=gas_prices):
        say(line)
    say(f"tape: {out}")


@app.command()
def check(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A tape, or anything that can be imported.")],
    pool: PoolChoice = None,
    json: Json = False,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the check as JSON to this file.")] = None,
    min_exact: Annotated[
        float | None,
        typer.Option("--min-exact", min=0, max=1, help="Exit with 3 where a smaller share of swaps re-prices exactly."),
    ] = None,
) -> None:
    """Say how far a log can be trusted: re-pricing, chaining, fee, duplicates, order, gaps, precision."""
    checks = check_each(source, pool)
    shown = [check.to_json() for check in checks]
    found = shown[0] if len(shown) == 1 else shown
    if out is not None:
        write_json(out, found)
    if json:
        say_json(found)
    elif len(checks) == 1:
        say(str(checks[0]))
    else:
        for line in describe_several(checks):
            say(line)
    for each in checks if min_exact is not None else []:
        require_exact(each, min_exact or 0.0)


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
    parameters = Simulation.parse(read_mapping(config), where=config) if config else Simulation()
    frame = simulated(swaps, np.random.default_rng(seed), parameters)
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
    pool: PoolChoice = None,
    allow_rounded: AllowRounded = False,
) -> None:
    """Write features, conditions, labels and chronological splits in ROOK's layout."""
    if compat not in (None, "rook"):
        raise UnknownName("compatibility mode", compat, ["rook"], where="--compat")
    plan = None if compat else SplitPlan(purge=purge, embargo=embargo)
    frame = read_input(source, pool, allow_rounded=allow_rounded)
    done = write_prepared(frame, Rules.from_file(rules), out, plan=plan, compat_rook=compat == "rook")
    total = sum(done.sides.values())
    say("labels: " + ", ".join(f"{name} {count} ({count / total:.1%})" for name, count in done.sides.items()))
    say("rules:  " + ", ".join(f"{name} {count}" for name, count in done.rules.items()))
    say("splits: " + ", ".join(f"{name} {count}" for name, count in done.splits.items()))
    for name, leak in done.leaks.items():
        remark(f"leak kept by --compat rook, {name}: {leak}")
    say(f"folder: {done.folder}")
