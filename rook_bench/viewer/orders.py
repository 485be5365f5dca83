"""A run's orders as its evidence shows them: searched, sorted, or one with all that is known of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.viewer.columns import CODED, NUMBER, STAMP, Reader, row_of
from rook_bench.viewer.outside import columns_of, parquet
from rook_bench.viewer.shelf import Found

EVIDENCE = "evidence.parquet"

SEEN = "seen_"
"""How the columns of features begin."""

COSTS = ("delay", "impact", "fee", "mev", "gas")

SHOWN = {
    "row": pa.int64(), "landing_row": pa.int64(), "decided_at": STAMP, "side": CODED, "outcome": CODED,
    "rejected_by": CODED, "price_decided": NUMBER, "base": NUMBER, "quote": NUMBER,
    **{f"{name}_bps": NUMBER for name in COSTS}, "shortfall_bps": NUMBER, "markout_300s_bps": NUMBER, "pnl": NUMBER,
}  # fmt: skip
"""Columns of the table of orders."""

OLD = {"row": pa.int64(), "landing_row": pa.int64(), "side": CODED, "outcome": CODED, "rejected_by": CODED}
"""Those that a run of before there was evidence has."""

TOLD, PLACES = frozenset({"side", "outcome", "rejected_by", "reason"}), frozenset({"row", "landing_row"})
OTHERS = frozenset({"decided_at", "landed_at", "filters"})

SEARCHED = ("side", "outcome", "rejected_by", "reason")
PAGE = 100
WORDS = 20


@dataclass(frozen=True, eq=False)
class Orders:
    """The orders of a run, in the order of the tape.

    Attributes:
        table: what is shown of each; recorded: whether the run has evidence.
    """

    table: pa.Table
    recorded: bool

    def __len__(self) -> int:
        return len(self.table)

    def numbers(self, name: str) -> NDArray[Any]:
        """A column of numbers."""
        return self.table.column(name).to_numpy()

    @property
    def filled(self) -> NDArray[np.intp]:
        """Places of those that filled."""
        outcome = pc.cast(self.table.column("outcome"), pa.string())
        filled = pc.is_in(outcome, value_set=pa.array(["FILLED", "PARTIAL"]))
        return np.flatnonzero(_true(filled) & (self.numbers("landing_row") >= 0))

    def matching(self, words: str) -> NDArray[np.intp]:
        """Places of the orders with every word in side, outcome, refusing filter or reason.

        A word that is all of some cell ("sell") asks for that cell, and not for reasons that mention it.
        """
        found = np.ones(len(self), dtype=bool)
        for word in words.lower().split()[:WORDS]:
            whole = self._rows_with(pc.equal, word)
            found &= whole if whole.any() else self._rows_with(pc.match_substring, word)
        return np.flatnonzero(found)

    def _rows_with(self, asked: Any, word: str) -> NDArray[np.bool_]:
        """Rows of which some text answers; it is asked of each different text once."""
        rows = np.zeros(len(self), dtype=bool)
        for name in SEARCHED:
            column = self.table.column(name).combine_chunks()
            answers = np.append(_true(asked(pc.utf8_lower(column.dictionary), word)), False)
            rows |= answers[pc.fill_null(column.indices, len(answers) - 1).to_numpy(zero_copy_only=False)]
        return rows

    def sorted(self, places: NDArray[np.intp], by: str, *, down: bool) -> NDArray[np.intp]:
        """Places by a column, those that have no value last."""
        way = "descending" if down else "ascending"
        some = self.table.select([by]).take(pa.array(places))
        if pa.types.is_dictionary(some.schema.field(by).type):
            coded = some.column(by).combine_chunks()
            some = pa.table({by: pc.rank(coded.dictionary, tiebreaker="dense").take(coded.indices)})
        return places[pc.sort_indices(some, sort_keys=[(by, way, "at_end")]).to_numpy()]

    def at(self, places: NDArray[np.intp]) -> list[dict[str, Any]]:
        """Some orders, each by name of its columns."""
        rows: list[dict[str, Any]] = self.table.take(pa.array(places)).to_pylist()
        return rows


def _true(answers: Any) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.asarray(pc.fill_null(answers, False))
    return found


def orders_of(reader: Reader, run: Found) -> Orders:
    """The orders of a run, kept once read."""
    return reader.kept.of(run.folder / "orders.parquet", "orders", lambda: _orders(run), lambda it: it.table.nbytes)


def _orders(run: Found) -> Orders:
    recorded = EVIDENCE in run.facts.files
    told = columns_of(run.folder / (EVIDENCE if recorded else "orders.parquet"), run.root, SHOWN if recorded else OLD)
    reasons = columns_of(run.folder / "orders.parquet", run.root, {"row": pa.int64(), "reason": CODED})
    if not reasons.column("row").equals(told.column("row")):
        raise InputError("its orders are others than orders.parquet's", where=run.folder / EVIDENCE)
    return Orders(told.append_column("reason", reasons.column("reason")), recorded)


def order_of(orders: Orders, run: Found, row: int) -> dict[str, Any] | None:
    """All that is known of the order of a row, exact integers under "exact"; None where there was none."""
    rows = orders.numbers("row")
    place = int(np.searchsorted(rows, row))
    if place >= len(rows) or rows[place] != row:
        return None
    with parquet(run.folder / "orders.parquet", run.root, TOLD) as file:
        exact = row_of(file, place, TOLD, PLACES, set(file.schema_arrow.names))
    told = {"place": place, "exact": exact}
    if orders.recorded:
        with parquet(run.folder / EVIDENCE, run.root, TOLD) as file:
            names = set(file.schema_arrow.names) - TOLD - OTHERS
            return row_of(file, place, TOLD, names, OTHERS) | told
    return {name: exact[name] for name in ("row", "landing_row", "side", "outcome", "rejected_by")} | told


CSV_PART = 5_000


def csv_of(table: Any) -> Iterator[str]:
    """A table of orders as CSV, a part at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(table.column_names)
    for first in range(0, max(len(table), 1), CSV_PART):
        rows = table.slice(first, CSV_PART).to_pylist()
        writer.writerows([_in_csv(value) for value in row.values()] for row in rows)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _in_csv(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else value
