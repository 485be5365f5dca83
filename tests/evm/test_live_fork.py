"""Orders through the published router on a local node: each pays what the exact pool says, or why it doesn't is known."""

import json
import math
from pathlib import Path
from random import Random

import artifacts
import pytest

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')

from rook_bench.core import InputError
from rook_bench.live import check
from rook_bench.live.fork import Broker, Wish
from rook_bench.live.journal import FILE
from rook_bench.live.opening import Asked, open_session, pool_of
from rook_bench.live.record import read_session
from rook_bench.live.state import live_config
from rook_bench.live.switch import Bounds
from rook_bench.replay import ReplayConfig
from rook_bench.sources import Source
from rook_bench.workbench.live import live_node

ASSUMED = {
    "frictions": {"gas": {"flat_quote": 0.1}, "latency": {"blocks": 1}},
    "capital": {"quote_value": 100_000.0},
}


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A v3 pool on a node of its own."""
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from market import Market
    from node import running

    with running(artifacts.anvil()) as url:
        made = Market(url, "v3", "fork")
        made.act(60)
        yield made


class Trader:
    """A session in mode fork, of chance."""

    def __init__(self, market, folder, source="random:0.9"):
        self.market, self.folder = market, folder
        self.node = live_node(market.url)
        self.chain_id, self.facts = pool_of(self.node, market.key, folder)
        contracts = market.pool.contracts
        self.account, self.router = contracts.chain.sender, contracts.router
        self.config = live_config(ReplayConfig.model_validate(ASSUMED), self.facts.pool, paper=True)
        self.source = source
        self.broker = Broker(self.node, market.key, self.facts.pool, self.account, self.router)

    def open(self):
        asked = Asked(self.market.key, "fork", {"a": Source.parse(self.source)}, self.config, Bounds(), swaps=30)
        self.session = open_session(self.folder, self.node, self.chain_id, self.facts, asked, broker=self.broker)
        return self.session

    def follow(self):
        while self.session.step():
            pass

    def lines(self, kind):
        entries = map(json.loads, (self.folder / FILE).read_text().splitlines())
        return [entry for entry in entries if entry["kind"] == kind]


def test_every_order_is_paid_as_the_pool_says(market, tmp_path, thorough):
    """Half of the blocks hold our orders alone, half other people's swaps before them."""
    trader = Trader(market, tmp_path / "session")
    session = trader.open()
    wanted = 600 if thorough else 200
    blocks = 0
    while sum(session.seen.landed.values()) < wanted:
        market.chain.mine() if blocks % 2 else market.act()
        trader.follow()
        blocks += 1
        assert blocks < 20 * wanted
    seen = dict(session.seen.landed)
    session.close("test")
    assert seen.get("unexplained", 0) == 0
    # Most were quoted by a swap in the middle of a block, or were not alone in theirs.
    assert seen["as quoted"] > 0
    assert seen["as the pool then stood"] > 0
    compared = 0
    landed = {line["tx"]: line for line in trader.lines("landed")}
    for sent in trader.lines("sent"):
        line = landed.get(sent["tx"])
        if line is None:  # not mined yet
            continue
        compared += 1
        if line["filled"]:
            assert line["out"] == line["expected"]
            assert line["paid"] == sent["amount_in"]
            assert int(line["out"]) >= int(sent["least"])
        else:
            assert line["why"] in ("minimum output", "deadline")
    assert compared == len(landed) >= wanted
    recorded = read_session(trader.folder)
    assert recorded.landed == seen
    findings = check.Findings()
    again = check.fetched_again(trader.node, recorded)
    check.check_events(recorded, again, findings)
    frame = check.frame_again(recorded, again)
    source = check.sources_again(recorded)["a"]
    decided = check.check_decisions(recorded, "a", source, frame, findings)
    check.check_ledger(recorded, "a", decided, frame, findings)
    assert check.shown(findings) == []  # our own swaps are swaps of the pool like any other


