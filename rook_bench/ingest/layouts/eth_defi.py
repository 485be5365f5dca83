"""Event files of the eth_defi package (uniswap-v3-swap.csv and its like)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from rook_bench.core import InputError
from rook_bench.ingest.layouts.decoded import Decoded, always
from rook_bench.ingest.pool_metadata import mainnet_pool
from rook_bench.ingest.text_columns import addresses, constant, small
from rook_bench.market.events import BURN, MINT, SCHEMA, SWAP
from rook_bench.market.pool import Pool
from rook_bench.plugins import importer

_BASE = {
    "pool": "pool_contract_address",
    "at": "timestamp",
    "block": "block_number",
    "log_index": "log_index",
    "tx_hash": "tx_hash",
    "amount0": "amount0",
    "amount1": "amount1",
}
_LACKS = "eth_defi's files carry no transaction index"

SWAPS = Decoded(
    kinds=always(SWAP),
    columns=_BASE | {"sqrt_price_x96": "sqrt_price_x96", "liquidity": "liquidity", "tick": "tick"},
)


@importer(columns=SWAPS.required, log=True, layout=SWAPS, note=_LACKS)
def eth_defi_swaps():
    """Swap events of eth_defi (uniswap-v3-swap.csv)."""
    return SWAPS.events


def _kinds(table: pd.DataFrame, where: Path) -> pd.Series:
    """Mint and burn files have the same columns; only the name tells them apart."""
    kinds = [kind for kind in (MINT, BURN) if kind in where.name.lower()]
    if len(kinds) != 1:
        raise InputError(
            "the file's name does not say whether it holds mints or burns", where=where, hint="put mint or burn in it"
        )
    return constant(kinds[0], table)


POSITIONS = Decoded(
    kinds=_kinds,
    columns=_BASE | {"tick_lower": "tick_lower", "tick_upper": "tick_upper", "liquidity_delta": "amount"},
)


@importer(columns=POSITIONS.required, log=True, layout=POSITIONS, note=_LACKS)
def eth_defi_positions():
    """Mint or burn events of eth_defi (uniswap-v3-mint.csv, uniswap-v3-burn.csv)."""
    return POSITIONS.events


def pools_created(table: pd.DataFrame, where: Path) -> list[Pool]:
    """Metadata of the pools of well-known tokens."""
    columns = (
        addresses(table["pool_contract_address"], where),
        addresses(table["token0_address"], where),
        addresses(table["token1_address"], where),
        small(table["fee"], where).tolist(),
    )
    return [pool for row in zip(*columns, strict=True) if (pool := mainnet_pool(*row))]


@importer(
    columns=("pool_contract_address", "fee", "token0_address", "token1_address", "block_number"),
    log=True,
    pools=pools_created,
)
def eth_defi_pools():
    """PoolCreated events of eth_defi (uniswap-v3-poolcreated.csv): metadata only."""

    def events(table: pd.DataFrame, where: Path) -> pa.Table:
        return SCHEMA.empty_table()

    return events
