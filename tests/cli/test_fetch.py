"""`data fetch` as a user runs it: interrupted, resumed, mistyped."""

import importlib.util
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')

_spec = importlib.util.spec_from_file_location(
    "fake_node", Path(__file__).resolve().parents[1] / "ingest" / "fetch" / "fake_node.py"
)
fake_node = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fake_node)
POOL, MANAGER, POOL_ID, Refused = fake_node.POOL, fake_node.MANAGER, fake_node.POOL_ID, fake_node.Refused

V3 = ("--pool", POOL, "--from-block", "0", "--reorg-depth", "0", "--out", "tape.parquet")
V4 = ("--manager", MANAGER, "--pool-id", POOL_ID, *V3[2:])


@pytest.fixture(autouse=True)
def hardly_waits(monkeypatch):
    """A refused request is sent again soon; how long the waits are is looked at in tests/ingest/fetch."""
    from rook_bench.ingest.fetch import Node

    monkeypatch.setitem(Node.__init__.__kwdefaults__, "first_wait_s", 0.001)


@pytest.fixture
def fake(monkeypatch):
    """A v3 node, whose URL is in the environment."""
    with fake_node.FakeNode() as node:
        monkeypatch.setenv("ROOK_BENCH_RPC", node.url)
        yield node


@pytest.fixture
def fake_v4(monkeypatch):
    """A v4 node, whose URL is in the environment."""
    with fake_node.FakeNode(v4=True) as node:
        monkeypatch.setenv("ROOK_BENCH_RPC", node.url)
        yield node


@pytest.fixture
def fetch(checkout, rook_bench):
    """Run the verb: (exit code, stdout, stderr)."""
    return lambda *arguments: rook_bench("data", "fetch", *arguments)


def frame_of(path):
    from rook_bench.ingest.read import read_swaps

    return read_swaps(Path(path))


def swaps_of(fake, first=0, last=None):
    swaps = [log for log in fake.logs if len(log["topics"]) == 3 and first <= log["block"] <= (last or fake.head)]
    return [(log["block"], int(log["logIndex"], 16)) for log in swaps if "Swap" in fake_node.TOPICS[log["topics"][0]]]


def places(frame):
    return list(zip(frame.block.tolist(), frame.log_index.tolist(), strict=True))


def refused(answer, *words):
    code, out, err = answer
    assert code == 3, err
    assert out == ""
    lines = err.strip().splitlines()
    assert lines[-1].startswith("rook-bench: ")
    assert sum(line.startswith("rook-bench: ") for line in lines) == 1
    assert "Traceback" not in err
    for word in words:
        assert word in lines[-1]


def test_v3_from_birth(fake, fetch, checkout):
    code, out, err = fetch(*V3)
    assert code == 0, err
    assert f"swap {fake.counts()['swap']}" in out
    assert "tape: tape.parquet" in out
    assert "base WETH, quote USDC" in err
    assert "starts after the pool's birth" not in err
    assert "secretkey" not in out + err
    frame = frame_of("tape.parquet")
    assert places(frame) == swaps_of(fake)
    assert frame.history is not None
    assert frame.history.complete
    assert (frame.pool.address, frame.pool.chain, frame.pool.pair) == (POOL, "ethereum", "WETH/USDC")
    assert "secretkey" not in frame.source
    assert not list(checkout.glob(".tape*"))


def test_v4_from_birth(fake_v4, fetch):
    code, _, err = fetch(*V4)
    assert code == 0, err
    frame = frame_of("tape.parquet")
    assert len(frame) == fake_v4.counts()["swap4"]
    assert frame.pool.protocol == "v4"
    assert frame.history.complete


def test_v4_dynamic_fee_is_the_usual_one(fake_v4, fetch):
    birth = fake_v4.logs[0]
    birth["data"] = f"0x{0x800000:064x}" + birth["data"][66:]
    assert fetch(*V4)[0] == 0
    frame = frame_of("tape.parquet")
    assert frame.pool.fee_pips == 500
    assert any("dynamic" in note for note in frame.notes)


