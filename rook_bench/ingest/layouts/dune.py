"""Decoded Swap events of Dune: v3's of one pool each, v4's of the PoolManager."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from rook_bench.ingest.layouts.decoded import Decoded, always
from rook_bench.ingest.text_columns import negated
from rook_bench.market.events import SWAP
from rook_bench.plugins import importer

SWAPS = Decoded(
    kinds=always(SWAP),
    columns={
        "pool": "contract_address",
        "at": "evt_block_time",
        "block": "evt_block_number",
        "tx_index": "evt_tx_index",
        "log_index": "evt_index",
        "tx_hash": "evt_tx_hash",
        "sqrt_price_x96": "sqrtPriceX96",
        "liquidity": "liquidity",
        "tick": "tick",
        "amount0": "amount0",
        "amount1": "amount1",
    },
    optional=frozenset({"tx_index"}),
)


@importer(
    columns=SWAPS.required,
    optional=SWAPS.welcome,
    log=True,
    layout=SWAPS,
    note="Dune's Swap events carry no mints and burns: fills stay inside the range of known liquidity",
)
def dune_swaps():
    """Swap events decoded by Dune (contract_address, evt_tx_hash, evt_index, evt_block_time ...)."""
    return SWAPS.events


def _as_the_pool_counts(table: pd.DataFrame, where: Path) -> pd.DataFrame:
    """v4 reports what the swapper received; a tape holds what the pool received."""
    return table.assign(**{name: negated(table[name]) for name in ("amount0", "amount1")})


SWAPS_V4 = Decoded(
    kinds=always(SWAP),
    columns={
        **{name: source for name, source in SWAPS.columns.items() if name != "pool"},
        "pool": "id",
        "fee_pips": "fee",
    },
    optional=SWAPS.optional,
    extra=("contract_address",),
    prepare=_as_the_pool_counts,
)


@importer(
    columns=SWAPS_V4.required,
    optional=SWAPS_V4.welcome,
    log=True,
    layout=SWAPS_V4,
    note="Dune's Swap events carry no changes of liquidity: fills stay inside the range of known liquidity",
)
def dune_v4_swaps():
    """Swap events of v4's PoolManager decoded by Dune (id is the pool, fee in pips)."""
    return SWAPS_V4.events
