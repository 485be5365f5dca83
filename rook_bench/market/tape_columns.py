"""The columns of a tape's files, filled a batch of rows at a time: no file is ever in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rook_bench.core import InputError, mapped
from rook_bench.core.exact import LIMBS, ExactInts
from rook_bench.market.events import BURN, MINT, SWAP
from rook_bench.market.frame import COLUMNS, LABELS, RECORDED, REFERENCE
from rook_bench.market.history import LiquidityHistory, PoolStart

DIGITS = {name: column.digits for name, column in COLUMNS.items() if column.digits and name != "tx_hash"}
"""Exact columns with the most decimal digits of each; hashes are binary."""

SMALL = {
    name: column.dtype for name, column in COLUMNS.items() if column.dtype is not None and column.dtype.kind == "i"
}
"""Columns of plain integers with their types."""

TICK, STATE = "tick", "state"
"""Rows of a snapshot: an initialised tick (gross as liquidity, net as liquidity_delta), and the pool's state."""

BATCH = 1 << 16
"""Rows that are read at once."""


@dataclass
class TapeColumns:
    """Columns of some files, one file after the other.

    Attributes:
        rows: swaps of all files; filled: of those that were read.
        columns: name to an array of shape (rows,), or (rows, 4) of limbs.
        exact: names of the latter.
    """

    rows: int
    filled: int = 0
    columns: dict[str, NDArray[Any]] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    _absent: set[str] = field(default_factory=set)

    def read(self, file: pq.ParquetFile, path: Path, *, events: bool) -> pa.Table | None:
        """Read the next file.

        Args:
            file, path: the open file, and where it lies.
            events: whether rows of a liquidity history stand between the swaps.

        Returns:
            Those rows, each with the number of the file's swaps before it as "before_row"; None without `events`.

        Raises:
            InputError: where values are missing.
        """
        others, first = [], self.filled
        known: dict[str, int] = {}
        for batch in file.iter_batches(BATCH):
            table = pa.Table.from_batches([batch])
            if events:
                swaps = pc.equal(table["event"], SWAP)
                before = self.filled - first + np.cumsum(swaps.to_numpy())
                table = table.append_column("before_row", pa.array(before, pa.int64()))
                others.append(table.filter(pc.invert(swaps)))
                table = table.filter(swaps)
            for name in table.column_names:
                known[name] = known.get(name, 0) + len(table) - table[name].null_count
                if known[name]:
                    self._fill(name, table[name], first)
            self.filled += len(table)
        self._missing(known, self.filled - first, path)
        return pa.concat_tables(others) if others else None

    def _fill(self, name: str, column: pa.ChunkedArray, first: int) -> None:
        """Put values where they belong; `first` is the first row of the file."""
        part = _values(name, column)
        if part is None or name in self._absent:
            return
        if name not in self.columns:
            if first:  # the files before lack it
                self._absent.add(name)
                return
            values = part.limbs if isinstance(part, ExactInts) else part
            self.columns[name] = mapped.empty((self.rows, *values.shape[1:]), values.dtype)
            nothing = {"f": np.nan, "O": None}.get(values.dtype.kind, 0)
            if name != "at":
                self.columns[name][: self.filled] = nothing
            if isinstance(part, ExactInts):
                self.exact.add(name)
        elif name not in self.exact and not np.can_cast(part.dtype, self.columns[name].dtype, "same_kind"):
            # Whole numbers up to here, and fractions or missing values from here on.
            self.columns[name] = mapped.copied(self.columns[name], part.dtype)
        into = self.columns[name][self.filled : self.filled + len(part)]
        into[:] = part.limbs if isinstance(part, ExactInts) else part
        mapped.touched(into.nbytes)

    def _missing(self, known: dict[str, int], rows: int, path: Path) -> None:
        """Leave out what this file lacks; InputError for what it has on some of its rows alone."""
        for name in list(self.columns):
            found = known.get(name, 0)
            if found == 0 and rows:
                self._absent.add(name)
                del self.columns[name]
            elif found < rows and (name in self.exact or name in SMALL or name == "at"):
                raise InputError(f"{rows - found} values of {name} are missing", where=path)

    def column(self, name: str) -> Any:
        """A column as a SwapFrame takes it; None where the files lack it."""
        found = self.columns.get(name)
        if found is None:
            if self.rows or name not in ("at", "sqrt_price_x96", "liquidity"):
                return None
            found = np.empty((0, LIMBS), np.uint64) if name != "at" else np.empty(0, "M8[ns]")
            return ExactInts(found) if name != "at" else found
        return ExactInts(found) if name in self.exact else found

    def named(self, names: tuple[str, ...] | None = None, prefix: str = "") -> dict[str, NDArray[Any]]:
        """Columns of these names, or all whose name begins so, without the prefix."""
        wanted = list(self.columns) if names is None else names
        return {n.removeprefix(prefix): self.columns[n] for n in wanted if n in self.columns and n.startswith(prefix)}


