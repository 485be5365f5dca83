"""`rook-bench data import` and `data check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import AllowPlugin, AllowRounded, BaseChoice, Json, PoolChoice
from rook_bench.core.console import say, say_json
from rook_bench.core.files import write_json
from rook_bench.ingest.importing import check_each, explain_layouts, import_logs, import_others, is_log
from rook_bench.plugins import trusting
from rook_bench.tapecheck.check import describe_several, require_exact


def import_(
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="Files or folders; several are joined, each event once."),
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Tape to write: a .parquet file of one pool, or a folder by pool and day.")
    ],
    pool: PoolChoice = None,
    base: BaseChoice = None,
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
    for line in write(inputs, out, pool, allow_rounded=allow_rounded, gas_prices=gas_prices, base=base):
        say(line)
    say(f"tape: {out}")


def check(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A tape, or anything that can be imported.")],
    pool: PoolChoice = None,
    base: BaseChoice = None,
    json: Json = False,
    out: Annotated[Path | None, typer.Option("--out", help="Also write the check as JSON to this file.")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Only say which layouts were tried for a file, and what each missed.")
    ] = False,
    min_exact: Annotated[
        float | None,
        typer.Option("--min-exact", min=0, max=1, help="Exit with 3 where a smaller share of swaps re-prices exactly."),
    ] = None,
    allow_plugin: AllowPlugin = None,
) -> None:
    """Say how far a log can be trusted: re-pricing, chaining, fee, duplicates, order, gaps, precision."""
    if explain:
        with trusting(strategies=False, files=allow_plugin or ()):
            columns, layouts = explain_layouts(source)
        if json:
            say_json({"columns": columns, "layouts": layouts})
            return
        say(f"columns: {', '.join(columns)}")
        width = max(map(len, layouts))
        for name, told in layouts.items():
            say(f"{name:<{width}}  {told}")
        return
    with trusting(strategies=False, files=allow_plugin or ()):  # a tape may be anybody's, and so may the folder
        checks = check_each(source, pool, base)
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
