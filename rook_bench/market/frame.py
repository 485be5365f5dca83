"""SwapFrame: one row per swap, exact, validated, frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, mapped
from rook_bench.core.arrays import read_only
from rook_bench.core.exact import ExactInts
from rook_bench.core.rebuilt import Rebuilt
from rook_bench.execution.ticks import sqrt_price_at_tick, ticks_at_sqrt_prices
from rook_bench.market.column_bytes import bytes_of
from rook_bench.market.column_rows import consecutive, rows_of, stack, stacked_breaks, stacked_history
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.holes import find_holes
from rook_bench.market.pool import Pool
from rook_bench.market.prices import human_prices
from rook_bench.market.row_checks import check_rows

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("label_side", "label_size", "label_slippage_bps", "label_deadline_s", "label_confidence", "label_rule")
"""Recorded label columns; label_side holds BUY, HOLD or SELL."""

RECORDED = (
    *("volatility", "volume_ma", "liquidity_impact", "price_change", "tick_change", "time_diff"),
    *("price_deviation", "momentum_10", "volume_ratio"),
)
"""Feature columns a prepared file may carry; they were computed with history the file lacks."""


@dataclass(frozen=True)
class Column:
    """What a column of a SwapFrame holds.

    Attributes:
        dtype: of a plain one; None for exact integers.
        digits: most decimal digits of an exact one.
        position: whether it says where on the chain a swap stands.
    """

    dtype: np.dtype[Any] | None
    digits: int
    position: bool


def _column(dtype: Any = None, *, digits: int = 0, position: bool = False) -> dict[str, Column]:
    return {"column": Column(None if dtype is None else np.dtype(dtype), digits, position)}


@dataclass(frozen=True, eq=False, repr=False)
class SwapFrame(Rebuilt):
    """The swaps of one pool in their order on the chain.

    Attributes:
        pool: metadata of the pool.
        at: time of each swap, datetime64[ns] in UTC, not decreasing, shape (n,).
        sqrt_price_x96: sqrt price *after* each swap.
        liquidity: active liquidity after each swap.
        amount0, amount1: the pool's balance changes (v3 signs: positive went into the pool).
        tick: tick after each swap, int32.
        block, tx_index, log_index: position on the chain, int64; tx_hash: hash of the transaction
            (its 32 bytes read as one big-endian integer, so two's complement limbs here).
        fee_pips: the fee each swap paid, int32, where the log says so (v4, whose fees may change).
        gas_price: wei per unit of gas that each swap's transaction paid, int64.
        recorded_volume: base token traded in human units where only that is known, float64.
        recorded: feature columns that came with the file, float64 (see RECORDED).
        labels: label columns that came with the file (see LABELS).
        references: what pairs of other pools cost right before each swap, float64, by pair ("WETH/USDC").
        history: the tick map and what liquidity did between the swaps, where the log holds it.
        breaks: first rows after holes of the tape, as the rows that a part does not have any more told them; None
            where the frame's own times tell (see `holes`).
        rounded: exact columns that were rebuilt from rounded numbers, with the reason.
        source: path or description of where the swaps come from.
        notes: what the importer did that a reader should know.

    Columns that the log does not carry are None and limit what may be claimed later.
    """

    pool: Pool
    at: NDArray[np.datetime64] = field(metadata=_column(np.dtype("M8[ns]"), position=True))
    sqrt_price_x96: ExactInts = field(metadata=_column(digits=49))
    liquidity: ExactInts = field(metadata=_column(digits=39))
    amount0: ExactInts | None = field(default=None, metadata=_column(digits=76))
    amount1: ExactInts | None = field(default=None, metadata=_column(digits=76))
    tick: NDArray[np.int32] | None = field(default=None, metadata=_column(np.int32))
    block: NDArray[np.int64] | None = field(default=None, metadata=_column(np.int64, position=True))
    tx_index: NDArray[np.int64] | None = field(default=None, metadata=_column(np.int64, position=True))
    log_index: NDArray[np.int64] | None = field(default=None, metadata=_column(np.int64, position=True))
    tx_hash: ExactInts | None = field(default=None, metadata=_column(digits=77, position=True))
    fee_pips: NDArray[np.int32] | None = field(default=None, metadata=_column(np.int32))
    gas_price: NDArray[np.int64] | None = field(default=None, metadata=_column(np.int64))
    recorded_volume: NDArray[np.float64] | None = field(default=None, metadata=_column(np.float64))
    recorded: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    references: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    history: LiquidityHistory | None = None
    breaks: tuple[int, ...] | None = None
    rounded: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _validate(self)

    def __repr__(self) -> str:
        first, last = (np.datetime_as_string(self.at[row], unit="s") for row in (0, -1))
        return f"<SwapFrame {self.pool.pair} {self.pool.protocol}: {len(self):,} swaps, {first} to {last} UTC>"

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, rows: slice) -> SwapFrame:
        """A SwapFrame of those rows; consecutive ones are views of the same memory."""
        first, stop, step = rows.indices(len(self))
        if step != 1:
            return self.take(np.arange(len(self))[rows])
        return self._of(slice(first, max(first, stop)), slice(first, max(first, stop)))

    def take(self, rows: NDArray[np.intp], *, places: NDArray[np.intp] | slice | None = None) -> SwapFrame:
        """A SwapFrame of the rows at these positions; their times and blocks are those of `places`, where given."""
        return self._of(rows, rows if places is None else places)

    def _of(self, rows: NDArray[np.intp] | slice, where: NDArray[np.intp] | slice) -> SwapFrame:
        columns: dict[str, Any] = {name: getattr(self, name) for name in COLUMNS}
        taken: dict[str, Any] = {
            name: None if column is None else rows_of(column, where if COLUMNS[name].position else rows)
            for name, column in columns.items()
        }
        taken["recorded"] = {name: rows_of(column, rows) for name, column in self.recorded.items()}
        taken["labels"] = {name: rows_of(column, rows) for name, column in self.labels.items()}
        # References are of the time of a row.
        taken["references"] = {pair: rows_of(column, where) for pair, column in self.references.items()}
        taken |= {"history": self._history_of(rows), "breaks": self._breaks_of(where)}
        # What a row may say it may say anywhere; times and places have to be in order, and slices of them are.
        in_order = isinstance(where, slice) and where.step in (None, 1)
        fits = len(taken["at"]) == len(taken["sqrt_price_x96"])
        frame = self._known(**taken) if in_order and fits else replace(self, **taken)
        for name in BY_ROW:  # computed from exact integers one by one: not again for every part of a tape
            if name in self.__dict__:
                frame.__dict__[name] = read_only(rows_of(self.__dict__[name], rows))
        return frame

    def _known(self, **changed: Any) -> SwapFrame:
        """The same with other columns that are this frame's own, whose rows were checked when it was made."""
        if len(changed.get("at", self.at)) == 0:
            return replace(self, **changed)  # which says what is wrong with it
        frame = object.__new__(SwapFrame)
        frame.__dict__.update({field.name: getattr(self, field.name) for field in fields(self)} | changed)
        return frame

    # A frame that kept itself would be no garbage until somebody looks for circles.

    @property
    def unlabelled(self) -> SwapFrame:
        """The same swaps without labels."""
        return self._unlabelled if self.labels else self

    @cached_property
    def _unlabelled(self) -> SwapFrame:
        return self._without(labels={})

    @property
    def bare(self) -> SwapFrame:
        """The same swaps without liquidity history, which no source sees, and which takes long to cut."""
        return self._bare if self.history is not None else self

    @cached_property
    def _bare(self) -> SwapFrame:
        return self._without(history=None)

    def _without(self, **nothing: Any) -> SwapFrame:
        """The same rows without something, and with what was computed of them."""
        frame = self._known(**nothing)
        for name in (*BY_ROW, "holes", "segment"):
            if name in self.__dict__:
                frame.__dict__[name] = self.__dict__[name]
        return frame

    @property
    def file(self) -> Path | None:
        """The tape (a file, or a folder of days) that holds these swaps and nothing else, where they were read so."""
        return self.__dict__.get("_file")

    def lying_in(self, path: Path) -> SwapFrame:
        """The same frame, which knows that `path` holds it; what is made of it does not."""
        self.__dict__["_file"] = path.absolute()
        return self

    @property
    def amounts(self) -> tuple[ExactInts, ExactInts]:
        """amount0 and amount1; InputError where the log carries no amounts."""
        if self.amount0 is None or self.amount1 is None:
            raise InputError("the log carries no amounts", where=self.source or "SwapFrame", hint="import an exact log")
        return self.amount0, self.amount1

    @classmethod
    def concat(
        cls, frames: Sequence[SwapFrame], *, rows: NDArray[np.intp] | None = None, source: str | None = None
    ) -> SwapFrame:
        """Consecutive parts of one pool's tape, stacked in the order given.

        A column that one part lacks is left out, and so is the liquidity history where one has none; else
        the first part's snapshot serves them all.

        Args:
            frames: at least one.
            rows: which of the stacked rows to keep, in their new order; the result then has no history.
            source: where the result says that it comes from; the parts' own by default.

        Raises:
            InputError: rows that are then not in order.
        """
        first, counts = frames[0], list(map(len, frames))
        of = lambda get: stack([get(frame) for frame in frames], rows)  # noqa: E731
        stacked: dict[str, Any] = {name: of(attrgetter(name)) for name in COLUMNS}
        for table in ("recorded", "labels", "references"):
            columns = {key: of(lambda frame: getattr(frame, table).get(key)) for key in getattr(first, table)}  # noqa: B023
            stacked[table] = {key: column for key, column in columns.items() if column is not None}
        return replace(
            first,
            **stacked,
            history=stacked_history([frame.history for frame in frames], counts) if rows is None else None,
            breaks=stacked_breaks([frame.breaks for frame in frames], counts, stacked["at"]) if rows is None else None,
            rounded={name: reason for frame in frames for name, reason in frame.rounded.items()},
            source=", ".join(dict.fromkeys(frame.source for frame in frames)) if source is None else source,
            notes=tuple(dict.fromkeys(note for frame in frames for note in frame.notes)),
        )

    def _breaks_of(self, rows: NDArray[np.intp] | slice) -> tuple[int, ...] | None:
        """The holes of a part, where the times of its rows are consecutive."""
        run = consecutive(rows)
        if run is None:
            return None
        inside = self.holes[(self.holes > run.start) & (self.holes < run.stop)]
        return tuple(int(row) for row in inside - run.start)

    def _history_of(self, rows: NDArray[np.intp] | slice) -> LiquidityHistory | None:
        """The history of consecutive rows; rows in another order have none."""
        run = consecutive(rows)
        if self.history is None or run is None:
            return None
        first = run.start
        start = None
        if first > 0:
            start = PoolStart(
                self.sqrt_price_x96[first - 1], int(self.exact_tick[first - 1]), self.liquidity[first - 1]
            )
        return self.history.cut(first, run.stop, start)

    @cached_property
    def price(self) -> NDArray[np.float64]:
        """Quote per base in human units, shape (n,); the nearest float64 of the exact ratio."""
        return read_only(human_prices(self.sqrt_price_x96, self.pool))

    @cached_property
    def exact_tick(self) -> NDArray[np.int32]:
        """The pool's own tick after each swap: the recorded one where it fits the price, else the price's."""
        recorded = self.tick

        def of(rows: slice) -> NDArray[np.int32]:
            ticks = ticks_at_sqrt_prices(self.sqrt_price_x96[rows])
            if recorded is None:
                return ticks
            # A falling swap that ends exactly on a tick leaves the pool one below it.
            below = (recorded[rows] == ticks - 1) & (ticks % self.pool.tick_spacing == 0)
            likely = np.flatnonzero(below)
            on_tick = [sqrt_price_at_tick(int(ticks[row])) == self.sqrt_price_x96[rows.start + row] for row in likely]
            below[likely] = on_tick
            return np.where(below, recorded[rows], ticks).astype(np.int32)

        return mapped.by_part(len(self), of, np.int32)

    @cached_property
    def volume(self) -> NDArray[np.float64]:
        """Base token traded in human units, shape (n,); NaN where the log does not say."""
        if self.recorded_volume is not None:
            return read_only(self.recorded_volume)
        amount = self.amount0 if self.pool.base_is_token0 else self.amount1
        if amount is None:
            return read_only(np.broadcast_to(np.float64(np.nan), len(self)))
        unit = self.pool.base.unit
        return read_only(mapped.by_part(len(self), lambda rows: np.abs(amount[rows].to_floats(unit))))

    @cached_property
    def depth(self) -> NDArray[np.float64]:
        """Active liquidity after each swap in units of 1e18, shape (n,); the nearest float64."""
        return read_only(self.liquidity.to_floats(10**18))

    @cached_property
    def base_depth(self) -> NDArray[np.float64]:
        """Base token that stands behind the price, in human units, shape (n,): L / sqrt(P), the curve's own reserve.

        Trading a small share of it moves the price by twice that share. 0 without liquidity.
        """

        def of(rows: slice) -> NDArray[np.float64]:
            sqrt_price = self.sqrt_price_x96[rows].to_floats(2**96)
            liquidity = self.liquidity[rows].to_floats(self.pool.base.unit)
            return liquidity / sqrt_price if self.pool.base_is_token0 else liquidity * sqrt_price

        return read_only(mapped.by_part(len(self), of))

    @cached_property
    def at_index(self) -> pd.DatetimeIndex:
        """`at` as a pandas index that knows it is UTC."""
        import pandas as pd

        return pd.DatetimeIndex(self.at, name="at").tz_localize("UTC")

    @cached_property
    def data_hash(self) -> str:
        """Hex SHA-256 over the pool and every column: the identity of the data, wherever it lies."""
        digest = hashlib.sha256(self.pool.model_dump_json().encode())
        for name, column in sorted(_all_columns(self).items()):
            if column is None:
                continue
            digest.update(f"\0{name}\0".encode())
            for part in bytes_of(column):
                digest.update(part)
        if self.history is not None:
            digest.update(b"\0history\0" + self.history.to_bytes())
        if self.breaks:
            digest.update(f"\0breaks\0{self.breaks}".encode())
        digest.update(json.dumps(dict(self.rounded), sort_keys=True).encode())
        return digest.hexdigest()

    @property
    def span_s(self) -> float:
        """Seconds from the first swap to the last."""
        return float((self.at[-1] - self.at[0]) / np.timedelta64(1, "s")) if len(self) else 0.0

    @cached_property
    def holes(self) -> NDArray[np.intp]:
        """The first row after each stretch that the tape is missing, ascending (see `market.holes`)."""
        return read_only(find_holes(self.at) if self.breaks is None else np.array(self.breaks, dtype=np.intp))

    @cached_property
    def segment(self) -> NDArray[np.intp]:
        """How many holes lie before each row, shape (n,)."""
        of = lambda rows: np.searchsorted(self.holes, np.arange(rows.start, rows.stop), side="right")  # noqa: E731
        return read_only(mapped.by_part(len(self), of, np.intp))

    def in_hole(self, at: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Whether each of these times lies in a hole, where no price is known."""
        inside = np.zeros(len(at), dtype=bool)
        for row in self.holes.tolist():
            inside |= (at > self.at[row - 1]) & (at < self.at[row])
        return inside

    @property
    def covered_s(self) -> float:
        """Seconds from the first swap to the last without the holes: what days are counted from."""
        missing = (self.at[self.holes] - self.at[self.holes - 1]) / np.timedelta64(1, "s")
        return self.span_s - float(missing.sum())


REFERENCE = "price of "
"""What stands before a pair in the name of a column that holds its reference price."""

BY_ROW = ("price", "volume", "depth", "base_depth")
"""Columns that are computed when first asked for, each value from its own row alone."""

COLUMNS: dict[str, Column] = {
    column.name: column.metadata["column"] for column in fields(SwapFrame) if "column" in column.metadata
}
"""The columns of every swap, by name; `recorded` and `labels` hold those that only some files carry."""


def _all_columns(frame: SwapFrame) -> dict[str, Any]:
    references = {f"{REFERENCE}{pair}": column for pair, column in frame.references.items()}
    return {name: getattr(frame, name) for name in COLUMNS} | dict(frame.recorded) | dict(frame.labels) | references


def _validate(frame: SwapFrame) -> None:
    where, count = frame.source or "SwapFrame", len(frame.at)
    if count == 0:
        raise InputError("there are no swaps", where=where)
    if any(not 0 < row < count for row in frame.breaks or ()):
        raise InputError("a hole lies outside of the rows", where=where)
    for name, column in _all_columns(frame).items():
        if column is not None and len(column) != count:
            raise InputError(f"column '{name}' has {len(column)} rows instead of {count}", where=where)
    places = {name: getattr(frame, name) for name in ("block", "tx_index", "log_index")}
    check_rows(frame.at, places, frame.sqrt_price_x96, frame.liquidity, where)
