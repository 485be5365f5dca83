"""Times of blocks, for logs that carry only block numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from rook_bench.core import InputError
from rook_bench.ingest.text_columns import first_present, small, times
from rook_bench.ingest.text_rows import read_records
from rook_bench.plugins import importer

COLUMNS = ("block_number|number", "timestamp")


@importer(columns=COLUMNS, unless=("log_index", "logIndex", "data", "liquidity"), blocks=True)
def blocks():
    """Times of blocks (cryo's blocks, or eth_getBlock answers), for logs that carry only block numbers."""

    def read(table: pd.DataFrame, where: Path) -> tuple[np.ndarray, np.ndarray]:
        name = first_present(COLUMNS[0].split("|"), table)
        return small(table[name], where), times(table["timestamp"], where)

    return read


class BlockTimes:
    """The time of each block that some files tell."""

    def __init__(self, paths: Iterable[Path], rows: int) -> None:
        read = blocks()
        wanted = ("block_number", "number", "timestamp")
        parts = [read(table, path) for path in paths for table in read_records(path, wanted, rows)]
        numbers = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, dtype=np.int64)
        at = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, dtype="datetime64[ns]")
        self.numbers, first = np.unique(numbers, return_index=True)
        self.at = at[first]

    def fill(self, events: pa.Table, where: Path) -> pa.Table:
        """The events with the times of their blocks where they have none.

        Raises:
            InputError: a block whose time no file tells.
        """
        if not events["at"].null_count:
            return events
        block = events["block"].to_numpy()
        place = np.searchsorted(self.numbers, block).clip(max=max(len(self.numbers) - 1, 0))
        unknown = self.numbers[place] != block if len(self.numbers) else np.ones(len(block), dtype=bool)
        if unknown.any():
            number = int(block[np.argmax(unknown)])
            what = (
                f"the log carries no times, and the blocks file lacks block {number}"
                if len(self.numbers)
                else "the log carries no times and no blocks file is beside it"
            )
            raise InputError(
                what, where=where, hint="add the block times (cryo blocks, columns block_number and timestamp)"
            )
        known = events["at"].cast(pa.int64()).to_numpy()
        missing = events["at"].is_null().to_numpy()
        at = np.where(missing, self.at[place], np.nan_to_num(known).astype("int64").astype("datetime64[ns]"))
        column = pa.array(at.astype("datetime64[ns]"), pa.timestamp("ns")).cast(pa.timestamp("ns", "UTC"))
        return events.set_column(events.schema.get_field_index("at"), events.schema.field("at"), column)
