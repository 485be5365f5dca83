"""What comes from outside: text that may hold anything, files larger than they look, paths that lead elsewhere."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from pathlib import Path

from rook_bench.core.errors import InputError

CELLS_VARIABLE = "ROOK_BENCH_MOST_CELLS"
MOST_CELLS = 200_000_000
"""Values that a Parquet file may hold, unless the variable of that name allows more: some 12 million swaps."""

MOST_TEXT, MOST_RATIO = 2**30, 200
"""Bytes that a compressed text may unpack to, where it is more than so many times smaller: text packs ten to one."""

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters, and those that turn or hide text around them; neither tab nor line feed."""


def shown(text: str) -> str:
    """Text as it may go to a terminal, a page or a file: without what would act there instead of being seen."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def word(text: str, longest: int) -> str:
    """A name from outside: one line of at most so many characters."""
    clean = " ".join(shown(text).split())
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"


def check_cells(rows: int, columns: int, path: Path) -> None:
    """InputError for a table that would not fit in memory; a small file can hold one, equal values cost nothing."""
    allowed = os.environ.get(CELLS_VARIABLE, "")
    most = int(allowed) if allowed.isdigit() else MOST_CELLS
    if rows * columns > most:
        what = f"it holds {rows:,} rows of {columns} columns, more than {most:,} values"
        raise InputError(what, where=path, hint=f"split it by day; or set {CELLS_VARIABLE} to allow more")


def check_unpacked(path: Path) -> None:
    """InputError for a gzip file that unpacks to far more than text does; a damaged one is its reader's to tell."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < 18:
            return
        file.seek(-4, os.SEEK_END)
        said = int.from_bytes(file.read(4), "little")  # bytes of the last member modulo 2^32 (RFC 1952)
    most, unpacked = max(MOST_TEXT, MOST_RATIO * size), 0
    if said <= min(MOST_TEXT, MOST_RATIO * size):
        return
    try:
        with gzip.open(path) as file:  # counted, never kept
            while unpacked <= most and (part := file.read(1 << 20)):
                unpacked += len(part)
    except (OSError, EOFError, zlib.error):
        return
    if unpacked > most:
        what = f"{size:,} bytes that unpack to more than {most:,}"
        raise InputError(what, where=path, hint="no log packs like that; unpack it yourself if you trust it")


def confined(folder: Path, relative: str, *, above: int = 0) -> Path:
    """A path that a record names, which must lie in its folder (or in one so many levels above it).

    Raises:
        InputError: where it leads elsewhere.
    """
    path, root = folder / relative, folder.resolve()
    for _ in range(above):
        root = root.parent
    if Path(relative).is_absolute() or not path.resolve().is_relative_to(root):
        raise InputError(f"it names {shown(relative)!r}, which lies elsewhere", where=folder)
    return path
