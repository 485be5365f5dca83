"""A live session on a real node: forks, gaps, kills at random moments, and a check that finds no difference, or each."""

import json
from dataclasses import replace
from random import Random

import artifacts
import numpy as np
import pytest

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')

from rook_bench.core import InputError, Side
from rook_bench.core.decision import Decision
from rook_bench.live import check, journal, state
from rook_bench.live.opening import Asked, open_session, pool_of
from rook_bench.live.record import read_session
from rook_bench.live.state import live_config
from rook_bench.live.switch import Bounds, Switch
from rook_bench.plugins import decision_source
from rook_bench.replay import ReplayConfig
from rook_bench.sources import Source
from rook_bench.tapecheck.repricing import known_depth
from rook_bench.workbench.live import live_node

ASSUMED = {"frictions": {"gas": {"flat_quote": 0.1}, "latency": {"blocks": 1}}}


@pytest.fixture(scope="module")
def own_anvil():
    """URL of a node of these tests alone: they take its chain back."""
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from node import running

    with running(artifacts.anvil()) as url:
        yield url


@pytest.fixture(scope="module", params=["v3", "v4"])
def market(own_anvil, request):
    """A calm pool after 130 blocks."""
    from market import Market

    made = Market(own_anvil, request.param, 0)
    made.act(130)
    return made


@pytest.fixture(scope="module")
def v3_market(own_anvil):
    """One of v3, which tests share: each begins where the one before stopped."""
    from market import Market

    made = Market(own_anvil, "v3", 1)
    made.act(120)
    return made


@pytest.fixture(autouse=True)
def short_memory(monkeypatch):
    """Sessions forget what they need no more after a few swaps, and not after hundreds."""
    monkeypatch.setattr(state, "SLACK", 8)


class Desk:
    """A session in a folder that is begun, stopped and gone on with."""

    def __init__(self, market, folder, sources=("momentum", "hold"), bounds=None, mode="paper", **assumed):
        self.market, self.folder, self.mode = market, folder, mode
        self.node, self.bounds = live_node(market.url), bounds or Bounds()
        self.chain_id, self.facts = pool_of(self.node, market.key, folder)
        self.names, self.told = sources, []
        self.config = live_config(
            ReplayConfig.model_validate(ASSUMED | assumed), self.facts.pool, paper=mode == "paper"
        )
        self.session = None

    def sources(self):
        return {name: source if isinstance(source, Source) else Source.parse(source) for name, source in self.named()}

    def named(self):
        return [(str(at), source) for at, source in enumerate(self.names)]

    def open(self, **asked):
        given = Asked(self.market.key, self.mode, self.sources(), self.config, self.bounds, **asked)
        tell = lambda *words: self.told.append(words)  # noqa: E731
        self.session = open_session(self.folder, self.node, self.chain_id, self.facts, given, tell)
        return self.session

    def follow(self):
        while self.session.step():
            pass

    def check(self):
        recorded, findings = check.still_there(self.node, read_session(self.folder)), check.Findings()
        again = check.fetched_again(self.node, recorded)
        check.check_events(recorded, again, findings)
        frame = check.frame_again(recorded, again)
        for name, source in check.sources_again(recorded, self.sources()).items():
            decided = check.check_decisions(recorded, name, source, frame, findings)
            if decided is not None and recorded.paper:
                check.check_ledger(recorded, name, decided, frame, findings)
        return recorded, findings, frame


@pytest.fixture
def rules(root):
    return f"rules:{root / 'strategies' / 'data_driven.json'}"


