"""`rook-bench decisions`: what a source was asked and what it said, row by row."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from rook_bench.cli import layout
from rook_bench.cli.options import Json
from rook_bench.core import ConfigError
from rook_bench.core.console import remark, say, say_json
from rook_bench.core.errors import suggest
from rook_bench.core.untrusted import shown, word
from rook_bench.workbench.looking import HORIZON_S, SIDES, Choice, look

SHOWN = 40
"""Characters of a prompt or an answer in the table; --row shows all of one."""

FIGURES = (
    ("side", "side", "{}"),
    ("other", "other", "{}"),
    ("label", "label", "{}"),
    ("size", "size", "{:.3f}"),
    ("confidence", "sure", "{:.0%}"),
    ("p_buy", "buy", "{:.0%}"),
    ("p_hold", "hold", "{:.0%}"),
    ("p_sell", "sell", "{:.0%}"),
    (f"markout_{HORIZON_S}s_bps", "5 min bps", "{:+.1f}"),
    ("outcome", "outcome", "{}"),
    ("answer", "said", "{}"),
)


def decisions(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    row: Annotated[
        int | None, typer.Option("--row", metavar="N", help="One row, whole; counted from 0 as in orders.parquet.")
    ] = None,
    side: Annotated[str | None, typer.Option("--side", help="BUY, HOLD, SELL or UNPARSED.")] = None,
    wrong: Annotated[bool, typer.Option("--wrong", help="Unlike the label; the most confident first.")] = False,
    losers: Annotated[bool, typer.Option("--losers", help="Moved against within 5 minutes; the worst first.")] = False,
    disagree: Annotated[bool, typer.Option("--disagree", help="Unlike the rules beside it, or the label.")] = False,
    other: Annotated[Path | None, typer.Option("--with", metavar="RUN", help="The run to disagree with.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows to print (20).")] = 20,
    csv: Annotated[bool, typer.Option("--csv", help="Print every column of every such row as CSV.")] = False,
    json: Json = False,
) -> None:
    """What was asked and what was said: prompt, answer, probabilities, tokens, seconds, and what came of it."""
    if side is not None and side.upper() not in SIDES:
        raise ConfigError(f"'{side}' is no side", where="--side", hint=suggest(side.upper(), SIDES))
    if csv and json:
        raise ConfigError("both --csv and --json", where="decisions", hint="take one")
    choice = Choice(row, None if side is None else side.upper(), wrong, losers, disagree or other is not None)
    table = look(run, choice, other=other)
    if csv:
        # A file may hold what acts on a terminal, and a table goes to either.
        texts = table.select_dtypes(["string", "object"]).columns
        table = table.assign(**{name: table[name].map(shown, na_action="ignore") for name in texts})
        table.to_csv(sys.stdout, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    elif json:
        say_json([_plain(number, values) for number, values in zip(table.index, table.to_dict("records"), strict=True)])
    elif row is not None:
        _print_row(table)
    else:
        _print_rows(table, limit)


def _print_rows(table: pd.DataFrame, limit: int) -> None:
    if not len(table):
        say("no such row")
        return
    columns = [column for column in FIGURES if column[0] in table and table[column[0]].notna().any()]
    rows = [
        ([str(number), f"{values['at']:%Y-%m-%d %H:%M:%S}"], [_cell(values[name], form) for name, _, form in columns])
        for number, values in zip(table.index[:limit], table.to_dict("records"), strict=False)
    ]
    layout.print_table(["row", "at"], [title for _, title, _ in columns], rows, rest="--row N shows all of one")
    if len(table) > limit:
        remark(f"{limit:,} of {len(table):,}; --limit N shows more, --csv all of them")
    if "prompt" not in table and table.attrs.get("language_model"):
        remark("what was shown and said isn't recorded in this run: it is of an earlier version")


def _print_row(table: pd.DataFrame) -> None:
    number, values = table.index[0], table.to_dict("records")[0]
    say(f"row: {number}")
    for name, value in values.items():
        if isinstance(value, str) and "\n" in value:
            say(f"{name}:")
            for line in value.splitlines():
                say(f"  {shown(line)}")
        elif not _missing(value):
            say(f"{name}: {_text(value)}")


def _cell(value: Any, form: str) -> str:
    if _missing(value):
        return "-"
    return word(form.format(value), SHOWN)


def _missing(value: Any) -> bool:
    return bool(pd.isna(value)) or value == ""


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.isoformat() if isinstance(value, pd.Timestamp) else shown(str(value))


def _plain(number: Any, values: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON takes it: what is missing is null."""
    told = {str(name): None if _missing(value) else value for name, value in values.items()}
    return {"row": int(number)} | {
        name: value.isoformat() if isinstance(value, pd.Timestamp) else value for name, value in told.items()
    }
