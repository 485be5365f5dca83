"""Decoded Uniswap v3 events of Dune (uniswap_v3_ethereum.Pair_evt_Swap and its like)."""

from __future__ import annotations

from rook_bench.ingest.layouts.decoded import Decoded, always
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