def forked(desk, depth):
    """Mine so many blocks that are followed, and take them back; the branch that is left is mined on."""
    market = desk.market
    snapshot = market.snapshot()
    for _ in range(depth):
        market.act()
        desk.follow()
    market.revert(snapshot)
    market.chain.mine(depth // 2)
    for _ in range(depth):
        market.act()


@pytest.mark.parametrize("declared", [True, False], ids=["bounded", "endless"])
def test_live_equals_replay_through_forks_gaps_and_restarts(market, tmp_path, rules, declared):
    # What does not say how far it looks back has all desks keep everything.
    desk = Desk(market, tmp_path / "session", ("momentum", rules if declared else "random:0.3"))
    forks = {12: 1, 30: 4, 50: 10} if declared else {12: 4}
    session = desk.open()
    for at in range(70 if declared else 25):
        if at in forks:
            forked(desk, forks[at])
        market.act()
        if at % 10 != 9:  # else the next step finds several blocks at once: all but the last are too late
            desk.follow()
        if at in (20, 45):
            session.close("test")
            market.act(3)
            session = desk.open()
    desk.follow()
    session.close("test")
    recorded, findings, frame = desk.check()
    assert check.shown(findings) == []
    assert findings.drift == 0
    assert len(recorded.forks) == len(forks)
    assert max(recorded.forks) >= max(forks.values()) - 1
    assert recorded.restarts == (2 if declared else 1)
    assert {why for _, _, why in recorded.late} == {"before", "gap", "late"}
    assert findings.events > findings.swaps == len(frame)
    if declared:  # the tape begins after the birth: its ticks were told by the contract
        assert recorded.first["start"]["ticks"]
    assert known_depth(frame) is not None
    told = [line for one in recorded.told.values() for line in one.orders.values()]
    assert sum(line["outcome"] == "FILLED" for line in told) > 10
    assert sum(line["rejected_by"] == "blackout" for line in told) > 10
    assert (len(session.state.rows) < len(frame)) == declared


@pytest.mark.parametrize(
    "frictions",
    [
        {"latency": {"blocks": 3}, "gas": {"flat_quote": 0.1}},
        {"latency": {"seconds": 30}, "gas": {"flat_quote": 0.1}},
        {"latency": {"blocks": 1}, "gas": {"native_price": 2.0}},  # at what the pool's swaps paid
        {"latency": {"blocks": 2}, "gas": {"flat_quote": 0.1}, "mev": "typical"},
    ],
    ids=["blocks", "seconds", "gas-of-the-node", "mev"],
)
def test_assumptions(v3_market, tmp_path, frictions):
    risk = {"filters": ["cooldown:24", {"name": "drawdown_stop", "fraction": 0.2}, "volatility_bounds"]}
    desk = Desk(v3_market, tmp_path / "session", ("momentum",), frictions=frictions, risk=risk)
    session = desk.open()
    for at in range(40):
        if at in (10, 25):
            forked(desk, 5)
        v3_market.act()
        desk.follow()
    session.close("test")
    recorded, findings, _ = desk.check()
    assert check.shown(findings) == []
    assert any(line["outcome"] == "FILLED" for line in recorded.told["0"].orders.values())
    if "native_price" in frictions["gas"]:
        assert recorded.first["gas_prices"]
        assert recorded.config.frictions.gas.gwei == "tape"
        assert any(int(line["gas_quote"]) > 0 for line in recorded.told["0"].orders.values())


class Killed(BaseException):
    """What no handler catches."""


def test_killed_at_random_moments(v3_market, tmp_path, rules, monkeypatch, draws):
    """Whatever the last thing was that reached the disk, half a line included, the next start goes on from it."""
    random = Random("kills")
    desk = Desk(v3_market, tmp_path / "session", ("momentum", rules))
    real = journal.os.pwrite
    left = [0]

    def write(handle, line, at):
        left[0] -= 1
        if left[0] == 0:
            real(handle, line[: random.randrange(len(line) + 1)], at)
            raise Killed
        return real(handle, line, at)

    monkeypatch.setattr(journal.os, "pwrite", write)
    kills = 0
    while kills < 20:
        left[0] = random.randrange(1, 7)
        try:
            desk.open()
            for _ in range(8):
                if random.random() < 0.15:
                    forked(desk, random.choice((1, 2, 6)))
                v3_market.act(random.choice((1, 1, 2)))
                desk.follow()
            desk.session.close("test")
        except Killed:
            kills += 1
            desk.session = None
            _let_go(desk)
    left[0] = 0
    desk.open()
    desk.follow()
    desk.session.close("test")
    recorded, findings, _ = desk.check()
    assert check.shown(findings) == []
    assert recorded.restarts >= 10


def _let_go(desk):
    """What the system does for a process that was killed: its lock is free."""
    import gc

    gc.collect()


def test_shadow_keeps_no_ledger(v3_market, tmp_path):
    desk = Desk(v3_market, tmp_path / "session", ("momentum",), mode="shadow")
    desk.open()
    for _ in range(10):
        v3_market.act()
        desk.follow()
    desk.session.close("test")
    recorded, findings, frame = desk.check()
    assert findings.drift == 0
    assert findings.swaps == len(frame) > 20
    assert not recorded.told["0"].orders
    assert recorded.first["start"] is None  # nobody needs the ticks


def test_begins_at_the_birth_or_any_block(v3_market, tmp_path):
    whole = Desk(v3_market, tmp_path / "birth", ("momentum",))
    whole.open(first=0)
    part = Desk(v3_market, tmp_path / "later", ("momentum",))
    part.open(first=v3_market.newest() - 40)
    for desk in (whole, part):
        v3_market.act(5)
        desk.follow()
        desk.session.close("test")
        assert desk.check()[1].drift == 0
    frames = [read_session(desk.folder).frame() for desk in (whole, part)]
    assert frames[0].history.complete
    assert frames[1].history.complete
    assert known_depth(frames[1]) is not None  # the ticks that the contract told explain every swap
    assert len(frames[1]) < len(frames[0])


def test_a_stop_right_after_a_fork_is_none(v3_market, tmp_path):
    """What a fork left is remembered by its hash, over a restart: the chain that is the same is not taken for another."""
    desk = Desk(v3_market, tmp_path / "session", ("momentum",))
    desk.open()
    forked(desk, 3)
    assert desk.session.step()  # the fork, and nothing after it
    desk.session.close("test")
    desk.open()
    v3_market.act(2)
    desk.follow()
    desk.session.close("test")
    recorded, findings, _ = desk.check()
    assert len(recorded.forks) == 1
    assert findings.drift == 0


class TestFound:
    """What a check must find."""

    def followed(self, market, folder, sources=("momentum",)):
        desk = Desk(market, folder, sources)
        desk.open()
        for _ in range(12):
            market.act()
            desk.follow()
        desk.session.close("test")
        return desk

    def test_events_that_the_chain_has_not(self, v3_market, tmp_path):
        desk = self.followed(v3_market, tmp_path / "session")
        recorded, findings, _ = desk.check()
        again = check.fetched_again(desk.node, recorded)
        assert findings.drift == 0
        for table, said in (
            (again.slice(1), "the journal has a"),
            (again.set_column(10, "amount0", again["amount1"]), "amount0 was"),
        ):
            findings = check.Findings()
            check.check_events(recorded, table, findings)
            assert findings.counts["events"] >= 1
            assert said in check.shown(findings)[0]
        short = replace(recorded, blocks=recorded.blocks[:-1])
        findings = check.Findings()
        check.check_events(short, again, findings)
        assert "the chain has a" in check.shown(findings)[0]

    def test_an_end_that_was_replaced_since_is_left_out(self, v3_market, tmp_path):
        desk = Desk(v3_market, tmp_path / "session", ("momentum", "hold"))
        desk.open()
        for _ in range(8):
            v3_market.act()
            desk.follow()
        snapshot = v3_market.snapshot()
        for _ in range(6):
            v3_market.trade()
            desk.follow()
        desk.session.close("test")
        v3_market.revert(snapshot)
        v3_market.act(12)
        recorded, findings, frame = desk.check()
        assert findings.drift == 0
        whole = read_session(desk.folder)
        assert recorded.cut
        assert recorded.last < whole.last
        assert len(frame) == len(whole.frame()) - 6
        # Where all that could be asked about is gone, nothing is left out.
        lost = replace(whole, blocks=[replace(block, hash="0x00") for block in whole.blocks])
        assert check.still_there(desk.node, lost) is lost

    def test_a_source_that_remembers(self, v3_market, tmp_path):
        """It decides by how often it was asked: live that is another number than in a replay."""

        class Counting:
            asked = 0

            def decide(self, view, ask):
                from rook_bench.core.decision_tape import DecisionTape

                Counting.asked += 1
                side = Side.BUY if Counting.asked % 2 else Side.SELL
                return DecisionTape.from_sides(np.full(ask.rows, int(side)), 0.1)

        with decision_source.isolated():

            @decision_source(whole_tape=True, lookback=0, content=lambda: "counting")
            def counting():
                return Counting()

            desk = self.followed(v3_market, tmp_path / "session", (Source.of(counting),))
            _, findings, _ = desk.check()
        assert findings.counts["decisions"] > 0

    def test_a_desk_that_told_something_else(self, v3_market, tmp_path):
        desk = self.followed(v3_market, tmp_path / "session")
        recorded, _, frame = desk.check()
        mine = recorded.decisions("0")
        row = next(row for row, line in recorded.told["0"].orders.items() if line["outcome"] == "FILLED")
        recorded.told["0"].orders[row] = recorded.told["0"].orders[row] | {"out": "1"}
        recorded.told["0"].equity[3] = np.nextafter(recorded.told["0"].equity[3], np.inf)
        del recorded.told["0"].orders[max(recorded.told["0"].orders)]
        findings = check.Findings()
        check.check_ledger(recorded, "0", mine, frame, findings)
        assert findings.counts == {"orders": 2, "equity": 1}
        assert "out was 1" in check.shown(findings)[0]

    def test_another_source_under_its_name(self, v3_market, tmp_path):
        desk = self.followed(v3_market, tmp_path / "session")
        with pytest.raises(InputError, match="not what the session asked"):
            check.sources_again(read_session(desk.folder), {"0": Source.parse("momentum:5")})


class TestGoingOn:
    """Terms of a session are kept, and so is its journal."""

    def test_other_terms(self, v3_market, tmp_path):
        Desk(v3_market, tmp_path / "session").open().close("test")
        with pytest.raises(InputError, match="another set of sources"):
            Desk(v3_market, tmp_path / "session", ("hold",)).open()
        with pytest.raises(InputError, match="another configuration"):
            Desk(v3_market, tmp_path / "session", capital={"quote_value": 5.0}).open()
        with pytest.raises(InputError, match="another mode"):
            Desk(v3_market, tmp_path / "session", mode="shadow").open()

    def test_what_never_began_leaves_nothing(self, v3_market, tmp_path):
        """A source that refuses the pool is met after the journal was opened."""

        def picky(view):
            raise InputError("not on this pool")

        with pytest.raises(InputError, match="not on this pool"):
            Desk(v3_market, tmp_path / "session", (Source.of(picky),)).open()
        assert not (tmp_path / "session").exists()

    def test_killed_before_the_first_block_was_written(self, v3_market, tmp_path):
        desk = Desk(v3_market, tmp_path / "session", ("momentum",))
        desk.open().close("test")
        path = tmp_path / "session" / journal.FILE
        path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
        desk.open()
        v3_market.act(2)
        desk.follow()
        desk.session.close("test")
        recorded, findings, _ = desk.check()
        assert (recorded.restarts, findings.drift) == (0, 0)
        assert findings.swaps > 20

    def test_one_writer(self, v3_market, tmp_path):
        desk = Desk(v3_market, tmp_path / "session")
        desk.open()
        with pytest.raises(InputError, match="another process"):
            Desk(v3_market, tmp_path / "session").open()
        desk.session.close("test")

    def test_an_edited_journal(self, v3_market, tmp_path):
        Desk(v3_market, tmp_path / "session").open().close("test")
        path = tmp_path / "session" / journal.FILE
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[0], lines[1].replace(b'"late":"before"', b'"late":null'), *lines[2:]]))
        with pytest.raises(InputError, match="line 2 is not as it was written"):
            Desk(v3_market, tmp_path / "session").open()
        path.write_bytes(b"".join([lines[0], *lines[2:]]))
        with pytest.raises(InputError, match="line 2 does not follow"):
            list(journal.read_journal(tmp_path / "session"))

    def test_a_folder_of_something_else(self, v3_market, tmp_path):
        (tmp_path / "session").mkdir()
        (tmp_path / "session" / "thesis.txt").write_text("years of work")
        with pytest.raises(InputError, match="holds no live session"):
            Desk(v3_market, tmp_path / "session").open()

    def test_a_fork_deeper_than_is_remembered(self, v3_market, tmp_path):
        snapshot = v3_market.snapshot()
        v3_market.act(5)
        desk = Desk(v3_market, tmp_path / "session", ("momentum",))
        desk.open()
        v3_market.revert(snapshot)
        v3_market.act(10)
        desk.session.follower.known = type(desk.session.follower.known)([desk.session.follower.known[-1]])
        with pytest.raises(InputError, match="another chain, or a reorganisation deeper"):
            desk.session.step()
        desk.session.close("test")


