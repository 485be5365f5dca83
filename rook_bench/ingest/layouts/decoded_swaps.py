"""Decoded v3 swaps of nobody's layout in particular: every column that is needed, under one of its usual names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rook_bench.ingest.layouts.decoded import Decoded, always
from rook_bench.ingest.text_columns import constant, pool_in_name
from rook_bench.market.events import SWAP
from rook_bench.plugins import importer

_NAMED = "pool in the file's name"


def _with_pool(table: pd.DataFrame, where: Path) -> pd.DataFrame:
    return table.assign(**{_NAMED: constant(pool_in_name(where), table)})


SWAPS = Decoded(
    kinds=always(SWAP),
    columns={
        "pool": f"pool_address|poolAddress|pool|address|contract_address|contractAddress|pool_contract|{_NAMED}",
        "at": "block_timestamp|blockTimestamp|block_time|blockTime|evt_block_time|timestamp|datetime|time",
        "block": "block_number|blockNumber|evt_block_number|block",
        "tx_index": "transaction_index|transactionIndex|tx_index|txIndex|evt_tx_index",
        "log_index": "log_index|logIndex|evt_index",
        "tx_hash": "transaction_hash|transactionHash|tx_hash|txHash|evt_tx_hash",
        "sqrt_price_x96": "sqrtPriceX96|sqrt_price_x96|sqrtPrice|sqrt_price",
        "liquidity": "liquidity|active_liquidity",
        "tick": "tick|current_tick|currentTick",
        "amount0": "amount0|amount_0|amount0_raw|amount0Raw",
        "amount1": "amount1|amount_1|amount1_raw|amount1Raw",
        "gas_price": "gas_price|gasPrice|effective_gas_price|effectiveGasPrice",
    },
    optional=frozenset({"pool", "block", "tx_index", "tx_hash", "tick", "gas_price"}),
    prepare=_with_pool,
)


@importer(
    columns=SWAPS.required,
    optional=SWAPS.welcome,
    log=True,
    layout=SWAPS,
    fallback=True,
    note="read by the usual names of its columns: no known layout",
)
def decoded_swaps():
    """Decoded v3 swaps under the usual names of columns (sqrt_price_x96, liquidity, amount0, amount1, a time)."""
    return SWAPS.events
