"""Decision tapes on disk: asked once, kept under the hash of source and data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, InputError, mapped, texts
from rook_bench.core.arrays import text_column
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.core.files import whole_file
from rook_bench.core.parquet import write_parts
from rook_bench.core.transcript import Transcript, Transcripts
from rook_bench.core.untrusted import check_cells, check_text

VERSION = 1
_METADATA = b"rook_bench_decisions"
_NUMBERS = ("size", "slippage_bps", "deadline_s", "confidence")


_TEXTS = ("reason", "raw_text")


_TRANSCRIPT = tuple(field.name for field in fields(Transcript))


def _transcript(table: pa.Table) -> Transcript:
    columns: dict[str, Any] = {}
    for name in _TRANSCRIPT:
        if name in ("prompt", "said"):
            columns[name] = np.concatenate([*map(_shared, table[name].chunks), np.empty(0, dtype=object)])
        else:
            columns[name] = table[name].to_numpy().astype(np.float64)
    return Transcript(**columns)


def _shared(chunk: pa.DictionaryArray) -> NDArray[np.object_]:
    """Texts of a column, equal ones one object in memory."""
    known = text_column([*chunk.dictionary.to_pylist(), ""])
    return known[np.asarray(pc.fill_null(chunk.indices, len(known) - 1))]


def _bytes_of(column: pa.ChunkedArray) -> int:
    """Bytes of a text column when every row has its own, as Python will have it."""
    total = 0
    for chunk in column.chunks:
        lengths = np.asarray(pc.fill_null(pc.binary_length(chunk.dictionary), 0), dtype=np.int64)
        rows = np.asarray(pc.fill_null(chunk.indices, -1))
        total += int(lengths[rows[rows >= 0]].sum()) if len(lengths) else 0
    return total


def write_decisions(
    tape: DecisionTape, path: str | Path, facts: dict[str, Any], *, at: NDArray[np.datetime64] | None = None
) -> None:
    """Write a decision tape as Parquet.

    Args:
        tape: the decisions, with what was asked and said where that is known.
        path: the file, written whole.
        facts: go into its metadata (source spec, data hash).
        at: time of each swap, for a reader; shape (n,).
    """
    record = {"version": VERSION, **facts, "content_hash": tape.content_hash}
    stored = {_METADATA: json.dumps(record).encode()}

    def part(rows: slice) -> pa.Table:
        return _table(tape, None if at is None else at[rows], rows).replace_schema_metadata(stored)

    with whole_file(path) as aside:
        write_parts(len(tape), part, aside)


def _table(tape: DecisionTape, at: NDArray[np.datetime64] | None, rows: slice) -> pa.Table:
    columns = {} if at is None else {"at": pa.array(at, pa.timestamp("ns", "UTC"))}
    columns["side"] = pa.DictionaryArray.from_arrays(_known(tape.side[rows]), _sides()).cast(pa.string())
    columns |= {name: pa.array(np.ascontiguousarray(getattr(tape, name)[rows])) for name in _NUMBERS}
    columns["reason"] = pa.array(tape.reason[rows], pa.string())
    if tape.raw_text is not None:
        columns["raw_text"] = pa.array(tape.raw_text[rows], pa.string())
    if tape.transcript is not None:
        said = tape.transcript.rows(rows).columns()
        columns |= {name: pa.array(column, from_pandas=True) for name, column in said.items()}
    return pa.table(columns)


@cache
def _sides() -> pa.Array:
    return pa.array(SIDE_NAMES, pa.string())  # made when it is needed: it has pandas imported


def _known(side: NDArray[np.int8]) -> pa.Array:
    """Codes of sides; what is none is missing."""
    return pa.array(side, pa.int8(), mask=side == UNPARSED)


def read_decisions(path: str | Path) -> tuple[DecisionTape, dict[str, Any]]:
    """Read a decision tape and its facts; InputError where it is missing, foreign or changed."""
    path = Path(path)
    if not path.is_file():
        raise InputError("no such decision tape", where=path, hint="make one with rook-bench decide")
    if path.suffix == ".csv":
        raise InputError(
            "decisions in CSV are to look at and don't replay", where=path, hint="decide with an --out in .parquet"
        )
    try:
        names = pq.read_schema(path).names
        told = [name for name in (*_TRANSCRIPT, *_TEXTS) if name in names]
        file = pq.ParquetFile(path, read_dictionary=[name for name in told if name in (*_TEXTS, "prompt", "said")])
        check_cells(file.metadata.num_rows, file.metadata.num_columns, path)
        facts = json.loads((file.schema_arrow.metadata or {})[_METADATA])
        tape = _tape(file, names, path)
    except (pa.ArrowInvalid, OSError, KeyError, json.JSONDecodeError):
        raise InputError("not a decision tape", where=path, hint="make one with rook-bench decide") from None
    if tape.content_hash != facts["content_hash"]:
        raise InputError("the decisions do not match their own hash", where=path, hint="make the tape again")
    return tape, facts


def _tape(file: pq.ParquetFile, names: list[str], path: Path) -> DecisionTape:
    """The decisions of a file, a batch at a time."""
    rows, filled, text = file.metadata.num_rows, 0, dict.fromkeys(names, 0)
    columns: dict[str, Any] = {"side": mapped.empty(rows, np.int8)}
    columns |= {name: mapped.empty(rows) for name in _NUMBERS}
    told = {name: texts.Gathering(rows) for name in _TEXTS if name in names}
    transcripts, shared = Transcripts(rows), dict[tuple[str, int], int]()
    for group, batch in _batches(file):
        table, own = pa.Table.from_batches([batch]), slice(filled, filled + len(batch))
        for name in ("prompt", "said"):
            if name in names:  # the batches of a row group share its texts
                size = sum(chunk.dictionary.nbytes for chunk in table[name].chunks)
                shared[name, group] = max(size, shared.get((name, group), 0))
                check_text(sum(size for (other, _), size in shared.items() if other == name), path)
        for name, gathering in told.items():
            text[name] += _bytes_of(table[name])
            check_text(text[name], path)
            for chunk in table[name].chunks:
                gathering.add(_shared(chunk))
        columns["side"][own] = pc.fill_null(pc.index_in(table["side"], _sides()), UNPARSED).to_numpy()
        for name in _NUMBERS:
            columns[name][own] = table[name].to_numpy()
        if set(_TRANSCRIPT) <= set(names):
            transcripts.add(own, _transcript(table))
        filled = own.stop
    columns |= {name: _once(gathering.column()) for name, gathering in told.items()}
    return DecisionTape(**columns, transcript=transcripts.whole)


BATCH = 1 << 16
"""Rows that are read at once."""


def _batches(file: pq.ParquetFile) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The batches of a file, each with the number of its row group."""
    for group in range(file.num_row_groups):
        for batch in file.iter_batches(BATCH, row_groups=[group]):
            yield group, batch


def _once(column: texts.Column) -> texts.Column:
    """A text that is the same on all rows kept once."""
    same = len(column) > 1 and bool((column == column[0]).all())
    return np.broadcast_to(column[:1], len(column)) if same else column
