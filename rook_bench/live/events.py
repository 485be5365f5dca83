"""Events of a pool as lines of a journal, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rook_bench.market.events import EXACT, SCHEMA, event_table

SECOND = 1_000_000_000


def to_records(table: pa.Table) -> list[dict[str, Any]]:
    """Each event as JSON holds it: exact integers as text, times as ns since the epoch, hashes as hex; no nulls."""
    nanoseconds = table["at"].cast(pa.int64()).to_pylist()
    columns = {name: table[name].to_pylist() for name in SCHEMA.names if name not in ("at", "pool")}
    records = []
    for row, at in enumerate(nanoseconds):
        record: dict[str, Any] = {"at": at}
        for name, column in columns.items():
            value = column[row]
            if value is not None:
                record[name] = str(int(value)) if name in EXACT else value.hex() if name == "tx_hash" else value
        records.append(record)
    return records


def from_records(records: Sequence[Mapping[str, Any]], pool: str) -> pa.Table:
    """The table that `to_records` was given.

    Args:
        pool: the name of the pool in event tables.
    """
    columns: dict[str, Any] = {}
    for name in SCHEMA.names:
        values = [record.get(name) for record in records]
        if any(value is not None for value in values):
            columns[name] = values
    for name in set(columns) & set(EXACT):
        columns[name] = [None if value is None else int(value) for value in columns[name]]
    if records:
        columns["pool"] = pool
        columns["at"] = np.array(columns["at"], dtype=np.int64).view("datetime64[ns]")
    return event_table(columns, len(records))