class TestKillSwitch:
    """Once thrown it stays thrown, over restarts, until somebody says why it may be lifted."""

    def orders_since(self, desk, block):
        recorded = read_session(desk.folder)
        frame = recorded.frame()
        row = int(np.searchsorted(frame.block, block, side="right"))
        return [line for at, line in recorded.told["0"].orders.items() if at >= row]

    def act(self, desk, times=6):
        for _ in range(times):
            desk.market.act()
            desk.follow()

    def test_a_file_latches(self, v3_market, tmp_path):
        desk = Desk(v3_market, tmp_path / "session", ("momentum",))
        desk.open()
        self.act(desk)
        (desk.folder / "KILL").touch()
        desk.follow()
        block = v3_market.newest()
        self.act(desk)
        (desk.folder / "KILL").unlink()  # no way to lift it
        desk.session.close("test")
        desk.open()
        self.act(desk)
        assert {line["rejected_by"] for line in self.orders_since(desk, block)} == {"blackout"}
        Switch(desk.folder).ask_to_lift("it was a drill")
        desk.follow()
        block = v3_market.newest()
        self.act(desk, 12)
        desk.session.close("test")
        assert any(line["outcome"] == "FILLED" for line in self.orders_since(desk, block))
        recorded, findings, _ = desk.check()
        assert recorded.kills == ["file"]
        assert findings.drift == 0
        words = [json.loads(line)["kind"] for line in (desk.folder / journal.FILE).read_text().splitlines()]
        assert words.index("killed") < words.index("resumed")

    @pytest.mark.parametrize(
        ("bounds", "reason"),
        [
            ({"max_drawdown": 0.0005}, "drawdown"),
            ({"max_skew_s": 60}, "skew"),  # the node's time is years from ours
            ({"max_reorg": 3}, "reorg"),
        ],
        ids=["drawdown", "skew", "reorg"],
    )
    def test_bounds(self, v3_market, tmp_path, bounds, reason):
        desk = Desk(v3_market, tmp_path / "session", ("random:0.9",), bounds=Bounds(**bounds))
        desk.open()
        self.act(desk, 10)
        if reason == "reorg":
            forked(desk, 4)
            desk.follow()
        assert Switch(desk.folder).thrown.reason == reason
        self.act(desk)
        desk.session.close("test")
        recorded, findings, _ = desk.check()
        assert recorded.kills == [reason]
        assert any(why == f"killed: {reason}" for _, _, why in recorded.late)
        assert findings.drift == 0

    def test_reverts_in_a_row(self, v3_market, tmp_path):
        def tight(view):
            return Decision(Side.BUY if len(view) % 2 else Side.SELL, size=0.01, slippage_bps=0.0)

        desk = Desk(v3_market, tmp_path / "session", (Source.of(tight),), bounds=Bounds(max_reverts=2))
        desk.open()
        for _ in range(40):
            self.act(desk, 1)
            if Switch(desk.folder).thrown:
                break
        assert Switch(desk.folder).thrown.reason == "reverts"
        desk.session.close("test")

    def test_silence(self, v3_market, tmp_path, monkeypatch):
        desk = Desk(v3_market, tmp_path / "session", ("momentum",), bounds=Bounds(max_silence_s=30))
        session = desk.open()
        session.step()
        assert not Switch(desk.folder).thrown
        monkeypatch.setattr(session, "_silent_since", session._silent_since - 31)
        session.step()
        assert Switch(desk.folder).thrown.reason == "silence"
        session.close("test")

    def test_nothing_to_lift(self, tmp_path):
        with pytest.raises(InputError, match="nothing was killed"):
            Switch(tmp_path).ask_to_lift("why not")


