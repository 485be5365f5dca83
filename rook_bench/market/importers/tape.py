"""The project's own tape: a Parquet file that keeps every integer exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.core.files import whole_file
from rook_bench.market.frame import LABELS, RECORDED, SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.plugins import importer

VERSION = 1
_METADATA = b"rook_bench_tape"
_DIGITS = {"sqrt_price_x96": 49, "liquidity": 38, "amount0": 38, "amount1": 38}
_SMALL = {"tick": np.int32, "block": np.int64, "tx_index": np.int64, "log_index": np.int64}


def write_tape(frame: SwapFrame, path: str | Path) -> None:
    """Write a SwapFrame as Parquet: decimals for the exact columns, metadata for the rest."""
    columns: dict[str, pa.Array] = {"at": pa.array(frame.at, pa.timestamp("ns", "UTC"))}
    for name, digits in _DIGITS.items():
        column = getattr(frame, name)
        if column is not None:
            columns[name] = column.to_arrow(digits)
    for name in _SMALL:
        column = getattr(frame, name)
        if column is not None:
            columns[name] = pa.array(column)
    if frame.recorded_volume is not None:
        columns["volume"] = pa.array(frame.recorded_volume)
    columns |= {name: pa.array(column) for name, column in frame.recorded.items()}
    columns |= {name: pa.array(column) for name, column in frame.labels.items()}
    facts = {
        "version": VERSION,
        "pool": frame.pool.model_dump(),
        "rounded": dict(frame.rounded),
        "source": frame.source,
        "notes": list(frame.notes),
    }
    table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(facts).encode()})
    with whole_file(path) as aside:
        pq.write_table(table, aside, compression="zstd")


@importer(columns=("at", "sqrt_price_x96", "liquidity"))
def tape():
    """A tape written by rook-bench (Parquet)."""

    def read(path: Path, pool: Pool | None) -> SwapFrame:
        try:
            table = pq.read_table(path)
            facts: dict[str, Any] = json.loads((table.schema.metadata or {})[_METADATA])
        except KeyError:
            raise InputError(
                "the Parquet file does not carry a tape's metadata",
                where=path,
                hint="import it with rook-bench data import",
            ) from None
        except (pa.ArrowInvalid, OSError, json.JSONDecodeError) as error:
            raise InputError(f"the tape can't be read ({str(error).splitlines()[0]})", where=path) from None
        if facts["version"] != VERSION:
            raise InputError(
                f"tape version {facts['version']} is not {VERSION}", where=path, hint="import the source again"
            )
        return _frame(table, facts, pool, path)

    return read


def _frame(table: pa.Table, facts: dict[str, Any], pool: Pool | None, path: Path) -> SwapFrame:
    present = set(table.column_names)
    try:
        exact: dict[str, Any] = {name: ExactInts.from_arrow(table[name]) for name in _DIGITS if name in present}
    except ValueError as error:
        raise InputError(str(error), where=path) from None
    small: dict[str, Any] = {
        name: table[name].to_numpy().astype(dtype) for name, dtype in _SMALL.items() if name in present
    }
    return SwapFrame(
        pool=pool or Pool.parse(facts["pool"], where=path),
        at=table["at"].to_numpy().astype("datetime64[ns]"),
        **exact,
        **small,
        recorded_volume=table["volume"].to_numpy() if "volume" in present else None,
        recorded={name: table[name].to_numpy() for name in RECORDED if name in present},
        labels={name: _label(table[name]) for name in LABELS if name in present},
        rounded=facts["rounded"],
        source=facts["source"] or str(path),
        notes=tuple(facts["notes"]),
    )


def _label(column: pa.ChunkedArray) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(object) if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) else values
