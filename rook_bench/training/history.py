"""What training writes beside its checkpoints for whoever watches: all that it logged, and the step that it is at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rook_bench.core import InputError

METRICS, PROGRESS = "metrics.jsonl", "progress.json"

MOST_LINES = 100_000
"""Of a history; training logs some fifty and one for each epoch."""


def write_history(path: Path, logged: Sequence[dict[str, float]]) -> None:
    """One JSON object per line, as the trainer logged them."""
    _replace(path, "".join(json.dumps(entry) + "\n" for entry in logged))


def write_step(path: Path, step: int, of: int) -> None:
    """The step that training is at, and of how many."""
    _replace(path, json.dumps({"step": step, "of": of}))


def _replace(path: Path, text: str) -> None:
    """Not `whole_file`, which looks through the folder for what the killed left there: this is written every second."""
    aside = path.with_suffix(".tmp")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def read_history(path: Path) -> list[dict[str, float]]:
    """What was logged: a line each, finite numbers by name and nothing else.

    Raises:
        InputError: for anything else, which may come from another machine.
    """
    what = "not a history of numbers"
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        raise InputError(what, where=path, hint="train, or fetch it, again") from None
    if len(lines) > MOST_LINES:
        raise InputError(f"{len(lines):,} lines, more than training logs", where=path)
    for number, line in enumerate(lines, 1):
        if not isinstance(line, dict) or not all(_is_figure(name, value) for name, value in line.items()):
            raise InputError(what, where=f"{path} line {number}", hint="train, or fetch it, again")
    return lines


def _is_figure(name: str, value: object) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and len(name) <= 64 and name.isidentifier()
