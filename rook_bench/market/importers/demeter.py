"""Logs fetched by demeter-fetch: undecoded events (*.raw.csv) and decoded ones (*.tick.csv)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.market.frame import SwapFrame
from rook_bench.market.importers.columns import exact_column, read_text_columns, small_column, time_column
from rook_bench.market.pool import Pool, known_pool
from rook_bench.plugins import importer

V3_SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
"""keccak256 of Swap(address,address,int256,int256,uint160,uint128,int24)."""

_POSITION = ("block_number", "block_timestamp", "log_index")
_RAW_COLUMNS = (*_POSITION, "transaction_index", "topics", "data")
_TICK_COLUMNS = (
    *_POSITION,
    "tx_index",
    "tx_type",
    "amount0",
    "amount1",
    "total_liquidity",
    "sqrtPriceX96",
    "current_tick",
)


@importer(columns=_RAW_COLUMNS)
def demeter_raw():
    """Undecoded v3 event logs of one pool (topics and data), exact."""

    def read(path: Path, pool: Pool | None) -> SwapFrame:
        table = read_text_columns(path, _RAW_COLUMNS)
        total = len(table)
        table = table[table["topics"].str.contains(V3_SWAP, regex=False)].reset_index(drop=True)
        if table.empty:
            raise InputError("the log holds no Uniswap v3 Swap event", where=path)
        words = _swap_words(table, path)
        return _frame(
            path,
            pool,
            table,
            tx_column="transaction_index",
            amount0=ExactInts.of(row[0] for row in words),
            amount1=ExactInts.of(row[1] for row in words),
            sqrt_price_x96=ExactInts.of(row[2] for row in words),
            liquidity=ExactInts.of(row[3] for row in words),
            tick=np.array([row[4] for row in words], dtype=np.int32),
            notes=(f"{len(table)} Swap events of {total} log entries",),
        )

    return read


@importer(columns=_TICK_COLUMNS)
def demeter_tick():
    """Decoded v3 events of one pool (tx_type, amounts, sqrtPriceX96), exact for swaps."""

    def read(path: Path, pool: Pool | None) -> SwapFrame:
        table = read_text_columns(path, _TICK_COLUMNS)
        total = len(table)
        table = table[table["tx_type"] == "SWAP"].reset_index(drop=True)
        if table.empty:
            raise InputError("the file holds no row of tx_type SWAP", where=path)
        return _frame(
            path,
            pool,
            table,
            tx_column="tx_index",
            amount0=exact_column(table, "amount0", path),
            amount1=exact_column(table, "amount1", path),
            sqrt_price_x96=exact_column(table, "sqrtPriceX96", path),
            liquidity=exact_column(table, "total_liquidity", path),
            tick=small_column(table, "current_tick", path, dtype="int32"),
            notes=(f"{len(table)} swaps of {total} events",),
        )

    return read


def _swap_words(table: pd.DataFrame, path: Path) -> list[tuple[int, int, int, int, int]]:
    """amount0, amount1, sqrtPriceX96, liquidity, tick of each Swap event's data."""
    rows = []
    for row, data in enumerate(table["data"], 1):
        try:
            blob = bytes.fromhex(data.removeprefix("0x"))
        except ValueError:
            blob = b""
        if len(blob) != 160:
            raise InputError(
                f"the data of Swap event {row} is not five 32-byte words", where=path, hint="is the file cut off?"
            )
        words = [blob[start : start + 32] for start in range(0, 160, 32)]
        signed = [int.from_bytes(word, "big", signed=True) for word in words]
        rows.append((signed[0], signed[1], signed[2], signed[3], signed[4]))
    return rows


def _frame(
    path: Path, pool: Pool | None, table: pd.DataFrame, *, tx_column: str, notes: tuple[str, ...], **columns: Any
) -> SwapFrame:
    return SwapFrame(
        pool=pool or _pool_of(path),
        at=time_column(table, "block_timestamp", path),
        block=small_column(table, "block_number", path),
        tx_index=small_column(table, tx_column, path),
        log_index=small_column(table, "log_index", path),
        source=str(path),
        notes=notes,
        **columns,
    )


def _pool_of(path: Path) -> Pool:
    """The pool that the file name carries the address of."""
    address = re.search(r"0x[0-9a-fA-F]{40}", path.name)
    pool = known_pool(address.group()) if address else None
    if pool is None:
        problem = f"pool {address.group()} is not known" if address else "the file does not say which pool it is from"
        raise InputError(problem, where=path, hint="pass its metadata with --pool FILE")
    return pool
