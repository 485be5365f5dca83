"""Facts go to stdout, progress and remarks to stderr; a program that uses the package decides about remarks itself."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from rich.console import Console

from rook_bench.core.untrusted import shown

log = logging.getLogger("rook_bench")
"""Remarks about the work. The command line prints them; elsewhere they are the standard library's to route."""
log.addHandler(logging.NullHandler())

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""For people: progress bars on a terminal, plain lines elsewhere."""


def say(text: str = "") -> None:
    """A line of result, on stdout."""
    print(shown(text))


def remark(text: str) -> None:
    """A line about the work."""
    log.info(text)


def warn(text: str) -> None:
    """A line that a reader of the result must know."""
    log.warning(text)


def say_json(value: Any) -> None:
    """JSON and nothing else, on stdout."""
    print(shown(json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)))


def on_terminal() -> bool:
    """Whether progress bars make sense."""
    return err.is_terminal and not err.quiet


def hush(quiet: bool) -> None:
    """Silence remarks and progress bars, or let them be heard again; warnings and errors are heard anyway."""
    err.quiet = quiet
    log.setLevel(logging.WARNING if quiet else logging.INFO)


class OnStderr(logging.Handler):
    """Prints remarks as the command line does: the text and nothing else."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one remark."""
        print(shown(record.getMessage()), file=sys.stderr)
