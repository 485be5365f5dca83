"""One file per layout of a swap log; each registers the importer that knows it by its columns."""

from rook_bench.ingest.layouts import (
    allium,
    block_times,
    cryo,
    decoded_swaps,
    demeter,
    dune,
    eth_defi,
    ethereum_etl,
    node_logs,
    rook_processed,
    rook_split,
    tape,
    the_graph,
    v3_polars,
)

__all__ = [
    "allium",
    "block_times",
    "cryo",
    "decoded_swaps",
    "demeter",
    "dune",
    "eth_defi",
    "ethereum_etl",
    "node_logs",
    "rook_processed",
    "rook_split",
    "tape",
    "the_graph",
    "v3_polars",
]
