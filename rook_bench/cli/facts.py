"""`rook-bench doctor machine`, `model` and `data`: facts, for people or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.cli.options import Json
from rook_bench.core.console import say, say_json
from rook_bench.dataset.folder_facts import folder_facts
from rook_bench.language.doctor import machine_facts, model_facts


def machine(json: Json = False) -> None:
    """Versions, cores, device, and which engines can run here."""
    _tell(machine_facts(), json)


def model(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="An adapter or a model: trained, adopted, or neither.")],
    base: Annotated[str | None, typer.Option("--base", help="Where its base model lies, if it moved.")] = None,
    json: Json = False,
) -> None:
    """Base, template, LoRA shape, parameters, classes, hashes, and a sample decision."""
    _tell(model_facts(folder, base), json)


def data(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A prepared folder, or ROOK's processed data.")],
    json: Json = False,
) -> None:
    """Shapes and columns of every table, the splits, the labels, and what does not fit together."""
    _tell(folder_facts(folder), json)


def _tell(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            say(f"{name}:")
            for key, inner in value.items():
                say(f"  {key}: {_text(inner)}")
        else:
            say(f"{name}: {_text(value)}")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
