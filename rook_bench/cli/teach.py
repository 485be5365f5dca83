"""`rook-bench teach`: drafts of a prepared folder's rows, for `train --stage draft` and for other trainers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from rook_bench.cli.options import Json
from rook_bench.core.console import err, on_terminal, say, say_json
from rook_bench.workbench import fine_tune as bench


def teach(
    data_dir: Annotated[Path, typer.Argument(metavar="DATA_DIR", help="What `data prepare` wrote.")],
    teacher: Annotated[
        str,
        typer.Option(
            "--teacher",
            help="Who writes: rules:FILE, model:DIR (a local model), endpoint:URL (OpenAI-compatible; ,model=NAME).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The file, .jsonl; its record lies beside it.")],
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="Rules that made the labels, where the teacher is a model: drafts must be true."),
    ] = None,
    template: Annotated[
        str, typer.Option("--template", help="Prompt with a [draft]: codes, numbers, or a file.")
    ] = "codes",
    order: Annotated[
        str | None, typer.Option("--order", help="before or after the answer (as the template says).")
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="prompt-completion, which train reads; conversational, preference or unpaired for other trainers.",
        ),
    ] = "prompt-completion",
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Rows of each split that are asked about (all).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that draw (0).")] = 0,
    json: Json = False,
) -> None:
    """Say why each row has its label, in a small grammar, step by step; only what is true of the row is kept."""
    with Progress(console=err, transient=True, disable=not on_terminal()) as bar:
        tasks = {}

        def tick(split: str, done: int, of: int) -> None:
            if split not in tasks:
                tasks[split] = bar.add_task(f"drafts of the {split} rows", total=of)
            bar.update(tasks[split], completed=done)

        made = bench.teach(
            data_dir,
            out,
            teacher,
            rules=rules,
            template=template,
            order=order,
            form=form,
            rows=rows,
            seed=seed,
            tick=tick,
        )
    if json:
        say_json(made.record.model_dump(mode="json"))
        return
    for line in made.describe():
        say(line)
    say(f"drafts: {made.file}")
