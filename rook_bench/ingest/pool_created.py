"""Pool metadata out of undecoded logs: v3's PoolCreated and v4's Initialize."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rook_bench.ingest.abi import INITIALIZE_V4
from rook_bench.ingest.pool_metadata import mainnet_pool
from rook_bench.ingest.text_columns import words_of
from rook_bench.market.pool import Pool

POOL_CREATED = "0x783cca1c0412dd0d695e784568c96da2e9c22ff989357a2e8b1d9b2b4e6b7118"
"""keccak256 of PoolCreated(address,address,uint24,int24,address)."""


def pools_in(table: pd.DataFrame, where: Path) -> list[Pool]:
    """Metadata of the pools that a chunk of undecoded entries tells of."""
    told = table["topics" if "topics" in table else "topic0"].str.lower()
    rows = table[told.str.contains(f"{POOL_CREATED}|{INITIALIZE_V4}")]
    found = []
    for _, row in rows.iterrows():
        topics = words_of(row["topics"]) if "topics" in row else [row.get(f"topic{place}", "") for place in range(4)]
        pool = pool_created([topic for topic in topics if topic], row["data"])
        if pool is not None:
            found.append(pool)
    return found


def pool_created(topics: Sequence[str], data: str) -> Pool | None:
    """The pool that a log entry tells of, if its tokens are well known."""
    if len(topics) != 4 or topics[0].lower() not in (POOL_CREATED, INITIALIZE_V4):
        return None
    try:
        blob = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return None
    words = [int.from_bytes(blob[start : start + 32], "big") for start in range(0, len(blob), 32)]
    if topics[0].lower() == POOL_CREATED and len(words) == 2:
        address = f"0x{words[1]:040x}"
        return mainnet_pool(address, _address(topics[1]), _address(topics[2]), int(topics[3], 16), words[0])
    if len(words) == 5:
        fee, spacing = words[0], words[1]
        return mainnet_pool(topics[1], _address(topics[2]), _address(topics[3]), fee, spacing, "v4")
    return None


def _address(topic: str) -> str:
    return "0x" + topic[-40:].lower()
