"""`rook-bench adopt`: a model that was not trained here, taken in as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from rook_bench.cli.options import Json
from rook_bench.core.console import err, on_terminal, remark, say, say_json
from rook_bench.workbench import adopt as bench


def adopt(
    model: Annotated[
        str,
        typer.Argument(metavar="DIR|HUB_ID[@REVISION]", help="Folder of an adapter or of a model, or a hub name."),
    ],
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            help="The prompt: chat, codes, numbers, reasoning, rook-v1, seed, or a file; pushed models bring theirs.",
        ),
    ] = None,
    base: Annotated[
        str | None, typer.Option("--base", help="Of an adapter, its base, where its configuration names another place.")
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option("--calibrate", metavar="DATA_DIR", help="Fit a temperature on this prepared folder's labels."),
    ] = None,
    trained_on: Annotated[
        list[str] | None,
        typer.Option(
            "--trained-on",
            metavar="DATA|nothing",
            help="What it learned from: prepared folders or tapes (repeat), or nothing; gates ask for it.",
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", help="The record to write, NAME.rook.json (beside the folder).")
    ] = None,
    json: Json = False,
) -> None:
    """Put a model of any trainer on record: base, files, prompt; tried, and by request calibrated."""
    with Progress(console=err, transient=True, disable=not on_terminal()) as bar:
        task = bar.add_task("loading", total=None)

        def tick(done: int, of: int) -> None:
            bar.update(task, description="calibrating", completed=done, total=of)

        done = bench.adopt(
            model,
            template,
            base=base,
            calibrate=calibrate,
            trained_on=trained_on or (),
            record=record,
            say=remark,
            tick=tick,
        )
    adopted = done.manifest.adopted
    if json:
        say_json(
            {
                "source": done.reference,
                "record": str(done.record),
                "base": done.manifest.base.model_dump(mode="json"),
                "template": done.manifest.template.name,
                "temperature": done.manifest.temperature,
                "adopted": None if adopted is None else adopted.model_dump(mode="json"),
                "sample": done.sample,
            }
        )
        return
    for line in (*(adopted.cautions if adopted else ()), *bench.what_is_open(done.manifest)):
        remark(line)
    for line in bench.described(done):
        say(line)
