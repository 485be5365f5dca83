"""A run's columns as they lie in its folder: read, and never made again."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Estimate, InputError
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.metrics.saved import to_estimates
from rook_bench.report.panes import Times
from rook_bench.viewer.kept import Kept
from rook_bench.viewer.outside import Absent, columns_of, opened, parquet, read_json
from rook_bench.viewer.shelf import Found

STAMP, NUMBER = pa.timestamp("ns", "UTC"), pa.float64()
CODED = pa.dictionary(pa.int32(), pa.string())

EQUITY = {"at": STAMP, "price": NUMBER, "equity": NUMBER, "hold_equity": NUMBER}
TEXTS = frozenset({"side", "prompt", "said", "reason"})
NUMBERS = frozenset(
    {"p_buy", "p_hold", "p_sell", "confidence", "size", "prompt_tokens", "answer_tokens", "seconds", "cost_usd"}
)
"""Columns of decisions.parquet that a row's page shows, where there are such."""

SIDES = {**{name: code for code, name in enumerate(SIDE_NAMES)}, "UNPARSED": UNPARSED}


@dataclass(frozen=True, eq=False)
class Columns:
    """Equity, hold and price after every swap, shape (n,) each.

    Attributes:
        at: UTC, ascending.
        holes: first rows after the stretches that the tape is missing.
    """

    at: Times
    price: NDArray[np.float64]
    equity: NDArray[np.float64]
    hold: NDArray[np.float64]
    holes: NDArray[np.intp]

    @cached_property
    def drawdown(self) -> NDArray[np.float64]:
        """How far equity is below its highest value so far, percent, zero or below."""
        return 100.0 * (self.equity / np.maximum.accumulate(self.equity) - 1.0)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, the drawdown included."""
        return 5 * self.equity.nbytes

    def rows(self, first: np.datetime64, last: np.datetime64) -> slice:
        """The rows of some time, with one more on each side, so that lines reach the edges."""
        start = int(np.searchsorted(self.at, first, side="left")) - 1
        stop = int(np.searchsorted(self.at, last, side="right")) + 1
        return slice(max(start, 0), min(stop, len(self.at)))


class Reader:
    """Reads runs' files, and keeps what it has read."""

    def __init__(self, kept: Kept | None = None) -> None:
        self.kept = kept or Kept()

    def columns(self, run: Found) -> Columns:
        """Equity, hold and price; InputError where the file is not one of ours."""
        return self.kept.of(run.folder / "equity.parquet", "columns", lambda: _columns(run), lambda it: it.nbytes)

    def sides(self, run: Found) -> NDArray[np.int8]:
        """The decided side of every row, shape (n,)."""
        path = run.folder / "decisions.parquet"
        return self.kept.of(path, "sides", lambda: _sides(run), lambda it: it.nbytes)

    def estimates(self, run: Found) -> dict[str, Estimate]:
        """Its metrics by name; none where the file is not there."""
        path = run.folder / "metrics.json"
        return self.kept.of(path, "metrics", lambda: _estimates(run), lambda it: 400 * len(it))

    def intact(self, run: Found) -> bool | None:
        """Whether its files match the hashes in its record; None where one is not there."""
        return self.kept.of(run.file, "intact", lambda: _intact(run), lambda _: 64)

    def answer(self, run: Found, row: int) -> dict[str, Any]:
        """What was decided on a row, and what was asked and said; InputError for a row that there is not."""
        with parquet(run.folder / "decisions.parquet", run.root, TEXTS) as file:
            found = row_of(file, row, TEXTS, NUMBERS)
        return {name: found.get(name) for name in TEXTS | NUMBERS}

    def reasons(self, run: Found, rows: NDArray[np.intp]) -> list[str]:
        """The reasons of some rows."""
        table = columns_of(run.folder / "decisions.parquet", run.root, {"reason": CODED})
        return [each or "" for each in table.column(0).take(pa.array(rows)).to_pylist()]


def row_of(file: Any, row: int, texts: Set[str], numbers: Set[str], others: Set[str] = frozenset()) -> dict[str, Any]:
    """One row of a Parquet file, of those columns that it has.

    Args:
        row: which one.
        texts, numbers: names of columns of those types; others: of any.

    Raises:
        InputError: where there is no such row, or a column is of another type.
    """
    schema, first = file.schema_arrow, 0
    names = [name for name in schema.names if name in texts | numbers | others]
    for name in names:
        kind = schema.field(name).type
        number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        if (name in numbers and not number) or (
            name in texts and not pa.types.is_string(getattr(kind, "value_type", kind))
        ):
            raise InputError(f"its column '{name}' is of another type")
    for group in range(file.metadata.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        if first <= row < first + count:
            found: dict[str, Any] = file.read_row_group(group, columns=names).slice(row - first, 1).to_pylist()[0]
            return found
        first += count
    raise Absent(f"there is no row {row}", hint=f"it has {first:,}")


def _columns(run: Found) -> Columns:
    path = run.folder / "equity.parquet"
    table = columns_of(path, run.root, EQUITY)
    at = table.column("at").combine_chunks().cast(pa.int64()).to_numpy().astype("datetime64[ns]")
    price, equity, hold = (table.column(name).to_numpy() for name in ("price", "equity", "hold_equity"))
    del table
    pa.default_memory_pool().release_unused()  # the file's own bytes, of which Arrow would keep the room
    if len(at) == 0:
        raise InputError("it has no row", where=path)
    if (np.diff(at) < np.timedelta64(0)).any():
        raise InputError("its times go backwards", where=path)
    if not all(np.isfinite(each).all() for each in (price, equity, hold)):
        raise InputError("it holds values that are no numbers", where=path)
    return Columns(at, price, equity, hold, _holes(run, at))


def _holes(run: Found, at: Times) -> NDArray[np.intp]:
    """The first rows after the stretches that the record says are missing."""
    try:
        after = np.array([np.datetime64(hole.to.removesuffix("+00:00"), "ns") for hole in run.facts.tape_check.holes])
    except ValueError:
        raise InputError("the tape's holes have no times", where=run.file) from None
    rows = np.searchsorted(at, after.astype("datetime64[ns]"))
    return np.unique(rows[(rows > 0) & (rows < len(at))])


def _sides(run: Found) -> NDArray[np.int8]:
    column = columns_of(run.folder / "decisions.parquet", run.root, {"side": CODED}).column(0).combine_chunks()
    codes = np.array([SIDES.get(str(name), UNPARSED) for name in column.dictionary.to_pylist()] or [UNPARSED], np.int8)
    found: NDArray[np.int8] = codes[pc.fill_null(column.indices, 0).to_numpy(zero_copy_only=False)]
    return found


def _estimates(run: Found) -> dict[str, Estimate]:
    try:
        return to_estimates(read_json(run.folder / "metrics.json", run.root))
    except InputError:
        return {}


def _intact(run: Found) -> bool | None:
    try:
        for name, digest in run.facts.files.items():
            if name != name.rpartition("/")[2]:
                return False
            with opened(run.folder / name, run.root) as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    return False
    except InputError:
        return None
    return True
