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

MOST_TEXT, MOST_RATIO, MOST_DEFLATED = 2**30, 200, 1032
"""Bytes that a compressed text may unpack to, where it is more than so many times smaller: text packs ten to one, and
nothing more than a thousand to one (RFC 1951)."""

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


def check_text(lengths: int, path: Path) -> None:
    """InputError for a column of text of so many bytes in all: equal values cost a file nothing, and memory much."""
    if lengths > MOST_TEXT:
        raise InputError(f"a column holds {lengths:,} bytes of text", where=path, hint="make the file again")


def check_unpacked(path: Path) -> None:
    """InputError for a gzip file that unpacks to far more than text does; a damaged one is its reader's to tell.

    What a file says of its own length is its last member's alone, so that the bytes are counted, and none kept.
    """
    size = path.stat().st_size
    if size * MOST_DEFLATED < MOST_TEXT:
        return
    most, unpacked = max(MOST_TEXT, MOST_RATIO * size), 0
    try:
        with gzip.open(path) as file:
            while unpacked <= most and (part := file.read(1 << 20)):
                unpacked += len(part)
    except (OSError, EOFError, zlib.error):
        return
    if unpacked > most:
        what = f"{size:,} bytes that unpack to more than {most:,}"
        raise InputError(what, where=path, hint="no log packs like that; unpack it yourself if you trust it")


DEEPEST = 100
"""Lists and objects inside one another in JSON from outside; Python's reader takes a place on the stack for each."""

_STRING_OR_OTHER = re.compile(rb'"(?:[^"\\\\]|\\\\.)*"|[^\[\]{}"]+')


def too_deep(text: bytes) -> bool:
    """Whether JSON is nested deeper than any of ours, asked without reading it."""
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for bracket in _STRING_OR_OTHER.sub(b"", text):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


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
