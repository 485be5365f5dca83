"""Rows of CSV, Parquet, JSON and JSON-lines files as text, a chunk at a time.

Text keeps every digit: no integer passes through a float on its way to an event table, and a
number that somebody else has already put through one shows it ("1.66e+33").
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rook_bench.core import InputError
from rook_bench.core.untrusted import check_cells
from rook_bench.ingest.hexadecimal import hex_text
from rook_bench.ingest.text_files import check_exists, form_of, open_text, reading_table

ROWS = 100_000
"""Rows of a chunk."""

_MISSING = ("nan", "NaN", "NULL", "null", "None", "<NA>", "<nil>")
_SEEN = 100
"""Rows of a JSON file whose keys make its columns: rows may leave out what is null."""


def columns_of(path: Path) -> list[str]:
    """The column names of a file; nested JSON keys are joined with dots (pool.id, token0.decimals)."""
    check_exists(path)
    match _kind(path):
        case "parquet":
            return list(_schema(path).names)
        case "csv":
            with reading_table(path):
                encoding, separator = form_of(path)
                return [str(name) for name in pd.read_csv(path, nrows=0, encoding=encoding, sep=separator).columns]
        case kind:
            rows = islice(_json_rows(path, kind), _SEEN)
            return list(dict.fromkeys(name for row in rows for name in row))


def read_records(path: Path, columns: Collection[str] | None = None, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """The file's rows, in chunks of at most `rows`, as DataFrames of text.

    Missing values are "". Parquet binaries become "0x..." hex, integers decimal digits, times ISO
    8601 in UTC, floats the shortest text that reads back as the same float. The index counts the
    rows of the file from 0. CSV, Parquet and JSON lines are never held as a whole; a JSON array is.

    Args:
        columns: names to read, all by default; names the file lacks are left out.

    Raises:
        InputError: a file that is missing, damaged, cut off or holds an error answer.
    """
    check_exists(path)
    wanted = None if columns is None else set(columns)
    match _kind(path):
        case "parquet":
            chunks = _parquet_chunks(path, wanted, rows)
        case "csv":
            chunks = _csv_chunks(path, wanted, rows)
        case kind:
            chunks = _json_chunks(path, kind, wanted, rows)
    for chunk in chunks:
        yield chunk.fillna("").replace(list(_MISSING), "")


def _kind(path: Path) -> str:
    name = path.name.removesuffix(".gz").lower()
    if name.endswith(".parquet"):
        return "parquet"
    if name.endswith((".jsonl", ".ndjson")):
        return "lines"
    if not name.endswith(".json"):
        return "csv"
    with reading_table(path), open_text(path) as file:
        first, second = file.readline(), file.readline()
    return "lines" if second.strip() and _is_object(first) else "json"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except json.JSONDecodeError:
        return False


# CSV.


def _csv_chunks(path: Path, wanted: set[str] | None, rows: int) -> Iterator[pd.DataFrame]:
    use = None if wanted is None else (lambda name: name in wanted)
    with reading_table(path):
        encoding, separator = form_of(path)
        with pd.read_csv(
            path, encoding=encoding, sep=separator, usecols=use, dtype=str, keep_default_na=False, chunksize=rows
        ) as reader:
            yield from reader


# Parquet.


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        raise InputError("not a readable Parquet file", where=path, hint="it may be cut off; write it again") from None


def _parquet_chunks(path: Path, wanted: set[str] | None, rows: int) -> Iterator[pd.DataFrame]:
    names = [name for name in _schema(path).names if wanted is None or name in wanted]
    start = 0
    try:
        with pq.ParquetFile(path) as file:
            check_cells(file.metadata.num_rows, len(names), path)
            for batch in file.iter_batches(batch_size=rows, columns=names):
                text = {name: _text(batch.column(name)) for name in names}
                yield pd.DataFrame(text, index=pd.RangeIndex(start, start + len(batch)), dtype=str)
                start += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"the Parquet file can't be read ({str(error).splitlines()[0]})", where=path) from None


_TEXT: Any = pd.StringDtype(na_value=np.nan)
"""What pandas makes of `str`: texts that stay in Arrow's memory, and are no Python object each."""


def _text(column: pa.Array) -> Any:
    """One Parquet column as text, "" where null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.dictionary_decode())
    if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _TEXT.__from_arrow__(pc.fill_null(column.cast(pa.large_string()), ""))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _TEXT.__from_arrow__(hex_text(column))
    if pa.types.is_timestamp(kind):
        times = column.cast(pa.timestamp(kind.unit)).to_numpy(zero_copy_only=False)
        return np.where(np.isnat(times), "", np.char.add(np.datetime_as_string(times), "Z"))
    return [_text_of(value) for value in column.to_pylist()]


def _text_of(value: Any) -> str:
    """One value of Parquet or JSON as text."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return str(value).lower()
        case bytes():
            return "0x" + value.hex()
        case float():
            return "" if value != value else repr(value)
        case Decimal():
            # A decimal is exact: digits behind the point that are all zero say nothing.
            text = format(value, "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        case list() | dict():
            return json.dumps(value, default=_text_of)
        case _:
            return str(value)


# JSON.


def _json_chunks(path: Path, kind: str, wanted: set[str] | None, rows: int) -> Iterator[pd.DataFrame]:
    source = _json_rows(path, kind)
    names = columns_of(path) if wanted is None else [name for name in columns_of(path) if name in wanted]
    start = 0
    while batch := list(islice(source, rows)):
        text = {name: [row.get(name, "") for row in batch] for name in names}
        yield pd.DataFrame(text, index=pd.RangeIndex(start, start + len(batch)), dtype=str)
        start += len(batch)


def _json_rows(path: Path, kind: str) -> Iterator[dict[str, str]]:
    with reading_table(path), open_text(path) as file:
        if kind == "json":
            yield from _flat(_unwrapped(_parsed(file.read(), path, "the JSON file"), path), path)
            return
        for number, line in enumerate(file, 1):
            if line.strip():
                yield from _flat(_unwrapped(_parsed(line, path, f"line {number}"), path), path)


def _parsed(text: str, path: Path, what: str) -> Any:
    if not text.strip():
        raise InputError("the file is empty", where=path)
    try:
        # Numbers stay the text they are, so that no digit is lost.
        return json.loads(text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{what} is not JSON ({error.msg} at character {error.pos + 1})", where=path, hint="is it cut off?"
        ) from None


def _unwrapped(value: Any, path: Path) -> Iterator[Any]:
    """Rows out of the envelopes of JSON-RPC, eth_subscribe, Etherscan, The Graph and Dune, or of a plain array."""
    if isinstance(value, list):
        for item in value:
            yield from _unwrapped(item, path)
        return
    if isinstance(value, dict):
        answer = value.get("error") or value.get("errors")
        if not answer and isinstance(value.get("result"), str) and "message" in value:
            answer = value["result"]
        if answer:
            raise InputError(f"holds an error answer, not a log ({_text_of(answer)[:80]})", where=path)
        for key in ("params", "result", "data", "swaps", "rows"):
            if isinstance(value.get(key), list | dict):
                yield from _unwrapped(value[key], path)
                return
    yield value


def _flat(rows: Iterable[Any], path: Path) -> Iterator[dict[str, str]]:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise InputError(f"entry {number} is not an object with named values", where=path)
        yield dict(_items(row, ""))


def _items(row: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _items(value, f"{prefix}{name}.")
        else:
            yield prefix + name, _text_of(value)
