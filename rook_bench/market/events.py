"""Events of a pool's log in columns: what every log layout is turned into before it becomes a tape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from rook_bench.core.exact import ExactInts

SWAP, INITIALIZE, MINT, BURN, COLLECT, PROTOCOL_FEE = (
    "swap",
    "initialize",
    "mint",
    "burn",
    "collect",
    "protocol_fee",
)
"""Values of the column `event`. v4's ModifyLiquidity is a mint or a burn by the sign of its delta."""

EXACT = ("sqrt_price_x96", "liquidity", "amount0", "amount1", "liquidity_delta")
"""Columns of 256-bit integers; no float ever holds them."""

SCHEMA = pa.schema(
    [
        ("pool", pa.string()),  # v3: address of the pool; v4: pool id; lower case
        ("event", pa.string()),
        ("at", pa.timestamp("ns", "UTC")),
        ("block", pa.int64()),
        ("tx_index", pa.int64()),
        ("log_index", pa.int64()),
        ("tx_hash", pa.binary(32)),
        ("sqrt_price_x96", pa.decimal256(76)),  # swap, initialize: after the event
        ("liquidity", pa.decimal256(76)),  # swap: active liquidity after it
        ("tick", pa.int32()),  # swap, initialize: after the event
        ("amount0", pa.decimal256(76)),  # what the pool received (v3 signs): a burn's amounts are negative
        ("amount1", pa.decimal256(76)),
        ("fee_pips", pa.int32()),  # v4 swap: the fee it paid; initialize: the pool's own
        ("tick_lower", pa.int32()),  # mint, burn
        ("tick_upper", pa.int32()),
        ("liquidity_delta", pa.decimal256(76)),  # mint, burn: change of the position's liquidity, burn negative
        ("gas_price", pa.int64()),  # wei per unit of gas that the transaction paid
    ]
)
"""One row per event, in any order; null where the log does not say. Times are UTC."""


def event_table(columns: Mapping[str, Any], rows: int) -> pa.Table:
    """A table of SCHEMA from columns by name; columns not given are null.

    Args:
        columns: arrays, lists (None where unknown) or one value for all rows; exact columns hold Python integers or
            are ExactInts, `tx_hash` bytes or "0x..." text, `at` datetime64[ns] or text.
        rows: number of rows.

    Raises:
        KeyError: a column that is not in SCHEMA; OverflowError: an integer beyond 76 digits.
    """
    unknown = set(columns) - set(SCHEMA.names)
    if unknown:
        raise KeyError(f"not an event column: {sorted(unknown)[0]}")
    return pa.table([_array(columns.get(field.name), field, rows) for field in SCHEMA], schema=SCHEMA)


def _array(values: Any, field: pa.Field, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, field.type)
    if isinstance(values, pa.Array):
        return values.cast(field.type)
    if isinstance(values, str | int):
        return pa.repeat(pa.scalar(values, field.type), rows)
    if isinstance(values, ExactInts):
        return values.to_arrow(76)
    if field.name in EXACT:
        return exact_array(values)
    if field.name == "tx_hash":
        return pa.array([_bytes(value) for value in values], field.type)
    if isinstance(values, np.ndarray) and values.dtype.kind == "M":
        return pa.array(values.astype("datetime64[ns]")).cast(pa.timestamp("ns")).cast(field.type)
    return pa.array(values).cast(field.type)


def exact_array(values: Iterable[int | None]) -> pa.Array:
    """Python integers as decimal256(76), None as null; OverflowError beyond 76 digits."""
    values = list(values)
    for value in values:
        if value is not None and not -_BOUND < value < _BOUND:
            raise OverflowError(f"{value} has more than 76 digits")
    data = b"".join((value or 0).to_bytes(32, "little", signed=True) for value in values)
    mask = np.array([value is not None for value in values], dtype=bool)
    valid = None if mask.all() else pa.py_buffer(np.packbits(mask, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.decimal256(76), len(values), [valid, pa.py_buffer(data)])


def integers(column: pa.ChunkedArray | pa.Array) -> list[int | None]:
    """An exact column back as Python integers."""
    return [None if value is None else int(value) for value in column.to_pylist()]


def concat(tables: Sequence[pa.Table]) -> pa.Table:
    """Event tables one after the other."""
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table()


_BOUND = 10**76


def _bytes(value: Any) -> bytes | None:
    return bytes.fromhex(value.removeprefix("0x")) if isinstance(value, str) else value
