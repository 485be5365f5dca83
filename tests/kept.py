"""Folders that take seconds to make, made once and kept between test runs, as the product keeps compiled code."""

import os
import shutil
import tempfile
import time
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

from filelock import FileLock

from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.hashing import PACKAGE, TRAINING, sha256_code, sha256_file, sha256_json

SHELF = cache_folder() / "tests"
"""Where they lie: beside the compiled code; named before a test run turns the cache elsewhere."""

UNUSED_S = 14 * 86400.0
"""What no test run has asked for in this time is thrown away."""


def kept_folder(name, make, *, shelf=SHELF, **made_of):
    """The folder `name` that `make(folder)` writes, from an earlier test run where there is one; never write to it.

    It is kept under the hash of `made_of` (JSON values, files, folders of files), of the code that prepares
    and trains, and of every library's version: a change of any makes it anew. Two processes that ask at
    once make it once. Where nothing can be kept, every process makes its own.
    """
    parts = {part: _content(value) for part, value in made_of.items()}
    key = sha256_json({"name": name, "made of": parts, "code": _code(), "libraries": _libraries()})
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        lock = FileLock(shelf / f"{name}-{key[:16]}.lock")
        with lock:
            return _made(shelf / f"{name}-{key[:16]}", make, name)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="rook-bench-tests-")) / name
        make(folder)
        return folder


def _made(place, make, name):
    """`place/name`, made now unless it is there."""
    if not place.exists():
        aside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        try:
            make(aside / name)
            aside.replace(place)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        _throw_away_the_unused(place.parent)
    os.utime(place)
    return place / name


def _throw_away_the_unused(shelf):
    for path in shelf.iterdir():
        if path.is_dir() and time.time() - path.stat().st_mtime > UNUSED_S:
            shutil.rmtree(path, ignore_errors=True)


def _content(value):
    """A JSON value as it is; a file or a folder by its place and its bytes."""
    if not isinstance(value, Path):
        return value
    files = sorted(path for path in value.rglob("*") if path.is_file()) if value.is_dir() else [value]
    return [str(value), *(sha256_file(path) for path in files)]


@cache
def _code():
    templates = sorted((PACKAGE / "language" / "templates").glob("*.toml"))
    return [sha256_code(*TRAINING), *(sha256_file(path) for path in templates)]


@cache
def _libraries():
    return sorted({f"{found.name} {found.version}" for found in distributions()})
