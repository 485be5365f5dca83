"""`rook-bench gate comment`: what a verdict says on a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.core import InputError
from rook_bench.core.console import say, warn
from rook_bench.gates.formats.comment import nothing_judged, to_comment
from rook_bench.gates.formats.verdict_file import read_verdict
from rook_bench.metrics.saved import read_estimates
from rook_bench.workbench.pictures_branch import BRANCH, keep_pictures

PICTURES = {"equity.png": "Equity", "difference.png": "Difference to the champion", "waterfall.png": "Where it went"}
"""Pictures of a verdict's report that a comment shows."""


def comment(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The folder that rook-bench gate wrote.", show_default=False)
    ] = None,
    nothing: Annotated[
        bool, typer.Option("--nothing", help="Say that nothing was judged; there is no folder.")
    ] = False,
    name: Annotated[
        str, typer.Option(help="Of this gate, by which its comment is found and replaced.", show_default="the folder")
    ] = "",
    link: Annotated[
        list[str] | None,
        typer.Option("--link", metavar="TEXT=URL", help="A link under the verdict; repeat for several."),
    ] = None,
    pictures_remote: Annotated[
        str | None, typer.Option(metavar="REMOTE", help="Put three pictures onto a branch of this git remote.")
    ] = None,
    pictures_branch: Annotated[str, typer.Option(metavar="NAME", help="That branch.")] = BRANCH,
    pictures_url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Where the remote shows files of a commit: https://HOST/OWNER/REPOSITORY/blob. Needed with it.",
        ),
    ] = "",
) -> None:
    """Print the verdict as Markdown that fits into a comment on a pull request; the action of this project posts it."""
    links = [_link(text) for text in link or []]
    if nothing:
        say(nothing_judged(name or "gate", links).rstrip("\n"))
        return
    if folder is None:
        raise InputError("which verdict?", hint="name the folder that rook-bench gate wrote")
    record = read_verdict(folder)
    shown: list[tuple[str, str]] = []
    if pictures_remote is not None:
        if not pictures_url.startswith(("https://", "http://")):
            raise InputError("--pictures-remote needs --pictures-url", hint="https://HOST/OWNER/REPOSITORY/blob")
        try:
            shown = _shown(folder, record, pictures_remote, pictures_branch, pictures_url)
        except InputError as error:  # a verdict is worth telling without them
            warn(str(error))
    measures = {side: read_estimates(folder / record[side]["run"]) for side in ("candidate", "champion")
                if (record[side] or {}).get("run")}  # fmt: skip
    say(to_comment(record, name=name or str(folder), measures=measures, pictures=shown, links=links).rstrip("\n"))


def _link(text: str) -> tuple[str, str]:
    said, _, address = text.partition("=")
    if not said or not address.startswith(("https://", "http://")) or any(each in address for each in " ()<>\\"):
        raise InputError(f"'{text}' is no link", hint="--link TEXT=https://...")
    return said, address


def _shown(folder: Path, record: Any, remote: str, branch: str, url: str) -> list[tuple[str, str]]:
    """The pictures that there are, with their addresses once they are on the branch."""
    place = record["hash"][:16]
    files = {f"{place}/{name}": folder / name for name in PICTURES if (folder / name).is_file()}
    if not files:
        return []
    commit = keep_pictures(files, remote, branch)
    return [(PICTURES[path.name], f"{url.rstrip('/')}/{commit}/{name}?raw=true") for name, path in files.items()]
