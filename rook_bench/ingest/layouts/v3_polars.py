"""Parquet files of Uniswap's v3-polars: swaps, mints and burns, initialisations, pool creations."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from rook_bench.ingest.layouts.decoded import Decoded, always, by_value
from rook_bench.ingest.pool_metadata import mainnet_pool
from rook_bench.ingest.text_columns import addresses, small
from rook_bench.market.events import BURN, INITIALIZE, MINT, SCHEMA, SWAP
from rook_bench.market.pool import Pool
from rook_bench.plugins import importer

_BASE = {
    "pool": "address",
    "at": "block_timestamp",
    "block": "block_number",
    "tx_index": "transaction_index",
    "log_index": "log_index",
    "tx_hash": "transaction_hash",
    "gas_price": "gas_price",
}
_OPTIONAL = frozenset({"gas_price"})

SWAPS = Decoded(
    kinds=always(SWAP),
    columns=_BASE
    | {
        "sqrt_price_x96": "sqrtPriceX96",
        "liquidity": "liquidity",
        "tick": "tick",
        "amount0": "amount0",
        "amount1": "amount1",
    },
    optional=_OPTIONAL,
)


@importer(columns=SWAPS.required, optional=SWAPS.welcome, log=True, layout=SWAPS)
def v3_polars_swaps():
    """pool_swap_events of v3-polars, with gas prices."""
    return SWAPS.events


POSITIONS = Decoded(
    kinds=by_value("type_of_event", {"1": MINT, "-1": BURN}),
    columns=_BASE
    | {
        "amount0": "amount0",
        "amount1": "amount1",
        "tick_lower": "tick_lower",
        "tick_upper": "tick_upper",
        "liquidity_delta": "amount",
    },
    optional=_OPTIONAL,
    extra=("type_of_event",),
)


@importer(columns=POSITIONS.required, optional=POSITIONS.welcome, log=True, layout=POSITIONS)
def v3_polars_positions():
    """pool_mint_burn_events of v3-polars (type_of_event 1 mints, -1 burns)."""
    return POSITIONS.events


INITIALIZATIONS = Decoded(
    kinds=always(INITIALIZE),
    columns=_BASE | {"sqrt_price_x96": "sqrtPriceX96", "tick": "tick"},
    optional=_OPTIONAL,
)


@importer(columns=INITIALIZATIONS.required, optional=INITIALIZATIONS.welcome, log=True, layout=INITIALIZATIONS)
def v3_polars_initializations():
    """pool_initialize_events of v3-polars."""
    return INITIALIZATIONS.events


def pools_created(table: pd.DataFrame, where: Path) -> list[Pool]:
    """Metadata of the pools of well-known tokens."""
    columns = (
        addresses(table["pool"], where),
        addresses(table["token0"], where),
        addresses(table["token1"], where),
        small(table["fee"], where).tolist(),
        small(table["tickSpacing"], where).tolist(),
    )
    return [pool for row in zip(*columns, strict=True) if (pool := mainnet_pool(*row))]


@importer(columns=("pool", "token0", "token1", "fee", "tickSpacing"), log=True, pools=pools_created)
def v3_polars_pools():
    """factory_pool_created of v3-polars: metadata only."""

    def events(table: pd.DataFrame, where: Path) -> pa.Table:
        return SCHEMA.empty_table()

    return events