def test_a_folder_by_day(fake, fetch):
    code, _, err = fetch(*V3[:-1], "tape")
    assert code == 0, err
    assert places(frame_of("tape")) == swaps_of(fake)


def test_after_birth_is_said(fake, fetch):
    code, _, err = fetch(*V3, "--from-block", "100", "--to-block", "200")
    assert code == 0, err
    assert "the range starts after the pool's birth: ticks initialised before it are not known" in err
    frame = frame_of("tape.parquet")
    assert places(frame) == swaps_of(fake, 100, 200)
    assert any("birth" in note for note in frame.notes)


def test_latest_keeps_its_distance(fake, fetch):
    assert fetch("--pool", POOL, "--from-block", "0", "--out", "tape.parquet")[0] == 0
    assert places(frame_of("tape.parquet")) == swaps_of(fake, 0, 536)


def test_gas_prices(fake, fetch):
    assert fetch(*V3, "--gas-prices")[0] == 0
    swap = next(log for log in fake.logs if (log["block"], int(log["logIndex"], 16)) == swaps_of(fake)[0])
    assert frame_of("tape.parquet").gas_price[0] == int(swap["transactionHash"][2:8], 16)


def test_pool_file_in_place_of_the_node(fake, fetch, checkout):
    text = 'base_is_token0 = true\nfee_pips = 500\ntoken0 = {symbol = "AAA", decimals = 6}\n'
    (checkout / "pool.toml").write_text(text + 'token1 = {symbol = "BBB", decimals = 18}\n')
    fake.symbols = fake.decimals = {}
    assert fetch(*V3, "--pool-file", "pool.toml")[0] == 0
    pool = frame_of("tape.parquet").pool
    assert (pool.pair, pool.address, pool.chain) == ("AAA/BBB", POOL, "ethereum")
    (checkout / "pool.toml").write_text((checkout / "pool.toml").read_text() + 'chain = "base"\n')
    (checkout / "tape.parquet").unlink()
    refused(fetch(*V3, "--pool-file", "pool.toml"), "chain is base", "ethereum")


def chunks(checkout):
    return sorted((checkout / ".tape.parquet.fetching").glob("[0-9]*.parquet"))


def wait_for_chunks(checkout, process, count):
    deadline = time.monotonic() + 60
    while len(chunks(checkout)) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.skipif(os.name != "posix", reason="kills with a signal")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_it_goes_on(fake, fetch, checkout, rook_bench_process, how):
    fake.delay_s, fake.most_blocks = 0.02, 15
    process = rook_bench_process("data", "fetch", *V3, "--step", "15")
    wait_for_chunks(checkout, process, 5)
    process.send_signal(how)
    _, err = process.communicate(timeout=30)
    assert process.returncode == (-9 if how == signal.SIGKILL else 130), err
    if how == signal.SIGINT:
        assert "the same command goes on from there" in err
    assert not (checkout / "tape.parquet").exists()
    kept = chunks(checkout)
    assert 5 <= len(kept) < 40
    kept_blocks = {int(path.name[:12]) for path in kept}
    fake.asked.clear()
    fake.delay_s = 0.0
    code, _, err = fetch(*V3, "--step", "15")
    assert code == 0, err
    assert "going on: " in err
    asked = {int(params[0]["fromBlock"], 16) for method, params in fake.asked if method == "eth_getLogs"}
    assert not asked & kept_blocks
    frame = frame_of("tape.parquet")
    assert places(frame) == swaps_of(fake)
    assert frame.history.complete
    assert not (checkout / ".tape.parquet.fetching").exists()


