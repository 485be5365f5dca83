"""`rook-bench view`: pages on which one looks into what was run and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import Models, Trials
from rook_bench.core import InputError
from rook_bench.core.console import say, warn
from rook_bench.core.files import check_apart, near_file
from rook_bench.core.project import models_folder, project_folder, trials_folder
from rook_bench.viewer.export import ORDERS, export
from rook_bench.viewer.serve import serve
from rook_bench.viewer.shelf import Library

FOLDERS = ("reports", "models")
"""Of a project, where no folder is named."""


def view(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FOLDER]...",
            help="Folders to look into. By default reports and models of the project.",
            show_default=False,
        ),
    ] = None,
    models: Models = None,
    trials: Trials = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port of 127.0.0.1. By default 8613, or a free one.")
    ] = None,
    browser: Annotated[bool, typer.Option("--open", help="Open the browser.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="DIR", help="Write the pages as files into this folder instead of serving them."
        ),
    ] = None,
    orders: Annotated[
        int, typer.Option(min=0, help="With --export: how many orders of each run get a page of their own.")
    ] = ORDERS,
) -> None:
    """Look into runs, orders, verdicts, trials, promotions and adapters in the browser; nothing is written or run."""
    held = models or models_folder()
    library = Library(_folders(folders), models=held, trials=trials or trials_folder(models))
    if out is None:
        serve(library, port=port, browse=browser)
        return
    check_apart(out, *library.roots)
    count, left_out = export(library, out, orders=orders)
    for path, why in left_out:
        warn(f"{path}: left out: {why}")
    say(f"{count:,} pages: {out / 'index.html'}")


def _folders(named: list[Path] | None) -> list[Path]:
    """The folders to look into; InputError for one that is none."""
    if not named:
        project = project_folder() or Path.cwd()
        return [project / name for name in FOLDERS if (project / name).is_dir()] or [project]
    for path in named:
        if not path.is_dir():
            raise InputError("no such folder", where=path, hint=near_file(path) or "name a folder with runs in it")
    return named
