"""The fake node, and a pull from it that does not wait long."""

import numpy as np
import pytest
from fake_node import POOL, FakeNode

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')


@pytest.fixture
def fake():
    """A v3 node on loopback."""
    with FakeNode() as node:
        yield node


@pytest.fixture
def fake_v4():
    """A v4 node on loopback."""
    with FakeNode(v4=True) as node:
        yield node


@pytest.fixture
def ask():
    """A Node for a fake one, which hardly waits."""
    from rook_bench.ingest.fetch import Node

    def make(fake, **options):
        return Node(fake.url, np.random.default_rng(0), **{"first_wait_s": 0.001, "tries": 4} | options)

    return make


@pytest.fixture
def pull_all(ask, tmp_path):
    """Pull blocks into a spool: (what pull says, the spool, its events as one table)."""
    from rook_bench.ingest.fetch import Job, PoolKey, Spool, pull
    from rook_bench.market.events import concat

    def call(fake, first=0, last=600, key=None, **options):
        spool = Spool(tmp_path / "tape.parquet", {"from-block": first})
        job = Job(key or PoolKey(POOL), first, last, **{"first_step": 64} | options)
        done = pull(ask(fake), job, spool)
        return done, spool, concat(list(spool.tables()))

    return call
