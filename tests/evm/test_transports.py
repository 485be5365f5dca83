"""One node, asked over http, a websocket and a socket: the same answers, and the same patience."""

import artifacts
import numpy as np
import pytest

from rook_bench.core import InputError
from rook_bench.ingest.fetch import Node, PoolKey, read_pool
from rook_bench.ingest.fetch.get_logs import read_chunk


@pytest.fixture(scope="module")
def own_anvil(tmp_path_factory):
    """A node with a socket, and a small pool on it: (http URL, path of the socket, the pool)."""
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from lived_pool import lived_v3
    from node import running

    socket = tmp_path_factory.mktemp("socket") / "node.ipc"
    with running(artifacts.anvil(), "--ipc", str(socket)) as url:
        yield url, socket, lived_v3(url, 40)


def over(url):
    return Node(url, np.random.default_rng(0), tries=2, first_wait_s=0.01, timeout_s=20)


def test_every_way_gives_the_same(own_anvil):
    url, socket, pool = own_anvil
    key = PoolKey(pool.pool)
    seen = []
    for way in (url, url.replace("http", "ws"), str(socket)):
        node = over(way)
        chunk = read_chunk(node, key, pool.first_block, pool.last_block)
        facts = read_pool(node, key, node.chain_id(), pool.first_block, pool.last_block)
        headers = node.headers([pool.first_block, pool.last_block])
        seen.append((node.head(), chunk.last_hash, chunk.hashes, chunk.table.to_pylist(), facts, headers))
        with pytest.raises(InputError, match="refused|reverted|execution"):
            node.ask("eth_call", {"to": pool.pool, "data": "0x12345678"}, "latest")
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0][2]) > 10


def test_a_cut_connection_is_made_anew(own_anvil):
    url, _, _ = own_anvil
    node = over(url.replace("http", "ws"))
    head = node.head()
    node._provider._connection.close_socket()
    assert node.head() == head


@pytest.mark.parametrize("address", ["ws://127.0.0.1:9", "/nowhere/at/all.ipc", "http://127.0.0.1:9"])
def test_nobody_there(address):
    pytest.importorskip("web3")
    with pytest.raises(InputError, match="no connection"):
        over(address).head()
