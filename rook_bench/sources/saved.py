"""Decision tapes on disk: asked once, kept under the hash of source and data."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, InputError
from rook_bench.core.arrays import text_column
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.core.files import whole_file
from rook_bench.core.parquet import write_parts
from rook_bench.core.transcript import Transcript
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
    columns["side"] = pa.DictionaryArray.from_arrays(_known(tape.side[rows]), _SIDES).cast(pa.string())
    columns |= {name: pa.array(np.ascontiguousarray(getattr(tape, name)[rows])) for name in _NUMBERS}
    columns["reason"] = pa.array(tape.reason[rows], pa.string())
    if tape.raw_text is not None:
        columns["raw_text"] = pa.array(tape.raw_text[rows], pa.string())
    if tape.transcript is not None:
        said = tape.transcript.rows(rows).columns()
        columns |= {name: pa.array(column, from_pandas=True) for name, column in said.items()}
    return pa.table(columns)


_SIDES = pa.array(SIDE_NAMES, pa.string())


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
        table = file.read()
        for name in told:
            if name in _TEXTS:
                check_text(_bytes_of(table[name]), path)
            elif name in ("prompt", "said"):
                check_text(sum(chunk.dictionary.nbytes for chunk in table[name].chunks), path)
        facts = json.loads((table.schema.metadata or {})[_METADATA])
    except (pa.ArrowInvalid, OSError, KeyError, json.JSONDecodeError):
        raise InputError("not a decision tape", where=path, hint="make one with rook-bench decide") from None
    codes = {name: code for code, name in enumerate(SIDE_NAMES)} | {None: UNPARSED}
    tape = DecisionTape(
        side=np.array([codes[name] for name in table["side"].to_pylist()], dtype=np.int8),
        **{name: table[name].to_numpy() for name in _NUMBERS},
        reason=text_column(table["reason"].to_pylist()),
        raw_text=text_column(table["raw_text"].to_pylist()) if "raw_text" in table.column_names else None,
        transcript=_transcript(table) if set(_TRANSCRIPT) <= set(table.column_names) else None,
    )
    if tape.content_hash != facts["content_hash"]:
        raise InputError("the decisions do not match their own hash", where=path, hint="make the tape again")
    return tape, facts
