"""Where in a person's own file something went wrong."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def told(error: BaseException, function: Callable[..., Any], file: Path) -> str:
    """What an error says, on one line, with the place in `file` that raised it ("ValueError: not so (mine.py:13)").

    Args:
        function: what was called; its own first line is named where the error came before it could begin.
        file: where it was written.
    """
    said = " ".join(str(error).split())[:300]
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    lines = [step.lineno for step in traceback.extract_tb(error.__traceback__) if Path(step.filename) == file]
    return f"{text} ({file.name}:{lines[-1]})" if lines else f"{text} ({place_of(function, file)})"


def place_of(function: Callable[..., Any], file: Path) -> str:
    """File and line of a function ("mine.py:10"); the file alone where the line is not known."""
    code = getattr(function, "__code__", None)
    return file.name if code is None else f"{file.name}:{code.co_firstlineno}"
