"""What the verbs print: facts to stdout, progress and remarks to stderr."""

from __future__ import annotations

import json
from typing import Any

import typer
from rich.console import Console

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""For people: progress bars on a terminal, plain lines elsewhere."""


def say(text: str = "") -> None:
    """A line of result, on stdout."""
    typer.echo(text)


def remark(text: str) -> None:
    """A line about the work, on stderr."""
    typer.echo(text, err=True)


def say_json(value: Any) -> None:
    """JSON and nothing else, on stdout."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False))


def on_terminal() -> bool:
    """Whether progress bars make sense."""
    return err.is_terminal
