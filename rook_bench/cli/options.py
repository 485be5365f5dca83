"""Options that several verbs share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.core import ConfigError

PoolChoice = Annotated[
    str | None,
    typer.Option(
        "--pool",
        metavar="FILE_OR_ADDRESS",
        help="Pool metadata (TOML, YAML or JSON), or one pool of a log or tape of several: its address (v4: its id), "
        "or its pair, with the fee where several pools trade it (WETH/USDC, WETH/USDC/0.05%).",
    ),
]

BaseChoice = Annotated[
    str | None,
    typer.Option(
        "--base", metavar="TOKEN", help="The token that is bought and sold (a symbol, token0, token1); usually found."
    ),
]

References = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        metavar="TAPE",
        help="A tape of another pool whose price is needed: of the coin that gas is paid in, or of the numeraire.",
    ),
]

AllowRounded = Annotated[
    bool,
    typer.Option("--allow-rounded", help="Take integers that have been through a float; the run is marked."),
]

Out = Annotated[Path, typer.Option("--out", help="Where to write; appears whole or not at all.")]

DecisionsFile = Annotated[Path, typer.Option("--out", help="File to write: .parquet or .csv.")]

Input = Annotated[
    Path, typer.Argument(metavar="INPUT", help="A tape (or sample), a log file, a ROOK folder or a test.csv(.gz).")
]

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT...",
        help="A tape (or sample), a log file, a ROOK folder or a test.csv(.gz); several, each of another pool, are "
        "replayed with one purse.",
    ),
]

MinSwaps = Annotated[
    int | None,
    typer.Option(
        "--min-swaps",
        metavar="N",
        min=1,
        help="Take every pool of a folder or log of several that trades at least N times, with one purse.",
    ),
]

ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        help="Capital, risk, costs, clock: a file (TOML, YAML, JSON) or a name (bench); with several pools one for "
        "each pair, and one without a pair for the rest.",
    ),
]

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Capital, risk, costs, clock: a file (TOML, YAML, JSON) or a name (bench)."),
]

Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of sources that draw random numbers.")]

Fresh = Annotated[bool, typer.Option("--fresh", help="Ask the source again even if its decisions are kept.")]

SOURCE_HELP = "name, name:argument (rules:FILE, lora:DIR, random:0.2, recorded:FILE) or path.py@name."
CALLED = " MINE=SOURCE calls it MINE."

Trials = Annotated[
    Path | None, typer.Option("--trials", help="Folder of the trial ledger; models/trials of the project by default.")
]

Engine = Annotated[
    str | None, typer.Option("--engine", help="How language models compute: torch, fp32, bf16 or int8 (torch).")
]

Mode = Annotated[
    str | None,
    typer.Option("--mode", help="How language models are asked: score, or generate (free text, strictly read)."),
]

Transfer = Annotated[
    bool,
    typer.Option(
        "--transfer", help="Ask adapters on a pool that they were not trained on, which is refused otherwise."
    ),
]

PolicyFile = Annotated[
    Path | None,
    typer.Option(
        "--policy",
        help="What the candidate has to show: a file (TOML, YAML, JSON) or a name (rook-promotion, first-champion).",
    ),
]

AllowPlugin = Annotated[
    list[Path] | None,
    typer.Option("--allow-plugin", help="A plugin file, or a folder of such, whose code may run; repeat for several."),
]

Models = Annotated[
    Path | None,
    typer.Option("--models", help="The models folder, which holds the promotion record; the project's by default."),
]

ChampionPool = Annotated[
    str | None,
    typer.Option(
        "--pool",
        metavar="PAIR_OR_ADDRESS",
        help="Of which pool the champion is meant, where several pools have champions of their own.",
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

Since = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="TIME", help="First time to take, such as 2025-01-31 or 2025-01-31T12:00Z; UTC if no zone."
    ),
]

Until = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Take swaps before this time.")]

Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="Take the first N swaps of what is left.")
]

Split = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="Take train, validation or test as `data prepare` cuts the tape."),
]

Prepared = Annotated[
    Path | None,
    typer.Option("--prepared", metavar="DIR", help="With --split: the split that this prepared folder holds."),
]

Track = Annotated[
    str | None,
    typer.Option("--track", metavar="mlflow:URI", help="Put the result into this experiment tracker, too."),
]

NoReport = Annotated[bool, typer.Option("--no-report", help="Write no report; `rook-bench report` makes it later.")]

NoPictures = Annotated[
    bool,
    typer.Option("--no-pictures", help="Draw no pictures, which take most of a report's time; its live chart stays."),
]

TrialsRemote = Annotated[
    str | None,
    typer.Option(
        "--trials-remote",
        metavar="REMOTE",
        help="Share the trial ledger on a branch of this git remote: fetched first, and no verdict before the look "
        "is on record there.",
    ),
]

TrialsBranchName = Annotated[
    str, typer.Option("--trials-branch", metavar="NAME", help="The branch that holds the ledger and nothing else.")
]


RPC_VARIABLE = "ROOK_BENCH_RPC"


def rpc_option(help: str) -> Any:
    """`--rpc`, or the environment: a URL may hold a key, which is no business of a shell's history."""
    told = f"{help}; only its host is ever printed."
    return typer.Option("--rpc", metavar="URL", envvar=RPC_VARIABLE, show_envvar=True, help=told)


NODE = "A JSON-RPC node: http(s), ws(s), or the path of a socket (.ipc)"

Rpc = Annotated[str | None, rpc_option(NODE)]

NodeOfSession = Annotated[str | None, rpc_option("With a live session: a node to fetch its blocks from anew")]

RayAddress = Annotated[
    str | None,
    typer.Option("--ray", metavar="ADDRESS", help="A Ray cluster: its address, or auto for one on this machine."),
]


def groups_of(text: str) -> tuple[int, int]:
    """N and k of "N,k"; ConfigError for anything else."""
    parts = text.split(",")
    if len(parts) != 2 or not all(re.fullmatch(r"[0-9]{1,6}", part.strip()) for part in parts):
        raise ConfigError(f"'{text}' is not two numbers", where="--purged", hint="write N,k such as 6,2")
    return int(parts[0]), int(parts[1])


def needed(verb: str, **options: Any) -> tuple[Any, ...]:
    """The options' values; ConfigError names the first that is missing."""
    for name, value in options.items():
        if value is None:
            raise ConfigError(f"--{name} is missing", where=verb, hint=f"see rook-bench {verb} --help")
    return tuple(options.values())
