"""Parquet written a part at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rook_bench.core import mapped

GROUP = 1 << 18
"""Rows of a row group, which are made at once: those of a tape with its mints and burns take a kilobyte each."""


def write_parts(rows: int, table: Callable[[slice], pa.Table], path: Path, size: int | None = None) -> None:
    """Write a table of so many rows.

    Args:
        table: makes some rows of it; the first say what the columns are.
        size: rows of a row group, which are made at once.
    """
    groups = list(mapped.parts(rows, size or GROUP)) or [slice(0, 0)]
    first = table(groups[0])
    with pq.ParquetWriter(path, first.schema, compression="zstd") as file:
        for group in groups:
            part = first if group is groups[0] else table(group).cast(first.schema)
            file.write_table(part, row_group_size=2 * GROUP)
            mapped.release()