def _values(name: str, column: pa.ChunkedArray) -> Any:
    """A column's values as they are kept; None for what is no column of a frame."""
    if name in DIGITS:
        return ExactInts.from_arrow(column) if column.null_count == 0 else _zeros(len(column))
    if name in SMALL:
        return column.fill_null(0).to_numpy().astype(SMALL[name])
    if name == "tx_hash":
        return _hashes(column) if column.null_count == 0 else _zeros(len(column))
    if name == "at":
        return column.to_numpy().astype("datetime64[ns]")
    if name in ("volume", *RECORDED) or name.startswith(REFERENCE):
        return column.to_numpy().astype(np.float64)
    if name in LABELS:
        return _label(column)
    return None


def _zeros(rows: int) -> ExactInts:
    """What stands where values are missing, until that is told."""
    return ExactInts(np.zeros((rows, LIMBS), dtype=np.uint64))


def _hashes(column: pa.ChunkedArray) -> ExactInts:
    """32 big-endian bytes each, as limbs."""
    whole = column.cast(pa.binary(32)).combine_chunks()
    parts = whole.chunks if isinstance(whole, pa.ChunkedArray) else [whole]
    data = b"".join(part.buffers()[1][32 * part.offset : 32 * (part.offset + len(part))] for part in parts)
    return ExactInts(np.frombuffer(data, dtype=">u8").reshape(-1, 4)[:, ::-1].astype(np.uint64))


def _label(column: pa.ChunkedArray) -> NDArray[Any]:
    values = column.to_numpy()
    return values.astype(object) if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) else values


def swaps_of(file: pq.ParquetFile, *, events: bool) -> int:
    """How many swaps a file of a tape holds."""
    if not events:
        return int(file.metadata.num_rows)
    return sum(
        pc.sum(pc.equal(batch.column(0), SWAP)).as_py() or 0 for batch in file.iter_batches(BATCH, columns=["event"])
    )


def history_of(events: pa.Table, *, complete: bool) -> LiquidityHistory:
    """The liquidity history that stood between the swaps; `events` is what `TapeColumns.read` gives."""
    start = None
    if len(states := events.filter(pc.equal(events["event"], STATE))):
        row = states.slice(0, 1).to_pylist()[0]
        start = PoolStart(int(row["sqrt_price_x96"]), row["tick"], int(row["liquidity"]))
    ticks = events.filter(pc.equal(events["event"], TICK)).sort_by("tick")
    changes = events.filter(pc.is_in(events["event"], pa.array([MINT, BURN])))
    return LiquidityHistory(
        complete=complete,
        start=start,
        ticks=ticks["tick"].to_numpy().astype(np.int32),
        gross=ExactInts.from_arrow(ticks["liquidity"]),
        net=ExactInts.from_arrow(ticks["liquidity_delta"]),
        before_row=changes["before_row"].to_numpy().astype(np.int64),
        tick_lower=changes["tick_lower"].to_numpy().astype(np.int32),
        tick_upper=changes["tick_upper"].to_numpy().astype(np.int32),
        delta=ExactInts.from_arrow(changes["liquidity_delta"]),
    )


def each_file(paths: list[Path]) -> Iterator[tuple[Path, pq.ParquetFile]]:
    """The files one after the other, each open while it is looked at."""
    for path in paths:
        # Not pq.read_table: it would take "day=..." in the path for a column.
        with pq.ParquetFile(path) as file:
            yield path, file