def test_resumed_latest_keeps_its_first_end_and_follows_a_reorg(fake, fetch, checkout):
    fake.faults = [None] * 20 + [("http", 429, {"Retry-After": "9999"}, "")]
    fake.most_blocks = 30
    refused(fetch(*V3, "--step", "30"), "asks to wait 9999 s", "goes on where it stopped")
    kept = chunks(checkout)
    assert kept
    last = int(kept[-1].name[13:25])
    fake.reorganise(last - 3)
    fake.head += 50
    code, _, err = fetch(*V3, "--step", "30")
    assert code == 0, err
    assert "fetched again: the chain had changed" in err
    assert places(frame_of("tape.parquet")) == swaps_of(fake)


def test_other_arguments_do_not_mix(fake, fetch):
    fake.faults = [None] * 20 + [("http", 429, {"Retry-After": "9999"}, "")]
    fake.most_blocks = 30
    refused(fetch(*V3, "--step", "30"), "asks to wait")
    refused(fetch(*V3, "--from-block", "1"), "from-block 0, not 1", "another --out")
    fake.chain_id = 10
    refused(fetch(*V3), "chain 1, not 10")
    fake.chain_id = 1
    assert fetch(*V3)[0] == 0


def test_garbage_and_limits_on_the_way(fake, fetch):
    fake.timestamps_in_logs, fake.batches, fake.most_logs = False, 20, 40
    fake.fault_every = (7, ("http", 429, {"Retry-After": "0"}, ""))
    assert fetch(*V3)[0] == 0
    assert places(frame_of("tape.parquet")) == swaps_of(fake)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--from-block", "0"), ("which pool?", "--manager ADDRESS and --pool-id ID")),
        (("--pool", POOL, "--manager", MANAGER, "--from-block", "0"), ("which pool?",)),
        (("--manager", MANAGER, "--from-block", "0"), ("which pool?",)),
        (("--pool", "0x12", "--from-block", "0"), ("--pool", "40 hexadecimal digits")),
        (("--pool", POOL_ID, "--from-block", "0"), ("id of a v4 pool", "--manager")),
        (("--manager", MANAGER, "--pool-id", POOL, "--from-block", "0"), ("--pool-id", "64 hexadecimal")),
        (("--pool", POOL, "--from-block", "9", "--to-block", "8"), ("before --from-block 9",)),
        (("--pool", POOL, "--from-block", "9", "--to-block", "soon"), ("neither a block number nor 'latest'",)),
        (("--pool", POOL, "--from-block", "0", "--to-block", "601"), ("the chain's last block is 600",)),
        (("--pool", POOL, "--from-block", "0", "--to-block", "590"), ("within 64 blocks", "smaller --reorg-depth")),
        (("--pool", POOL, "--from-block", "590"), ("it is after block 536", "smaller --reorg-depth")),
        (("--pool", "0x" + "99" * 20, "--from-block", "0"), ("no contract at", "ethereum (chain 1)")),
        (("--pool", POOL, "--from-block", "0", "--to-block", "9"), ("no swap in these blocks",)),
        (("--pool", POOL, "--from-block", "0", "--rpc", "node.example"), ("neither an http(s) or ws(s) URL",)),
    ],
)
def test_mistakes_are_one_line(fake, fetch, checkout, arguments, words):
    refused(fetch(*arguments, "--out", "tape.parquet"), *words)
    assert not (checkout / "tape.parquet").exists()


def test_no_node_is_named(fetch, monkeypatch):
    monkeypatch.delenv("ROOK_BENCH_RPC", raising=False)
    refused(fetch(*V3), "which node?", "ROOK_BENCH_RPC")


def test_without_web3(fake, fetch, monkeypatch):
    monkeypatch.setitem(sys.modules, "web3", None)
    refused(fetch(*V3), 'pip install "rook-bench[chain]"')


def test_refusing_nodes_are_one_line(fake, fetch):
    refusals = {
        "not a JSON-RPC endpoint": ("http", 200, {}, "<html></html>"),
        "wants a key": ("http", 401, {}, ""),
        "does not keep that history": Refused(4444, "pruned history unavailable"),
    }
    for words, fault in refusals.items():
        fake.faults = [fault]
        refused(fetch(*V3), words)


