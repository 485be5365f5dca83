"""Read swaps from any recognised layout; the columns decide which importer does it."""

from rook_bench.market.importers import (
    allium,
    blocks,
    cryo,
    demeter,
    dune,
    eth_defi,
    node_logs,
    rook_processed,
    rook_split,
    tape,
    the_graph,
    v3_polars,
)
from rook_bench.market.importers.join import join_swaps
from rook_bench.market.importers.logs import LogStream, stream_events
from rook_bench.market.importers.recognise import read_swaps
from rook_bench.market.importers.tape import write_tape

__all__ = [
    "LogStream",
    "allium",
    "blocks",
    "cryo",
    "demeter",
    "dune",
    "eth_defi",
    "join_swaps",
    "node_logs",
    "read_swaps",
    "rook_processed",
    "rook_split",
    "stream_events",
    "tape",
    "the_graph",
    "v3_polars",
    "write_tape",
]
