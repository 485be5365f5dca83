"""A pool's log from a node: block ranges that adapt, a spool that survives a kill, a tape at the end."""

from rook_bench.ingest.fetch.get_logs import PoolKey
from rook_bench.ingest.fetch.job import Job, Pulled, last_block, pull
from rook_bench.ingest.fetch.node import Node
from rook_bench.ingest.fetch.pool_facts import PoolFacts, chain_name, check_contract, read_pool
from rook_bench.ingest.fetch.spool import Spool

__all__ = [
    "Job",
    "Node",
    "PoolFacts",
    "PoolKey",
    "Pulled",
    "Spool",
    "chain_name",
    "check_contract",
    "last_block",
    "pull",
    "read_pool",
]
