"""`rook-bench doctor`: what is installed, what a model is, what a data folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from rook_bench.core.console import say, say_json

app = typer.Typer(
    help="Facts about this machine, a model or a data folder; names what is wrong.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


@app.command()
def machine(json: Json = False) -> None:
    """Versions, cores, device, and which engines can run here."""
    from rook_bench.language.doctor import machine_facts

    _tell(machine_facts(), json)


@app.command()
def model(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An adapter that `rook-bench train` wrote.")],
    base: Annotated[str | None, typer.Option("--base", help="Where its base model lies, if it moved.")] = None,
    json: Json = False,
) -> None:
    """Base, template, LoRA shape, parameters, classes, hashes, and a sample decision."""
    from rook_bench.language.doctor import model_facts

    _tell(model_facts(folder, base), json)


@app.command()
def data(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A prepared folder, or ROOK's processed data.")],
    json: Json = False,
) -> None:
    """Shapes and columns of every table, the splits, the labels, and what does not fit together."""
    from rook_bench.dataset.folder_facts import folder_facts

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
