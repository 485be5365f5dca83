"""Files of folders that are anybody's: regular, inside a root, of a known size, and read as data alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rook_bench.core import InputError
from rook_bench.core.untrusted import check_cells, check_text, too_deep

MOST_JSON = 16 << 20
"""Bytes of a record; the largest of ours, a verdict with many checks, has some 200 kB."""


class Absent(InputError):
    """What an address names and no folder has."""


@contextmanager
def opened(path: Path, root: Path) -> Iterator[BufferedReader]:
    """A regular file that lies in a root, no link, nor anything that a link leads to.

    Raises:
        InputError: for any other, and where there is none.
    """
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            raise InputError("it lies elsewhere", where=path)
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        raise InputError("it is not there", where=path) from None
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read ({getattr(error, 'strerror', None) or error})", where=path) from None
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise InputError("it is no file", where=path)
        yield file


def read_json(path: Path, root: Path) -> dict[str, Any]:
    """A record: an object of ordinary depth and size, with finite numbers.

    Raises:
        InputError: for anything else.
    """
    with opened(path, root) as file:
        content = file.read(MOST_JSON + 1)
    if len(content) > MOST_JSON:
        raise InputError(f"more than {MOST_JSON:,} bytes, which no record has", where=path)
    if too_deep(content):
        raise InputError("nested deeper than any record", where=path)
    try:
        value = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InputError(f"no record ({' '.join(str(error).split())[:120]})", where=path) from None
    if not isinstance(value, dict):
        raise InputError("no record: not an object", where=path)
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


@contextmanager
def parquet(path: Path, root: Path, texts: Collection[str] = ()) -> Iterator[pq.ParquetFile]:
    """A Parquet file that lies in a root, and would fit in memory.

    Args:
        texts: columns that are read as codes and their different values: a text on every row costs a file nothing.

    Raises:
        InputError: for anything else, also where reading it fails inside the block.
    """
    with opened(path, root) as file:
        try:
            source = pa.PythonFile(file, mode="r")
            facts = pq.ParquetFile(source).metadata
            coded = [name for name in texts if name in facts.schema.names]
            with pq.ParquetFile(source, metadata=facts, read_dictionary=coded) as content:
                check_cells(content.metadata.num_rows, content.metadata.num_columns, path)
                yield content
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise InputError(f"can't be read ({' '.join(str(error).split())[:120]})", where=path) from None


def columns_of(path: Path, root: Path, names: dict[str, pa.DataType]) -> pa.Table:
    """Some columns of a Parquet file, of the types that they have in ours.

    Raises:
        InputError: where one is missing, or of a type that can't be taken for it.
    """
    texts = [name for name, kind in names.items() if pa.types.is_dictionary(kind)]
    with parquet(path, root, texts) as file:
        lacking = [name for name in names if name not in file.schema_arrow.names]
        if lacking:
            raise InputError(f"it lacks the column '{lacking[0]}'", where=path)
        table = file.read(columns=list(names)).unify_dictionaries()
        for column in table.columns:
            check_text(column.nbytes if pa.types.is_dictionary(column.type) else 0, path)
        return table.cast(pa.schema([pa.field(name, kind) for name, kind in names.items()]))
