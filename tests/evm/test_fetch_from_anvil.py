"""`data fetch` from a real node: killed in the middle, resumed, nothing lost and nothing twice."""

import json
import os
import threading
import urllib.request
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import processes
import pytest

from rook_bench.tapecheck.summary import calibrate

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')

MOST_BLOCKS = 10


class Gate:
    """Stands before a node as a provider does: few blocks at once. It can be told to answer no more."""

    def __init__(self, url):
        self.url, self.asked, self.answers_left = url, [], None
        self.stuck, self.open_again = threading.Event(), threading.Event()

    def answer(self, body):
        call = json.loads(body)
        if isinstance(call, dict) and call["method"] == "eth_getLogs":
            first, last = (int(call["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
            if last - first + 1 > MOST_BLOCKS:
                error = {"code": -32614, "message": f"eth_getLogs is limited to a {MOST_BLOCKS} range"}
                return json.dumps({"jsonrpc": "2.0", "id": call["id"], "error": error}).encode()
            if self.answers_left is not None:
                self.answers_left -= 1
                if self.answers_left < 0:
                    self.stuck.set()
                    self.open_again.wait(60)
            self.asked.append((first, last))
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()


@contextmanager
def gate(url):
    """A Gate on loopback: (it, its URL)."""
    stands = Gate(url)

    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_POST(self):
            answer = stands.answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *arguments: None  # of a client that was killed
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield stands, f"http://127.0.0.1:{server.server_port}"
    finally:
        stands.open_again.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def fetched_after_a_kill(tmp_path, monkeypatch, command_line):
    """Fetch through a gate, kill -9 after eight answers, resume: what the second run said."""
    monkeypatch.chdir(tmp_path)
    return lambda url, *arguments: _fetched_after_a_kill(url, tmp_path, command_line, arguments)


def _fetched_after_a_kill(url, folder, command_line, arguments):
    with gate(url) as (stands, address):
        stands.answers_left = 8
        process = processes.start("data", "fetch", "--rpc", address, *arguments, cwd=folder)
        while not stands.stuck.wait(0.1):
            assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate(timeout=30)
        assert not (folder / "tape.parquet").exists()
        kept = {
            tuple(int(part) for part in path.stem.split("-"))
            for path in (folder / ".tape.parquet.fetching").glob("[0-9]*.parquet")
        }
        assert 6 <= len(kept) <= 8  # v4: one answer was the search for the birth
        stands.answers_left = None
        stands.open_again.set()
        stands.asked.clear()
        code, out, err = command_line("data", "fetch", "--rpc", address, *arguments)
        assert code == 0, err
        assert "going on" in err
        assert not kept & set(stands.asked)
    assert not (folder / ".tape.parquet.fetching").exists()
    return out, err


def counts_of(out):
    """ "swap 12, mint 3" as a Counter."""
    return Counter({name: int(count) for name, count in (part.split() for part in out.splitlines()[0].split(", "))})


def tape(folder):
    from rook_bench.ingest.read import read_swaps

    return read_swaps(folder / "tape.parquet")


def swaps_on(pool, topic):
    """(block, log index) of the pool's swaps, asked of the node in another way."""
    query = {
        "address": pool.web3.to_checksum_address(pool.pool),
        "fromBlock": pool.first_block,
        "toBlock": pool.last_block,
    }
    logs = pool.web3.eth.get_logs(query | {"topics": [topic, pool.pool_id] if pool.pool_id else [topic]})
    return [(log["blockNumber"], log["logIndex"]) for log in logs]


def assert_prices_again(frame):
    """Every swap from birth on comes out again to the last unit, those across ticks too."""
    assert frame.history.complete
    found = calibrate(frame)
    assert (found.exact, found.testable, found.untestable) == (len(frame), len(frame), 0)
    assert found.tick_map == "whole"
    assert found.crossing > 0


@pytest.mark.skipif(os.name != "posix", reason="kills with a signal")
def test_v3_is_complete_after_a_kill(anvil_pool, tmp_path, fetched_after_a_kill):
    pool = anvil_pool
    pool.mine_more(60)
    out, err = fetched_after_a_kill(
        pool.url,
        *("--pool", pool.pool, "--from-block", pool.first_block, "--to-block", pool.last_block),
        *("--reorg-depth", 0, "--out", "tape.parquet"),
    )
    assert counts_of(out) == pool.counts
    assert "starts after the pool's birth" not in err
    frame = tape(tmp_path)
    places = list(zip(frame.block.tolist(), frame.log_index.tolist(), strict=True))
    assert places == swaps_on(pool, "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67")
    assert (frame.pool.protocol, frame.pool.fee_pips, frame.pool.tick_spacing) == ("v3", 500, 10)
    assert frame.pool.chain == "local"
    assert_prices_again(frame)


@pytest.mark.skipif(os.name != "posix", reason="kills with a signal")
def test_v4_is_complete_after_a_kill(anvil_pool_v4, tmp_path, fetched_after_a_kill):
    pool = anvil_pool_v4
    out, _ = fetched_after_a_kill(
        pool.url,
        *("--manager", pool.manager, "--pool-id", pool.pool_id, "--from-block", pool.first_block),
        *("--to-block", pool.last_block, "--reorg-depth", 0, "--out", "tape.parquet"),
    )
    assert counts_of(out) == pool.counts
    frame = tape(tmp_path)
    places = list(zip(frame.block.tolist(), frame.log_index.tolist(), strict=True))
    assert places == swaps_on(pool, "0x40e9cecb9f5f1f1c5b9c97dec2917b7ee92e57ba5563708daca94dd84ad7112f")
    assert (frame.pool.protocol, frame.pool.tick_spacing) == ("v4", 10)
    assert_prices_again(frame)
