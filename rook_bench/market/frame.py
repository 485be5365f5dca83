"""SwapFrame: one row per swap, exact, validated, frozen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.execution.amm import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from rook_bench.execution.ticks import sqrt_price_at_tick, ticks_at_sqrt_prices
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.pool import Pool

LABELS = ("label_side", "label_size", "label_slippage_bps", "label_deadline_s", "label_confidence", "label_rule")
"""Recorded label columns; label_side holds BUY, HOLD or SELL."""

RECORDED = ("volatility", "volume_ma", "liquidity_impact", "price_change")
"""Feature columns a prepared file may carry; they were computed with history the file lacks."""


@dataclass(frozen=True, eq=False)
class SwapFrame:
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
        history: the tick map and what liquidity did between the swaps, where the log holds it.
        rounded: exact columns that were rebuilt from rounded numbers, with the reason.
        source: path or description of where the swaps come from.
        notes: what the importer did that a reader should know.

    Columns that the log does not carry are None and limit what may be claimed later.
    """

    pool: Pool
    at: NDArray[np.datetime64]
    sqrt_price_x96: ExactInts
    liquidity: ExactInts
    amount0: ExactInts | None = None
    amount1: ExactInts | None = None
    tick: NDArray[np.int32] | None = None
    block: NDArray[np.int64] | None = None
    tx_index: NDArray[np.int64] | None = None
    log_index: NDArray[np.int64] | None = None
    tx_hash: ExactInts | None = None
    fee_pips: NDArray[np.int32] | None = None
    gas_price: NDArray[np.int64] | None = None
    recorded_volume: NDArray[np.float64] | None = None
    recorded: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    labels: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    history: LiquidityHistory | None = None
    rounded: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _validate(self)

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, rows: slice) -> SwapFrame:
        """A SwapFrame of those rows."""
        return self.take(np.arange(len(self))[rows])

    def take(self, rows: NDArray[np.intp], *, keep_position: bool = False) -> SwapFrame:
        """A SwapFrame of the rows at these positions; `keep_position` leaves times and blocks in place."""
        names = [name for name in _COLUMNS if not (keep_position and name in _POSITION)]
        columns: dict[str, Any] = {name: getattr(self, name) for name in names}
        taken: dict[str, Any] = {name: None if column is None else column[rows] for name, column in columns.items()}
        taken["recorded"] = {name: column[rows] for name, column in self.recorded.items()}
        taken["labels"] = {name: column[rows] for name, column in self.labels.items()}
        return replace(self, **taken, history=self._history_of(rows))

    def _history_of(self, rows: NDArray[np.intp]) -> LiquidityHistory | None:
        """The history of consecutive rows; rows in another order have none."""
        if self.history is None or len(rows) == 0 or (np.diff(rows) != 1).any():
            return None
        first = int(rows[0])
        start = None
        if first > 0:
            start = PoolStart(
                self.sqrt_price_x96[first - 1], int(self.exact_tick[first - 1]), self.liquidity[first - 1]
            )
        return self.history.cut(first, first + len(rows), start)

    @cached_property
    def price(self) -> NDArray[np.float64]:
        """Quote per base in human units, shape (n,); the nearest float64 of the exact ratio."""
        pool = self.pool
        if pool.base_is_token0:
            up, down = pool.base.unit, pool.quote.unit << 192
            values = (value * value * up / down for value in self.sqrt_price_x96)
        else:
            up, down = pool.base.unit << 192, pool.quote.unit
            values = (up / (value * value * down) for value in self.sqrt_price_x96)
        return _frozen(np.fromiter(values, dtype=np.float64, count=len(self)))

    @cached_property
    def exact_tick(self) -> NDArray[np.int32]:
        """The pool's own tick after each swap: the recorded one where it fits the price, else the price's."""
        ticks = ticks_at_sqrt_prices(self.sqrt_price_x96)
        if self.tick is None:
            return ticks
        # A falling swap that ends exactly on a tick leaves the pool one below it.
        below = (self.tick == ticks - 1) & (ticks % self.pool.tick_spacing == 0)
        on_tick = np.fromiter(
            (sqrt_price_at_tick(int(ticks[row])) == self.sqrt_price_x96[int(row)] for row in np.flatnonzero(below)),
            dtype=bool,
        )
        below[below] = on_tick
        return np.where(below, self.tick, ticks).astype(np.int32)

    @cached_property
    def volume(self) -> NDArray[np.float64]:
        """Base token traded in human units, shape (n,); NaN where the log does not say."""
        if self.recorded_volume is not None:
            return _frozen(self.recorded_volume)
        amount = self.amount0 if self.pool.base_is_token0 else self.amount1
        if amount is None:
            return _frozen(np.full(len(self), np.nan))
        return _frozen(np.abs(amount.to_floats(self.pool.base.unit)))

    @cached_property
    def at_index(self) -> pd.DatetimeIndex:
        """`at` as a pandas index that knows it is UTC."""
        return pd.DatetimeIndex(self.at, name="at").tz_localize("UTC")

    @cached_property
    def data_hash(self) -> str:
        """Hex SHA-256 over the pool and every column: the identity of the data, wherever it lies."""
        digest = hashlib.sha256(self.pool.model_dump_json().encode())
        columns = {name: getattr(self, name) for name in _COLUMNS} | dict(self.recorded) | dict(self.labels)
        for name, column in sorted(columns.items()):
            if column is None:
                continue
            digest.update(f"\0{name}\0".encode())
            digest.update(_bytes(column))
        if self.history is not None:
            digest.update(b"\0history\0" + self.history.to_bytes())
        digest.update(json.dumps(dict(self.rounded), sort_keys=True).encode())
        return digest.hexdigest()

    @property
    def span_s(self) -> float:
        """Seconds from the first swap to the last."""
        return float((self.at[-1] - self.at[0]) / np.timedelta64(1, "s")) if len(self) else 0.0