def test_a_foreign_folder_is_not_replaced(fake, fetch, checkout):
    (checkout / "mine").mkdir()
    (checkout / "mine" / "work.txt").touch()
    refused(fetch(*V3[:-1], "mine"), "holds files that rook-bench did not write")


def test_lines_off_a_terminal(fake, fetch, monkeypatch):
    monkeypatch.setattr("rook_bench.workbench.fetch.LINE_EVERY_S", 0.0)
    _, _, err = fetch(*V3, "--step", "100")
    assert re.search(r"^\d+ of 601 blocks \(\d+%\), [\d,]+ logs$", err, flags=re.MULTILINE)


OTHER, QUIET = "0x" + "ba" * 20, "0x" + "ca" * 20
SEVERAL = ("--pool", POOL, "--pool", OTHER, "--from-block", "0", "--reorg-depth", "0")


def test_several_pools_go_into_one_folder(fake, fetch, rook_bench, checkout):
    fake.add_pool(OTHER, keep=lambda log: log["block"] < 300)
    fake.add_pool(QUIET, keep=lambda log: log["block"] == 10)
    code, out, err = fetch(*SEVERAL, "--pool", QUIET, "--out", "tapes")
    assert code == 0, err
    assert "no swap in these blocks, so it has no tape" in err
    assert f"WETH/USDC {POOL}: " in out
    assert f"WETH/USDC {OTHER}: " in out
    assert not list(checkout.glob(".tapes*"))
    alone = fetch("--pool", OTHER, "--from-block", "0", "--reorg-depth", "0", "--out", "alone.parquet")
    assert alone[0] == 0, alone[2]
    from rook_bench.market.tape_file import read_tape_folder

    together = read_tape_folder(checkout / "tapes", address=OTHER)
    assert places(together) == places(frame_of("alone.parquet"))
    first = read_tape_folder(checkout / "tapes", address=POOL)
    assert len(first) + len(together) == fake.counts()["swap"]
    config = checkout / "flat.toml"
    config.write_text("[frictions.gas]\nflat_quote = 0.0\n")
    code, out, err = rook_bench(
        "replay", "tapes", "--min-swaps", "5", "--source", "hold", "--config", config, "--no-report", "--out", "run"
    )
    assert code == 0, err
    assert "2 pools trade at least 5 times" in err


def test_several_pools_go_on_where_they_stopped(fake, fetch, checkout):
    fake.add_pool(OTHER)
    code_of_it = fake.code.pop(OTHER)  # the second pool can't be had, once the first one is fetched
    first = fetch(*SEVERAL, "--out", "tapes")
    assert first[0] == 3
    fake.code[OTHER] = code_of_it
    assert not (checkout / "tapes").exists()
    asked = len([1 for method, params in fake.asked if method == "eth_getLogs" and params[0]["address"] == POOL])
    code, out, err = fetch(*SEVERAL, "--out", "tapes")
    assert code == 0, err
    assert "going on: " in err
    again = len([1 for method, params in fake.asked if method == "eth_getLogs" and params[0]["address"] == POOL])
    assert again - asked <= 2  # what was there is not fetched again
    assert "WETH/USDC" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SEVERAL, "--out", "tape.parquet"), ("2 pools don't fit one .parquet file", "give a folder")),
        (("--pool", POOL, "--pool", POOL, "--from-block", "0", "--out", "tapes"), ("it is there twice", POOL)),
        ((*SEVERAL, "--out", "tapes", "--pool-file", "p.toml"), ("--pool-file", "it is of one pool")),
        (("--pool", POOL, "--pool", "0x12", "--from-block", "0", "--out", "t"), ("0x12", "40 hexadecimal digits")),
    ],
)
def test_several_pools_mistyped(fake, fetch, checkout, arguments, words):
    refused(fetch(*arguments), *words)
    assert not (checkout / "tapes").exists()
