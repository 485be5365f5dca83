"""Errors that a user can cause: one line that says what, where and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class RookError(Exception):
    """A problem the user can mend.

    Args:
        what: what is wrong, in one sentence without a full stop.
        where: the file, key, row or argument it was found at.
        hint: what to do about it.

    The command line prints `str(error)` and exits with `exit_code`.
    """

    exit_code = 3

    def __init__(self, what: str, *, where: object = None, hint: str | None = None) -> None:
        self.what, self.where, self.hint = what, where, hint
        line = what if where is None else f"{where}: {what}"
        super().__init__(f"{line}; {hint}" if hint else line)

    def __reduce__(self) -> tuple[Any, ...]:
        # By its parts: the constructors of its kinds take other arguments than the line they end in.
        return _again, (type(self), self.what, self.where, self.hint)


def _again(kind: type[RookError], what: str, where: object, hint: str | None) -> RookError:
    error = kind.__new__(kind)
    RookError.__init__(error, what, where=where, hint=hint)
    return error


class InputError(RookError):
    """A file, column or value that can't be used."""


class ConfigError(RookError):
    """A configuration key or value that is not known or not allowed."""


class UnknownName(RookError):
    """A name that is not registered; the message offers the nearest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, where: object = None) -> None:
        super().__init__(f"unknown {kind} '{name}'", where=where, hint=suggest(name, known))


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word nearest to `name`, or all of them."""
    words = sorted(known)
    near = difflib.get_close_matches(name, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return "known: " + ", ".join(words) if words else "none is known here"
