"""Allium's table of Uniswap v3 events (dex.uniswap_v3_events)."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from rook_bench.ingest.layouts.decoded import Decoded, by_value
from rook_bench.market.events import BURN, COLLECT, INITIALIZE, MINT, SWAP
from rook_bench.plugins import importer

_GAS_KEYS = ("receipt_effective_gas_price", "gas_price")


def _with_gas_price(table: pd.DataFrame, where: Path) -> pd.DataFrame:
    """The gas price out of fee_details, an object that exports write as JSON text."""
    if "fee_details" not in table:
        return table
    return table.assign(gas_price=[_gas_price(text) for text in table["fee_details"]])


def _gas_price(text: str) -> str:
    try:
        details = json.loads(text, parse_float=str, parse_int=str)
    except json.JSONDecodeError:
        return ""
    if not isinstance(details, dict):
        return ""
    return next((str(details[key]) for key in _GAS_KEYS if details.get(key)), "")


EVENTS = Decoded(
    kinds=by_value("event", {name: name for name in (SWAP, MINT, BURN, COLLECT, INITIALIZE)}),
    columns={
        "pool": "liquidity_pool_address",
        "at": "block_timestamp",
        "block": "block_number",
        "tx_index": "transaction_index",
        "log_index": "log_index",
        "tx_hash": "transaction_hash",
        "sqrt_price_x96": "sqrt_price_x96",
        "liquidity": "liquidity",
        "tick": "tick",
        # The columns without _str are floats: they are read only to be refused by name.
        "amount0": "token0_amount_raw_str|token0_amount_raw",
        "amount1": "token1_amount_raw_str|token1_amount_raw",
        "tick_lower": "tick_lower",
        "tick_upper": "tick_upper",
        "liquidity_delta": "liquidity",
        "gas_price": "gas_price|fee_details.receipt_effective_gas_price|fee_details.gas_price",
    },
    optional=frozenset({"tx_index", "tick_lower", "tick_upper", "gas_price"}),
    extra=("event", "?fee_details"),
    prepare=_with_gas_price,
)


@importer(columns=EVENTS.required, optional=EVENTS.welcome, log=True, layout=EVENTS)
def allium_events():
    """Allium's uniswap_v3_events (event, liquidity_pool_address, token0_amount_raw_str ...)."""
    return EVENTS.events
