"""A session begun, or gone on with where its journal ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.hashing import sha256_code
from rook_bench.execution.tick_map import TickMap
from rook_bench.ingest.fetch import Node, PoolFacts, PoolKey, chain_name, check_contract, read_pool
from rook_bench.live import answers
from rook_bench.live.begin import Beginning, begin
from rook_bench.live.follower import Follower, Forked
from rook_bench.live.fork import Broker, Sent
from rook_bench.live.journal import FILE, Entry, Journal, read_journal
from rook_bench.live.rows import frame_of, start_of
from rook_bench.live.session import Session, blocks_of_entry
from rook_bench.live.state import State
from rook_bench.live.switch import Bounds, Switch
from rook_bench.market.history import LiquidityHistory
from rook_bench.market.pool import Pool
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.engine import check_assumptions
from rook_bench.sources import Source
from rook_bench.tapecheck.repricing import known_depth

VERSION = 1
BEGUN = 1
"""Lines of a journal that says what is asked, and nothing that happened."""

EVERY = 1000
"""Swaps that are read back at once: the ledger is run over them together."""

Tell = Callable[[str, str], None]


def _nobody(word: str, sentence: str) -> None:
    del word, sentence


@dataclass(frozen=True)
class Asked:
    """What a session is asked to do.

    Attributes:
        key: which pool; mode: "shadow" (decide) or "paper" (decide, and keep a ledger).
        sources: by name, the first one first.
        config: see `state.live_config`; of the pool.
        bounds: what throws the kill switch.
        first: the first block of the tape; None for as many swaps before the head as the sources look back.
        swaps: so many in their place.
    """

    key: PoolKey
    mode: str
    sources: Mapping[str, Source]
    config: ReplayConfig
    bounds: Bounds
    first: int | None = None
    swaps: int | None = None

    @property
    def paper(self) -> bool:
        """Whether there is a ledger."""
        return self.mode != "shadow"

    @property
    def gas_prices(self) -> bool:
        """Whether what the pool's swaps paid for gas is needed."""
        gas = self.config.frictions.gas
        return self.paper and gas.gwei == "tape" and gas.flat_quote is None

    def facts(self) -> dict[str, Any]:
        """What must be the same when a session is gone on with."""
        told = [
            {"name": name, "reference": source.reference, "spec": source.spec.to_json(), "content": source.content}
            for name, source in self.sources.items()
        ]
        key = {"address": self.key.address, "pool_id": self.key.pool_id}
        return {**key, "mode": self.mode, "sources": told, "config": self.config.model_dump(mode="json")}


def pool_of(node: Node, key: PoolKey, folder: Path) -> tuple[int, PoolFacts]:
    """Chain and pool: as the journal in the folder has them, else asked of the node.

    Raises:
        InputError: there is no such pool, or the node is of another chain than the journal.
    """
    chain_id = node.chain_id()
    first = first_entry(folder)
    if first is None:
        check_contract(node, key, chain_id)
        head = node.head()
        return chain_id, read_pool(node, key, chain_id, head, head)
    if first["chain_id"] != chain_id:
        what = f"the node is of {chain_name(chain_id)}, the session there of {chain_name(first['chain_id'])}"
        raise InputError(what, where=folder, hint="check --rpc, or use another --out")
    return chain_id, PoolFacts(Pool.parse(first["pool"], where=folder / FILE), bool(first["dynamic_fee"]))


def first_entry(folder: Path) -> Entry | None:
    """What a session began with; None where there is none yet."""
    if not (folder / FILE).is_file():
        return None
    first = next(read_journal(folder), None)
    if first is not None and (first.get("kind") != "begun" or first.get("version") != VERSION):
        raise InputError("another version wrote it", where=folder / FILE, hint="use another --out")
    return first


def open_session(
    folder: Path,
    node: Node,
    chain_id: int,
    facts: PoolFacts,
    asked: Asked,
    tell: Tell = _nobody,
    tick: Callable[[int, int], None] = lambda done, total: None,
    broker: Broker | None = None,
) -> Session:
    """Begin a session, or go on with the one in the folder.

    Args:
        folder: of the session; made where it is not there.
        node, chain_id, facts: of the pool (see `pool_of`).
        asked: what to do; tell: hears what a person should know; tick: of calls for ticks.
        broker: in mode "fork", what sends orders.

    Raises:
        InputError: the folder holds something else, or a session of other terms; the node refuses.
    """
    if folder.exists() and not (folder / FILE).is_file() and any(folder.iterdir()):
        raise InputError("the folder holds no live session, but other files", where=folder, hint="use another --out")
    check_sources(asked.sources)
    journal = Journal(folder)
    try:
        if journal.count <= BEGUN:
            journal.empty()
            return _begun(journal, node, chain_id, facts, asked, tell, tick, broker)
        return _resumed(journal, node, facts, asked, tell, broker)
    except BaseException:
        # A source that refuses the pool, or Ctrl-C: what never came to anything leaves nothing behind.
        journal.discard() if journal.count <= BEGUN else journal.close()
        raise


def check_sources(sources: Mapping[str, Source]) -> None:
    """InputError for a source that can't be asked as swaps come."""
    for source in sources.values():
        if source.gone is not None:
            raise InputError(source.gone)
        if source.recorded or source.unreachable:
            what = "its decisions are made with hindsight or come from a file: it can't be asked as swaps come"
            raise InputError(what, where=f"--source {source.reference}", hint="name a source that decides by itself")