class TestNode:
    """A node that is away, or that is no friend."""

    def test_what_came_meanwhile_is_a_gap(self, v3_market, tmp_path):
        desk = Desk(v3_market, tmp_path / "session", ("momentum",))
        session = desk.open()
        v3_market.act(2)
        desk.follow()
        real = session.follower.node
        session.follower.node = live_node("http://127.0.0.1:9", tries=1)
        with pytest.raises(InputError, match="no connection") as caught:
            session.step()
        session.failed(caught.value)
        v3_market.act(4)
        session.follower.node = real
        desk.follow()
        v3_market.act(2)
        desk.follow()
        session.close("test")
        recorded, findings, _ = desk.check()
        assert "gap" in {why for _, _, why in recorded.late}
        assert findings.drift == 0

    def test_a_source_that_fails_ends_it_and_is_asked_again(self, v3_market, tmp_path):
        """A source is no node: the session ends with its error, and goes on once it can be asked again."""
        from rook_bench.live.follow import Stop, follow
        from rook_bench.live.wake import Wake

        broken = [False]

        def fragile(view):
            if broken[0]:
                raise InputError("the server behind it is away")
            return Decision.hold("fine")

        with decision_source.isolated():

            @decision_source(lookback=0, content=lambda: "fragile")
            def fragile_source():
                return fragile

            desk = Desk(v3_market, tmp_path / "session", (Source.of(fragile_source),))
            session = desk.open()
            v3_market.trade()
            desk.follow()
            broken[0] = True
            v3_market.trade()
            wake = Wake(session.follower.node.address, 0.01)
            with pytest.raises(InputError, match="the server behind it is away"):
                follow(session, wake, Stop())
            broken[0] = False
            v3_market.trade()  # by now it is too late for the block before
            desk.open()
            desk.follow()
            v3_market.trade()
            desk.follow()
            desk.session.close("test")
            recorded, findings, frame = desk.check()
        assert findings.drift == 0
        assert recorded.untraded(frame)["gap"] == 1

    def test_another_chain(self, v3_market, tmp_path, monkeypatch):
        Desk(v3_market, tmp_path / "session").open().close("test")
        node = live_node(v3_market.url)
        monkeypatch.setattr(node, "chain_id", lambda: 1)
        with pytest.raises(InputError, match="the node is of ethereum, the session there of local"):
            pool_of(node, v3_market.key, tmp_path / "session")

    def test_a_full_disk(self, v3_market, tmp_path, monkeypatch):
        desk = Desk(v3_market, tmp_path / "session", ("momentum",))
        session = desk.open()
        before = (desk.folder / journal.FILE).read_bytes()
        real = journal.os.pwrite
        monkeypatch.setattr(journal.os, "pwrite", lambda handle, line, at: real(handle, line[:40], at))
        v3_market.act(3)
        with pytest.raises(InputError, match="no space left"):
            desk.follow()
        assert (desk.folder / journal.FILE).read_bytes() == before
        monkeypatch.undo()
        session.journal.close()
        desk.open()
        desk.follow()
        desk.session.close("test")
        assert desk.check()[1].drift == 0


class TestRefused:
    """What can't be, live."""

    @pytest.mark.parametrize(
        ("latency", "why"),
        [({"swaps": 1}, "no order can land between them"), ({"blocks": 0}, "in the block that it was decided on")],
    )
    def test_latency(self, v3_market, tmp_path, latency, why):
        with pytest.raises(InputError.__base__, match=why):
            Desk(v3_market, tmp_path / "session", frictions={"latency": latency, "gas": {"flat_quote": 0.1}})

    def test_hindsight(self, v3_market, tmp_path):
        desk = Desk(v3_market, tmp_path / "session", ("foresight",))
        with pytest.raises(InputError, match="can't be asked as swaps come"):
            desk.open()
        assert not (tmp_path / "session").exists()

    def test_no_pool_there(self, v3_market, tmp_path):
        key = replace(v3_market.key, address="0x" + "12" * 20)
        with pytest.raises(InputError, match="no contract"):
            pool_of(live_node(v3_market.url), key, tmp_path / "session")
