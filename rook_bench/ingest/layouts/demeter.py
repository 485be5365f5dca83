"""Logs fetched by demeter-fetch: undecoded entries (*.raw.csv) and decoded events (*.tick.csv)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from rook_bench.ingest.layouts.decoded import Decoded, by_value
from rook_bench.ingest.layouts.undecoded import PLACES, undecoded
from rook_bench.ingest.text_columns import constant, pool_in_name
from rook_bench.ingest.topics import Topics
from rook_bench.market.events import BURN, COLLECT, MINT, SWAP
from rook_bench.plugins import importer

_RAW = ("block_number", "block_timestamp", "log_index", "transaction_index", "topics", "data")
_POSITION = ("tick_lower", "tick_upper", "liquidity")


@importer(columns=_RAW, optional=("transaction_hash",), unless=("address", "contract_address"), log=True)
def demeter_raw():
    """Undecoded event logs of one pool as demeter-fetch writes them (topics and data), exact."""

    def events(table: pd.DataFrame, where: Path) -> pa.Table:
        pool = [pool_in_name(where)] * len(table)
        topics = Topics.of_lists(table["topics"])
        return undecoded(table, where, addresses=pool, topics=topics, data="data", places=PLACES)

    return events


def _kinds(table: pd.DataFrame, where: Path) -> pd.Series:
    kinds = {"SWAP": SWAP}
    if all(name in table for name in _POSITION):
        kinds |= {"MINT": MINT, "BURN": BURN, "COLLECT": COLLECT}
    return by_value("tx_type", kinds)(table, where)


TICK = Decoded(
    kinds=_kinds,
    columns={
        "pool": "pool in the file's name",
        "at": "block_timestamp",
        "block": "block_number",
        "tx_index": "tx_index",
        "log_index": "log_index",
        "tx_hash": "transaction_hash",
        "sqrt_price_x96": "sqrtPriceX96",
        "liquidity": "total_liquidity",
        "tick": "current_tick",
        "amount0": "amount0",
        "amount1": "amount1",
        "tick_lower": "tick_lower",
        "tick_upper": "tick_upper",
        "liquidity_delta": "liquidity",
    },
    optional=frozenset({"pool", "tx_hash", "tick_lower", "tick_upper", "liquidity_delta"}),
    extra=("tx_type",),
    prepare=lambda table, where: table.assign(**{"pool in the file's name": constant(pool_in_name(where), table)}),
)


@importer(columns=TICK.required, optional=TICK.welcome, log=True, layout=TICK)
def demeter_tick():
    """Decoded events of one pool as demeter-fetch writes them (tx_type, amounts, sqrtPriceX96)."""
    return TICK.events
