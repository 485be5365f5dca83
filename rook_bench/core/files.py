"""Outputs appear whole or not at all: written aside, then renamed."""

from __future__ import annotations

import difflib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rook_bench.core.errors import InputError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there when the block ends without an error."""
    path = Path(path)
    _make_parent(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o644)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it takes the place of `path` when the block succeeds.

    An existing folder is replaced only when it carries our marker (an earlier output) or is
    empty, so that a mistyped `--out` never deletes somebody's work.
    """
    path = Path(path)
    check_replaceable(path)
    _make_parent(path)
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield aside
        (aside / MARKER).write_text("written by rook-bench; safe to replace\n", encoding="utf-8")
        aside.chmod(0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            path.replace(old)
            aside.replace(path)
            shutil.rmtree(old)
        else:
            aside.replace(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


MARKER = ".rook-bench"


def check_replaceable(path: Path) -> None:
    """Raise InputError if writing a folder to `path` would delete something that is not ours."""
    if path.is_symlink():
        raise InputError("the output path is a link", where=path, hint="name the folder that it points to")
    if path.is_dir():
        if any(path.iterdir()) and not (path / MARKER).exists():
            raise InputError(
                "the output folder holds files that rook-bench did not write", where=path, hint="choose another --out"
            )
    elif path.exists():
        raise InputError("the output path is a file", where=path, hint="choose another --out")


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"can't create the output folder ({error.strerror})", where=path.parent) from None
    if not os.access(path.parent, os.W_OK):
        raise InputError("the output folder can't be written", where=path.parent, hint="choose another --out")


NEAR = 0.75
"""Likeness of two names (0 to 1) from which on one may be a slip for the other."""


def near_file(path: Path) -> str:
    """What to do about a file that isn't there: the near name beside it, where there is one.

    Names are compared without an ending that they share: "nope.toml" is no slip for "pyproject.toml".
    """
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    likeness = {name: _likeness(path.name, name) for name in sorted(names)}
    near = max(likeness, key=likeness.__getitem__, default="")
    return f"did you mean '{near}'?" if near and likeness[near] >= NEAR else "check the path"


def _likeness(asked: str, name: str) -> float:
    ending = Path(asked).suffix
    if ending and name.endswith(ending):
        asked, name = asked.removesuffix(ending), name.removesuffix(ending)
    return difflib.SequenceMatcher(None, asked, name).ratio()


def write_text(path: str | Path, text: str) -> None:
    """Write `text` whole."""
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


def to_json(value: Any) -> str:
    """Readable JSON; NaN and infinity are refused because they are not JSON."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as readable JSON, whole."""
    write_text(path, to_json(value))