def _begun(
    journal: Journal,
    node: Node,
    chain_id: int,
    facts: PoolFacts,
    asked: Asked,
    tell: Tell,
    tick: Callable[[int, int], None],
    broker: Broker | None,
) -> Session:
    probe = State(asked.sources, asked.config, facts.pool, None, paper=asked.paper)
    needed = asked.swaps or 1 + (probe.longest if probe.longest is not None else UNTOLD)
    found = begin(
        node,
        asked.key,
        facts.pool,
        swaps=needed,
        first=asked.first,
        ticks=asked.paper,
        gas_prices=asked.gas_prices,
        tick=tick,
    )
    state = State(asked.sources, asked.config, facts.pool, found.start, paper=asked.paper)
    before = (found.advance.first - 1, "")
    follower = Follower(node, asked.key, [before], gas_prices=asked.gas_prices)
    switch = Switch(journal.path.parent)
    session = Session(journal, follower, state, asked.config, switch, asked.bounds, tell, broker)
    first = {
        "kind": "begun",
        "version": VERSION,
        "rook_bench": version("rook-bench"),
        "code": sha256_code(),
        "chain_id": chain_id,
        "pool": facts.pool.model_dump(mode="json"),
        "dynamic_fee": facts.dynamic_fee,
        **asked.facts(),
        "lookback": {name: desk.lookback for name, desk in state.desks.items()},
        "gas_prices": asked.gas_prices,
        "bounds": asked.bounds.model_dump(mode="json"),
        "first": found.advance.first,
        "start": start_to_json(found.start),
    }
    _check_tape(facts.pool, found, asked, tell)
    journal.add(first)
    session.warm_up(found.advance)
    return session


UNTOLD = 400
"""Swaps before the head for sources that don't say how far they look back."""


def _check_tape(pool: Pool, found: Beginning, asked: Asked, tell: Tell) -> None:
    """What the first swaps say of the assumptions, before anything is written."""
    frame = frame_of((block.events for block in found.advance.blocks), pool, found.start)
    if frame is None:
        return
    check_assumptions(frame, asked.config)
    if asked.paper and known_depth(frame) is None:
        tell("ticks", "the tick map is not known: fills assume the range that the price stands in")


def _resumed(
    journal: Journal, node: Node, facts: PoolFacts, asked: Asked, tell: Tell, broker: Broker | None
) -> Session:
    folder = journal.path.parent
    entries = journal.entries()
    first = next(entries)
    for name, value in asked.facts().items():
        if first.get(name) != value:
            what = f"the session there is of another {_WORDS.get(name, name)}"
            raise InputError(what, where=folder, hint="use the same arguments, or another --out")
    state = State(asked.sources, asked.config, facts.pool, start_of_json(first["start"]), paper=asked.paper)
    follower = Follower(node, asked.key, [(first["first"] - 1, "")], gas_prices=first["gas_prices"])
    count, head, sent = 0, first["first"], dict[str, Sent]()
    told = dict.fromkeys(state.desks, (0, 0))
    for entry in entries:
        told |= {name: (orders, marks) for name, (orders, marks) in entry.get("told", {}).items()}
        if entry["kind"] == "sent":
            sent[entry["tx"]] = Sent.from_json(entry)
        elif entry["kind"] == "landed":
            sent.pop(entry["tx"], None)
        count += read_back(entry, state, follower)
        head = max(head, int(entry.get("head", 0)))
        if count >= EVERY:
            state.settle()
            state.tidy(head)
            count = 0
    state.settle()
    state.tidy(head)
    # After a fork more may be certain than the journal says: what it does not say is told with the next blocks.
    for name, desk in state.desks.items():
        desk.told, desk.marked = told[name]
    switch, flying = Switch(folder), list(sent.values())
    session = Session(journal, follower, state, asked.config, switch, asked.bounds, tell, broker, flying)
    journal.add({"kind": "started", "block": follower.number, "bounds": asked.bounds.model_dump(mode="json")})
    return session


_WORDS = {"address": "pool", "pool_id": "pool", "config": "configuration", "sources": "set of sources"}


def read_back(entry: Entry, state: State, follower: Follower | None) -> int:
    """Move state and follower on by one entry of a journal; how many swaps were in it."""
    kind = entry["kind"]
    if kind == "blocks":
        blocks = blocks_of_entry(entry, state.rows.pool.address)
        count = state.add(blocks)
        state.keep({name: answers.from_lines(lines) for name, lines in entry.get("decisions", {}).items()})
        if entry.get("late") is not None:
            state.black_out(entry["first"], entry["last"])
        if follower is not None:
            follower.remember(blocks, entry["last"], entry["last_hash"], entry["head"])
        return count
    if kind == "fork":
        state.fork(entry["to"])
        if follower is not None:
            follower.took(Forked(entry["to"], entry["to_hash"]))
    elif kind in ("read", "ended", "killed", "resumed") and follower is not None:
        follower.remember((), entry["block"], entry["block_hash"], entry["block"])
    if kind == "resumed":
        state.settle()
        for desk in state.desks.values():
            desk.peak = desk.equity
    return 0


def start_to_json(start: LiquidityHistory | None) -> dict[str, Any] | None:
    """A known tick map as JSON holds it."""
    if start is None or start.start is None:
        return None
    ticks = sorted(start.snapshot().by_tick.items())
    return {
        "sqrt_price": str(start.start.sqrt_price),
        "tick": start.start.tick,
        "ticks": [[tick, str(gross), str(net)] for tick, (gross, net) in ticks],
    }


def start_of_json(told: Mapping[str, Any] | None) -> LiquidityHistory | None:
    """The tick map that `start_to_json` was given."""
    if told is None:
        return None
    ticks = TickMap({int(tick): (int(gross), int(net)) for tick, gross, net in told["ticks"]})
    return start_of(int(told["sqrt_price"]), int(told["tick"]), ticks)
