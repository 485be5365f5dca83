"""Swaps of a Uniswap v3 subgraph on The Graph: human amounts, no liquidity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Context, Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from rook_bench.core import InputError
from rook_bench.ingest.layouts.decoded import Decoded, always
from rook_bench.ingest.pool_metadata import pool_of
from rook_bench.ingest.text_columns import constant, first_present, pool_in_name, row_number, times
from rook_bench.market.pool import Pool, Token, known_pool
from rook_bench.plugins import importer

_DIGITS = Context(prec=120)
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


def _decimals(token: str, table: pd.DataFrame, where: Path) -> pd.Series:
    name = first_present((f"{token}.decimals", f"pool.{token}.decimals"), table)
    if name is not None:
        return table[name]
    pools = table["pool.id"] if "pool.id" in table else constant(pool_in_name(where), table)
    known: Mapping[str, Pool | None] = {address: known_pool(address) for address in pools.unique()}
    unknown = [address for address, pool in known.items() if pool is None]
    if unknown:
        raise InputError(
            f"the decimals of {token} of pool {unknown[0]} are not in the file",
            where=where,
            hint="ask the subgraph for pool { id token0 { symbol decimals } token1 { symbol decimals } }",
        )
    return pools.map({address: str(getattr(pool, token).decimals) for address, pool in known.items()})


def _in_units(amounts: pd.Series, decimals: pd.Series, where: Path) -> pd.Series:
    """Human amounts in smallest units: whole digits, or a fraction where the amount was rounded."""
    values = []
    for row, (amount, places) in enumerate(zip(amounts, decimals, strict=True)):
        try:
            units = Decimal(amount).scaleb(int(places), _DIGITS)
            values.append(str(int(units)) if units == int(units) else format(units, "f"))
        except (InvalidOperation, ValueError, OverflowError):
            problem = f"is not a number ({amount})" if amount else "is missing"
            raise InputError(
                f"column '{amounts.name}' {problem} at row {row_number(amounts, row)}", where=where
            ) from None
    return pd.Series(values, index=amounts.index, dtype=str)


def _prepared(table: pd.DataFrame, where: Path) -> pd.DataFrame:
    table = table.copy()
    for token, amount in (("token0", "amount0"), ("token1", "amount1")):
        table[amount] = _in_units(table[amount], _decimals(token, table, where), where)
    if "pool.id" not in table:
        table["pool.id"] = constant(pool_in_name(where), table)
    if "transaction.id" not in table:
        table["transaction.id"] = [found.group() if (found := _HASH.match(text)) else "" for text in table["id"]]
    # Without blocks only time and log index tell the order, and pages are ordered by time alone.
    order = pd.DataFrame({"at": times(table["timestamp"], where), "log": pd.to_numeric(table["logIndex"])})
    return table.iloc[order.sort_values(["at", "log"], kind="stable").index]


SWAPS = Decoded(
    kinds=always("swap"),
    columns={
        "pool": "pool.id",
        "at": "timestamp",
        "block": "transaction.blockNumber",
        "log_index": "logIndex",
        "tx_hash": "transaction.id",
        "sqrt_price_x96": "sqrtPriceX96",
        "tick": "tick",
        "amount0": "amount0",
        "amount1": "amount1",
        "gas_price": "transaction.gasPrice",
    },
    optional=frozenset({"pool", "block", "tx_hash", "gas_price"}),
    extra=(
        "id",
        *(f"?{prefix}{token}.{fact}" for prefix in ("", "pool.") for token in ("token0", "token1")
          for fact in ("symbol", "decimals")),
        "?pool.feeTier",
    ),
    prepare=_prepared,
)  # fmt: skip


def pools_of_swaps(table: pd.DataFrame, where: Path) -> list[Pool]:
    """Metadata of the pools whose tokens and fee the answers carry."""
    if "pool.id" not in table or "pool.feeTier" not in table:
        return []
    found = []
    for _, row in table.drop_duplicates("pool.id").iterrows():
        fee = row["pool.feeTier"]
        tokens = _token(row, "token0"), _token(row, "token1")
        pool = pool_of(row["pool.id"], tokens[0], tokens[1], int(fee) if fee.isdigit() else None)
        if pool is not None:
            found.append(pool)
    return found


def _token(row: pd.Series, token: str) -> Token | None:
    for prefix in ("", "pool."):
        symbol, decimals = row.get(f"{prefix}{token}.symbol", ""), row.get(f"{prefix}{token}.decimals", "")
        if symbol and decimals.isdigit():
            return Token(symbol=symbol, decimals=int(decimals))
    return None


@importer(
    columns=SWAPS.required,
    optional=SWAPS.welcome,
    log=True,
    layout=SWAPS,
    pools=pools_of_swaps,
    note="The Graph's swaps carry no liquidity: the tape can't re-price its own swaps, and fills are approximate",
)
def the_graph_swaps():
    """Swaps of a Uniswap v3 subgraph (decimal amounts, sqrtPriceX96, tick; no liquidity)."""
    return SWAPS.events
