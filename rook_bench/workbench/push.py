"""A model and its verdict shared on a hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rook_bench.core import ConfigError, InputError
from rook_bench.core.console import remark
from rook_bench.core.project import models_folder
from rook_bench.promotion.record import Record, present_on
from rook_bench.promotion.store import changed_files
from rook_bench.publishing import hub
from rook_bench.publishing.hub import Pushed
from rook_bench.workbench.judge import CHAMPION


def push(
    model: str | Path,
    repo: str,
    *,
    verdict: str | Path | None = None,
    private: bool = False,
    revision: str | None = None,
    pull_request: bool = False,
    license: str | None = None,
    models: str | Path | None = None,
    pool: str | None = None,
    say: Callable[[str], None] = remark,
) -> Pushed:
    """Share a model on the hub with its record, a card, and the verdict of a gate; one commit, whole or not at all.

    `HF_TOKEN` is the key, or what the hub's own client keeps after its login; it stands in no file of ours.

    Args:
        model: its folder or record (also as lora:DIR or model:DIR), or "champion": the stored copy of the promoted
            one, with the verdict that it was promoted by.
        repo: ORG/NAME; made where it isn't there.
        verdict: verdict.json of a gate that judged this very model, or the gate's folder.
        private: whether a repository that is made is private.
        revision: a branch; the default one otherwise.
        pull_request: propose it, rather than commit.
        license: for the card, as the hub names licences.
        models: the models folder, for the champion; the project's by default.
        pool: pair or address of the pool whose champion it is, where several pools have champions of their own.
        say: hears what is sent.

    Raises:
        InputError, ConfigError: for a model or a verdict that is not as its record says, and what the hub refuses.
    """
    gate: Path | None
    if str(model) == CHAMPION:
        if verdict is not None:
            raise ConfigError("the champion brings its own verdict", where="push", hint="leave --verdict out")
        folder, gate = _champion(Path(models) if models else models_folder(), pool)
    else:
        folder, gate = Path(_bare(str(model))), None if verdict is None else Path(verdict)
    return hub.push(
        folder,
        repo,
        gate=gate,
        private=private,
        revision=revision,
        pull_request=pull_request,
        license=license,
        say=say,
    )


def _bare(model: str) -> str:
    head, colon, rest = model.partition(":")
    return rest if colon and head in ("lora", "model") else model


def _champion(models: Path, pool: str | None) -> tuple[Path, Path]:
    """The stored copy of the promoted model, and its verdict."""
    record = Record(models)
    entry = record.champion_on() if pool is None else present_on(record.entries(), pool, where=record.path)
    if entry is None:
        raise InputError("nothing was promoted yet", where=record.path, hint="promote a candidate, or name a model")
    if entry["payload"] is None or entry["adapter_hash"] is None:
        raise InputError(f"the champion, {entry['source']}, is no model", where=record.path, hint="name a model")
    problems = changed_files(entry, models)
    if problems:
        raise InputError(f"the stored copy is not what was promoted: {problems[0]}", hint="see rook-bench verify")
    return models / entry["folder"] / entry["payload"], models / entry["verdict_file"]
