"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PoolChoice = Annotated[
    str | None,
    typer.Option(
        "--pool",
        metavar="FILE_OR_ADDRESS",
        help="Pool metadata (TOML, YAML or JSON), or the address of one pool of a log of several (v4: its id).",
    ),
]

AllowRounded = Annotated[
    bool,
    typer.Option("--allow-rounded", help="Take integers that have been through a float; the run is marked."),
]

Out = Annotated[Path, typer.Option("--out", help="Where to write; appears whole or not at all.")]

Input = Annotated[Path, typer.Argument(metavar="INPUT", help="A tape, a log file, a ROOK folder or a test.csv(.gz).")]

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Capital, risk, costs, clock (TOML, YAML or JSON).")]

Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Seed of sources that draw random numbers.")]

Fresh = Annotated[bool, typer.Option("--fresh", help="Ask the source again even if its decisions are kept.")]

SOURCE_HELP = "name, name:argument (rules:FILE, lora:DIR, random:0.2, recorded:FILE) or path.py@name."

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

PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="What the candidate has to show (TOML, YAML or JSON).")
]

Models = Annotated[
    Path | None,
    typer.Option("--models", help="The models folder, which holds the promotion record; the project's by default."),
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
