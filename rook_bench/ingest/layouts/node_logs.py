"""Undecoded logs as a node (eth_getLogs) or Etherscan's logs API answers them, in JSON."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from rook_bench.ingest.layouts.undecoded import undecoded
from rook_bench.ingest.pool_created import pools_in
from rook_bench.ingest.text_columns import addresses
from rook_bench.ingest.topics import Topics
from rook_bench.plugins import importer

_COLUMNS = ("address", "topics", "data", "blockNumber", "logIndex", "transactionHash")
_PLACES = {
    "block": "blockNumber",
    "tx_index": "transactionIndex",
    "log_index": "logIndex",
    "tx_hash": "transactionHash",
}


def _events(table: pd.DataFrame, where: Path, times: str) -> pa.Table:
    places = _PLACES | {"gas_price": "gasPrice"}
    if times in table and (table[times] != "").all():
        places["at"] = times
    topics = Topics.of_lists(table["topics"])
    return undecoded(
        table, where, addresses=addresses(table["address"], where), topics=topics, data="data", places=places
    )


@importer(columns=_COLUMNS, optional=("transactionIndex", "blockTimestamp"), log=True, pools=pools_in)
def eth_get_logs():
    """Answers of eth_getLogs (JSON, hex quantities), exact; times from the node or from a blocks file."""

    def events(table: pd.DataFrame, where: Path) -> pa.Table:
        return _events(table, where, "blockTimestamp")

    return events


@importer(columns=(*_COLUMNS, "timeStamp"), optional=("transactionIndex", "gasPrice"), log=True, pools=pools_in)
def etherscan_logs():
    """Answers of Etherscan's logs API (JSON, hex quantities), exact, with gas prices."""

    def events(table: pd.DataFrame, where: Path) -> pa.Table:
        return _events(table, where, "timeStamp")

    return events