def test_one_more_than_the_pool_pays_reverts_and_so_does_a_past_deadline(market, tmp_path):
    trader = Trader(market, tmp_path / "session", "hold")
    session = trader.open()
    random, outcomes = Random("limits"), []
    far = 2**40
    market.chain.mine()  # what others have sent
    trader.follow()
    for turn in range(200):
        buys, amount = bool(turn % 2), int(10 ** random.uniform(15, 21))
        state = _state(trader)
        moved = state.swap(buys != trader.facts.pool.base_is_token0, amount)
        out = -min(moved.amount0, moved.amount1)
        wishes = {
            "exact": Wish("a", 0, buys, amount, out, 0, far),
            "one more": Wish("a", 0, buys, amount, out + 1, 0, far),
            "past": Wish("a", 0, buys, amount, out, 0, 1_000),
        }
        for name in ("one more", "past", "exact") if turn % 8 == 0 else ("exact",):
            sent = trader.broker.send(wishes[name])
            market.chain.mine()
            trader.follow()
            found = trader.broker.landed(sent, session.state.rows)
            outcomes.append((name, found.filled, found.why))
            assert found.paid == (amount if found.filled else 0)
            assert found.out == (out if found.filled else 0)
    assert outcomes.count(("exact", True, "as quoted")) == 200
    assert set(outcomes) == {
        ("exact", True, "as quoted"),
        ("one more", False, "minimum output"),
        ("past", False, "deadline"),
    }
    session.close("test")


def _state(trader):
    from rook_bench.live.fork import state_before

    rows = trader.session.state.rows
    return state_before(rows, rows.blocks[-1].number, 10**6)


def test_gone_on_with_after_a_stop(market, tmp_path):
    """Orders that were sent before a stop are looked for after it."""
    trader = Trader(market, tmp_path / "session")
    session = trader.open()
    while not session.sent:
        market.act()
        trader.follow()
    session.close("test")
    session = trader.open()
    flying = {sent.tx for sent in session.sent}
    assert flying
    market.chain.mine()
    trader.follow()
    session.close("test")
    assert flying <= {line["tx"] for line in trader.lines("landed")}


class TestRefused:
    """Anything that is no fork on this machine."""

    def broker(self, market, node, **changed):
        pool = pool_of(live_node(market.url), market.key, Path("/nowhere"))[1].pool
        contracts = market.pool.contracts
        given = {"account": contracts.chain.sender, "router": contracts.router} | changed
        return Broker(node, market.key, pool, **given)

    def test_another_chain(self, market, monkeypatch):
        node = live_node(market.url)
        monkeypatch.setattr(node, "chain_id", lambda: 1)
        with pytest.raises(InputError, match="on a fork on this machine alone .* not on ethereum"):
            self.broker(market, node)

    def test_another_program(self, market, monkeypatch):
        node = live_node(market.url)
        real = node.ask
        monkeypatch.setattr(node, "ask", lambda method, *rest: "Geth/v1" if "client" in method else real(method, *rest))
        with pytest.raises(InputError, match="the node is Geth/v1, and not anvil"):
            self.broker(market, node)

    def test_no_router(self, market):
        with pytest.raises(InputError, match="there is no contract"):
            self.broker(market, live_node(market.url), router="0x" + "45" * 20)

    def test_no_account(self, market, tmp_path, command_line):
        words = ("--rpc", market.url, "--source", "hold", "--mode", "fork", "--out", tmp_path / "session")
        code, _, err = command_line("live", market.key.address, *words)
        assert code == 3
        assert "whose orders?" in err


def test_no_secret_is_ever_asked_for():
    """No option, no variable and no line of the package takes a private key or a mnemonic."""
    import re

    from rook_bench.core.hashing import PACKAGE

    words = re.compile(r"private.?key|mnemonic|keystore|eth_account|signTransaction|eth_sendRawTransaction", re.I)
    for path in (PACKAGE / "live").rglob("*.py"):
        lines = [line for line in path.read_text().splitlines() if words.search(line)]
        assert not [line for line in lines if not line.startswith("There is no private key")], path


def test_deadline_is_whole_seconds_of_the_chain(market, tmp_path):
    trader = Trader(market, tmp_path / "session")
    session = trader.open()
    while not trader.lines("sent"):
        market.act()
        trader.follow()
    session.close("test")
    line = trader.lines("sent")[0]
    frame = read_session(trader.folder).frame()
    at = frame.at[line["row"]].astype("datetime64[s]").astype(int)
    assert line["deadline"] - at == math.floor(300)
