"""Undecoded logs as ethereum-etl and BigQuery's public data set write them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from rook_bench.ingest.layouts.undecoded import PLACES, undecoded
from rook_bench.ingest.pool_created import pools_in
from rook_bench.ingest.text_columns import addresses
from rook_bench.ingest.topics import Topics
from rook_bench.plugins import importer


@importer(
    columns=("address", "topics", "data", "block_number", "log_index", "transaction_hash"),
    optional=("transaction_index", "block_timestamp"),
    log=True,
    pools=pools_in,
)
def ethereum_etl_logs():
    """Undecoded logs of ethereum-etl and BigQuery (address, topics, data), exact; times in it or from a blocks file."""

    def events(table: pd.DataFrame, where: Path) -> pa.Table:
        topics = Topics.of_lists(table["topics"])
        pool = addresses(table["address"], where)
        return undecoded(table, where, addresses=pool, topics=topics, data="data", places=PLACES)

    return events
