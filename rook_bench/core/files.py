"""Outputs appear whole or not at all: written aside, then renamed."""

from __future__ import annotations

import ctypes
import difflib
import errno
import json
import os
import re
import shutil
import socket
import stat
import tempfile
import time
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
    sweep(path)
    handle, name = tempfile.mkstemp(prefix=_aside(path), dir=path.parent)
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
    empty, so that a mistyped `--out` never deletes somebody's work. Old and new change places in one step where
    the system can do that, so that whoever is killed leaves the one or the other. Of several writers the last wins.
    """
    path = Path(path)
    check_replaceable(path)
    _make_parent(path)
    sweep(path)
    aside = Path(tempfile.mkdtemp(prefix=_aside(path), dir=path.parent))
    try:
        yield aside
        (aside / MARKER).write_text("written by rook-bench; safe to replace\n", encoding="utf-8")
        aside.chmod(0o755)
        _take_place(aside, path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


ATTEMPTS = 100
"""How often a writer tries to take a place that others take too."""


def _take_place(aside: Path, path: Path) -> None:
    """Put a folder in its place; what stood there is left at `aside`, or gone."""
    for _ in range(ATTEMPTS):
        if not path.exists():
            try:
                aside.rename(path)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
                    raise
                continue  # somebody else took it meanwhile
            return
        check_replaceable(path)
        if exchange(aside, path):
            return
        old = Path(tempfile.mkdtemp(prefix=_aside(path), dir=path.parent))
        try:
            path.replace(old)
            aside.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
        else:
            return
        finally:
            shutil.rmtree(old, ignore_errors=True)
    raise InputError("others write there all the time", where=path, hint="choose another --out")


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; False where the system or its disk can't."""
    for name, flag in (("renameat2", 2), ("renamex_np", 2)):  # Linux: RENAME_EXCHANGE; macOS: RENAME_SWAP
        call = getattr(ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None, name, None)
        if call is None:
            continue
        here, first, second = ctypes.c_int(-100), os.fsencode(one), os.fsencode(other)
        done = call(here, first, here, second, flag) if name == "renameat2" else call(first, second, flag)
        return bool(done == 0)
    return False


def _aside(path: Path) -> str:
    """What the names of this process begin with beside a path."""
    return f".{path.name}.{_HOST}-{os.getpid()}."


_HOST = re.sub("[^A-Za-z0-9]", "", socket.gethostname())[:32] or "here"


def sweep(path: Path) -> None:
    """Remove what writers of this path left beside it who were killed on this machine."""
    name = re.compile(rf"\.{re.escape(path.name)}\.{_HOST}-(\d+)\.[a-z0-9_]{{8}}")
    try:
        left = [(found, entry) for entry in path.parent.iterdir() if (found := name.fullmatch(entry.name))]
    except OSError:
        return
    for found, entry in left:
        if _is_alive(int(found[1])):
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


MARKER = ".rook-bench"


def check_replaceable(path: Path) -> None:
    """Raise InputError if writing a folder to `path` would delete something that is not ours."""
    if path.is_symlink():
        raise InputError("the output path is a link", where=path, hint="name the folder that it points to")
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)  # asked once: others may take the place meanwhile
    except NotADirectoryError:
        raise InputError("the output path lies below a file", where=path, hint="choose another --out") from None
    except OSError:
        return
    if is_folder:
        if _is_foreign(path):
            raise InputError(
                "the output folder holds files that rook-bench did not write", where=path, hint="choose another --out"
            )
    else:
        raise InputError("the output path is a file", where=path, hint="choose another --out")


def check_apart(out: Path, *read: str | Path) -> None:
    """Raise InputError if a folder that is to be written is, or holds, one that is read: it would be replaced."""
    place = out.resolve()
    for path in map(Path, read):
        if path.resolve().is_relative_to(place):
            raise InputError(f"{path} lies there, and would be replaced", where=out, hint="choose another folder")


def _is_foreign(path: Path) -> bool:
    """Whether a folder holds files and not our marker; what other writers replace meanwhile is looked at again."""
    for _ in range(LOOKS):
        try:
            held = {entry.name for entry in os.scandir(path)}
        except FileNotFoundError:
            return False
        if not held or MARKER in held:
            return False
        time.sleep(0.005)
    return True


LOOKS = 10
"""How often a folder without our marker is looked at: what is being removed lacks it for a moment."""


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
