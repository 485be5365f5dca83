"""`rook-bench push`: a model and its verdict shared on the hub."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import ChampionPool, Json, Models
from rook_bench.core.console import say, say_json
from rook_bench.workbench import push as bench


def push(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Its folder or record, or champion: the promoted one.")],
    repo: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The repository; made where it isn't there.")],
    verdict: Annotated[
        Path | None,
        typer.Option("--verdict", help="verdict.json of a gate that judged this model, or the gate's folder."),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="A repository that is made is private; one that is public is refused.")
    ] = False,
    revision: Annotated[str | None, typer.Option("--revision", metavar="BRANCH", help="Another branch.")] = None,
    pull_request: Annotated[bool, typer.Option("--pr", help="Propose it as a pull request.")] = False,
    license: Annotated[str | None, typer.Option("--license", help="For the card, as the hub names it (mit).")] = None,
    models: Models = None,
    pool: ChampionPool = None,
    json: Json = False,
) -> None:
    """Share a model on the hub with its record, a card and its verdict, in one commit; HF_TOKEN is the key."""
    done = bench.push(
        model,
        repo,
        verdict=verdict,
        private=private,
        revision=revision,
        pull_request=pull_request,
        license=license,
        models=models,
        pool=pool,
    )
    if json:
        say_json(asdict(done))
        return
    say(f"pushed: {done.pull_request or done.address}")
    said = f"the card says {done.verdict}" if done.verdict else "no verdict was given, and the card says none"
    say(f"commit: {done.commit} ({said})")
    say(f"take it in elsewhere: rook-bench adopt {repo}@{done.commit[:12]}")
