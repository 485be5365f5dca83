"""`rook-bench init`: a new project that works as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.core.console import remark, say
from rook_bench.workbench.init import make_project


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; it may hold other files, none is overwritten.")
    ] = Path(),
) -> None:
    """Write a new project: a source, rules, a policy, a configuration, tests, and a workflow that judges."""
    for name in make_project(folder):
        say(f"  {folder / name}")
    if not any((top / ".git").exists() for top in (folder.resolve(), *folder.resolve().parents)):
        remark("no git repository yet: git init makes one, and the workflow and the shared ledger need it")
    say(f"project: {folder.resolve()}; its README.md has the first five commands")