_COLUMNS = (
    "at",
    "sqrt_price_x96",
    "liquidity",
    "amount0",
    "amount1",
    "tick",
    "block",
    "tx_index",
    "log_index",
    "tx_hash",
    "fee_pips",
    "gas_price",
    "recorded_volume",
)

_POSITION = ("at", "block", "tx_index", "log_index", "tx_hash")


def _bytes(column: Any) -> bytes:
    if isinstance(column, ExactInts):
        return column.limbs.tobytes()
    if column.dtype == object:
        return "\0".join(map(str, column)).encode()
    return bytes(np.ascontiguousarray(column).tobytes())


def _frozen(column: NDArray[np.float64]) -> NDArray[np.float64]:
    column = column.view()
    column.flags.writeable = False
    return column


def _validate(frame: SwapFrame) -> None:
    where, count = frame.source or "SwapFrame", len(frame.at)
    if count == 0:
        raise InputError("there are no swaps", where=where)
    for name in (*_COLUMNS, *frame.recorded, *frame.labels):
        column = getattr(frame, name) if name in _COLUMNS else {**frame.recorded, **frame.labels}[name]
        if column is not None and len(column) != count:
            raise InputError(f"column '{name}' has {len(column)} rows instead of {count}", where=where)
    if np.isnat(frame.at).any():
        raise _at_row(frame, np.isnat(frame.at), "the timestamp is missing")
    back = np.concatenate([[False], frame.at[1:] < frame.at[:-1]])
    if back.any():
        raise _at_row(frame, back, "rows are not in order of time", "sort by block and log index")
    if frame.block is not None:
        back = frame.block[1:] < frame.block[:-1]
        if frame.log_index is not None:
            same_block = frame.block[1:] == frame.block[:-1]
            back = back | (same_block & (frame.log_index[1:] < frame.log_index[:-1]))
        back = np.concatenate([[False], back])
        if back.any():
            raise _at_row(frame, back, "rows are not in order of block and log index", "sort them")
    for name in ("sqrt_price_x96", "liquidity"):
        column = getattr(frame, name)
        if column.negative().any():
            raise _at_row(frame, column.negative(), f"{name} is negative")
    if frame.sqrt_price_x96.zero().any():
        raise _at_row(frame, frame.sqrt_price_x96.zero(), "sqrt_price_x96 is zero")
    # Prices of a pool lie below the greatest; the maths of one that does not would never end.
    impossible = frame.sqrt_price_x96.below(MIN_SQRT_PRICE) | ~frame.sqrt_price_x96.below(MAX_SQRT_PRICE)
    if impossible.any():
        raise _at_row(frame, impossible, "sqrt_price_x96 is no price that a pool can have")


def _at_row(frame: SwapFrame, bad: NDArray[np.bool_], what: str, hint: str | None = None) -> InputError:
    row = int(np.argmax(bad))
    return InputError(f"{what} at swap {row + 1}", where=frame.source or "SwapFrame", hint=hint)
