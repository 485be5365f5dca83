"""`rook-bench track`, and what `--track` does behind other verbs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rook_bench.cli.options import AllowPlugin, Json
from rook_bench.core.console import err, on_terminal, remark, say, say_json

if TYPE_CHECKING:
    from rook_bench.workbench.track import Tick, Tracking


def track(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="A run, a comparison, a gate, an adapter, or the models folder."),
    ],
    to: Annotated[
        str,
        typer.Option("--to", metavar="mlflow:URI", help="Also ,experiment=NAME and ,model=NAME (both rook-bench)."),
    ],
    allow_plugin: AllowPlugin = None,
    json: Json = False,
) -> None:
    """Put an output into an experiment tracker, checked first; what is there already stays as it is."""
    from rook_bench.workbench.track import track as put

    with _sending() as tick:
        addresses = put(folder, to, allow_plugins=allow_plugin or (), tick=tick)
    if json:
        say_json({"tracked": addresses})
        return
    for address in addresses:
        say(f"tracked: {address}")


def tracking(to: str | None) -> Tracking | None:
    """The tracker that `--track` names, asked whether it is there; None where nobody asked for one."""
    if to is None:
        return None
    from rook_bench.publishing.mlflow import Target
    from rook_bench.workbench.track import Tracking

    return Tracking(Target.parse(to))


def put(tracker: Tracking | None, folder: Path) -> None:
    """Track what a verb wrote. Its exit code is its own whatever becomes of this."""
    if tracker is not None:
        with _sending() as tick:
            addresses = tracker.try_to_add(folder, tick)
        for address in addresses:
            remark(f"tracked: {address}")


@contextmanager
def _sending() -> Iterator[Tick]:
    from rich.progress import Progress

    with Progress(console=err, transient=True, disable=not on_terminal()) as bar:
        task = bar.add_task("tracking", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)
