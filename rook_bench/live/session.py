"""A live session: step after step, each on disk before the next. What is not in the journal has not happened."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from rook_bench.core import InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.live import answers, events
from rook_bench.live.desk import Settled
from rook_bench.live.follower import Advance, Follower, Forked, Head, TooDeep
from rook_bench.live.fork import Broker, Sent
from rook_bench.live.journal import Entry, Journal
from rook_bench.live.rows import Block
from rook_bench.live.state import State
from rook_bench.live.switch import Bounds, Killed, Switch, drawdown, reverts_in_a_row
from rook_bench.replay.config import ReplayConfig

CURSOR_EVERY = 32
"""Blocks without an event after which the journal says that they were read."""

DEAD_S = 600
"""Seconds after its deadline when an order that nobody mined is no longer looked for."""

NS = 1_000_000_000


@dataclass
class Seen:
    """What a session has seen and done since it was started, for whoever watches it.

    Attributes:
        blocks, swaps, forks, errors: how many; late: swaps; in_time: blocks that were decided so.
        deepest: blocks that the deepest fork replaced.
        head: the newest block; at: when it came (monotonic seconds), seconds_of_head: its own time.
        decisions: by desk and side; orders: by desk and outcome; landed: orders on a fork, by what explains them.
        seconds: of the last step, by stage; work_s: of each of the last blocks that were decided in time.
    """

    blocks: int = 0
    swaps: int = 0
    forks: int = 0
    deepest: int = 0
    late: int = 0
    in_time: int = 0
    errors: int = 0
    head: int = 0
    at: float = math.nan
    seconds_of_head: int = 0
    decisions: dict[str, dict[str, int]] = field(default_factory=dict)
    orders: dict[str, dict[str, int]] = field(default_factory=dict)
    landed: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    work_s: list[float] = field(default_factory=list)


KEPT_TIMES = 4096
"""Blocks whose times are kept for quantiles."""


class NodeAway(InputError):
    """A node that gave no answer, or one that it can't be asked for."""


@contextmanager
def _asking_node() -> Iterator[None]:
    """What goes wrong inside is the node's doing."""
    try:
        yield
    except TooDeep:
        raise
    except InputError as error:
        raise NodeAway(error.what, where=error.where, hint=error.hint) from None


class Session:
    """Follows a pool, asks its sources, keeps their ledgers, and puts all of it on record.

    Attributes:
        state, seen: what it knows, and what it has done.

    Args:
        journal: of its folder, at the place that `state` and `follower` are at.
        follower, state: of the pool.
        config: see `state.live_config`; its seed is for the sources.
        switch, bounds: what stops it from trading.
        tell: hears of what a person should know: a word and a sentence.
        broker: sends the first desk's orders on a fork; sent: those that have not landed yet.
    """

    def __init__(
        self,
        journal: Journal,
        follower: Follower,
        state: State,
        config: ReplayConfig,
        switch: Switch,
        bounds: Bounds,
        tell: Callable[[str, str], None] = lambda word, sentence: None,
        broker: Broker | None = None,
        sent: Sequence[Sent] = (),
    ) -> None:
        self.broker, self.sent = broker, list(sent)
        self.journal, self.follower, self.state, self.config = journal, follower, state, config
        self.switch, self.bounds, self.tell, self.seen = switch, bounds, tell, Seen()
        self._catching_up, self._away = True, False
        self._reverts = dict.fromkeys(state.desks, 0)
        self._cursor = follower.number
        self._silent_since = time.monotonic()

    def warm_up(self, part: Advance) -> None:
        """Take the blocks before the head, on which nothing is traded, and on which sources look back."""
        started = time.perf_counter()
        if part.blocks:
            self._take(Advance(part.first, part.last, part.last_hash, part.blocks, part.head), "before", started)
        self.follower.took(Advance(part.first, part.last, part.last_hash, (), part.head))
        self._write_cursor()

    def step(self) -> bool:
        """Take the next step, if there is one; whether there was.

        Raises:
            NodeAway: the node does not answer; a later step may go on.
            TooDeep: it is on another chain.
            InputError: a source can't be asked, or the journal can't be written. The journal is whole, and this
                object is not to be used any more: what is in memory may be half of a step.
        """
        self._look_at_switch()
        started = time.perf_counter()
        with _asking_node():
            head = self.follower.head()
            found = self.follower.advance(head)
        self._saw(head)
        self._away = False
        if found is None:
            self._catching_up &= head.number > self.follower.number
            return False
        if isinstance(found, Forked):
            self._fork(found)
            return True
        self.seen.seconds = {"node": time.perf_counter() - started}
        self._advance(found, started)
        if self.broker is not None:
            with _asking_node():
                self._look_at_sent(self.broker)
        return True

    def failed(self, error: InputError) -> None:
        """The node did not answer: what comes after is a gap."""
        self.seen.errors += 1
        if not self._away:
            self.tell("node", str(error))
        self._catching_up = self._away = True
        self._look_at_silence()

    def close(self, why: str) -> None:
        """Put the end on record and let the journal go."""
        try:
            self._write_cursor()
            self.journal.add({"kind": "ended", "why": why, **self._place()})
        finally:
            self.journal.close()

    def _advance(self, found: Advance, started: float) -> None:
        """Decide on the blocks that came: first those on which it is too late to trade, then one after the other."""
        old = [block for block in found.blocks if self._landed_by(block, found.head)]
        if old:
            last = old[-1].number
            why = "gap" if self._catching_up else "late"
            self._take(self._part(found, found.first, last, tuple(old)), why, started)
        for block in found.blocks[len(old) :]:
            started = started if len(found.blocks) == 1 else time.perf_counter()
            self._take(self._part(found, self.follower.number + 1, block.number, (block,)), None, started)
        if self.follower.number < found.last:
            self.follower.took(Advance(self.follower.number + 1, found.last, found.last_hash, (), found.head))
        if self.follower.number - self._cursor >= CURSOR_EVERY:
            self._write_cursor()
        self.seen.blocks += found.last - found.first + 1
        self._catching_up = False

    def _part(self, found: Advance, first: int, last: int, blocks: tuple[Block, ...]) -> Advance:
        return Advance(first, last, blocks[-1].hash, blocks, found.head)

    def _landed_by(self, block: Block, head: Head) -> bool:
        """Whether an order that was decided on this block can't land in time any more when `head` is the newest."""
        latency = self.config.frictions.latency
        if latency.blocks is not None:
            return head.number >= block.number + latency.blocks
        at = block.events["at"].cast(pa.int64())[0].as_py() / NS
        return head.seconds >= at + float(latency.seconds or 0.0)

    def _take(self, part: Advance, late: str | None, started: float) -> None:
        """Decide on some blocks, put it on record, and see what became of earlier orders."""
        count = self.state.add(part.blocks)
        began = time.perf_counter()
        _ = self.state.rows.frame  # made once for all that ask for it
        self.seen.seconds["tape"] = time.perf_counter() - began
        told = {name: self._ask(name, count) for name in self.state.desks} if count else {}
        work_s = time.perf_counter() - started
        if count and late is None:
            late = self._why_not(part)
        if count and late is not None:
            self.state.black_out(part.first, part.last)
        self.state.keep(told)
        began = time.perf_counter()
        settled = self.state.settle()
        self.seen.seconds["settle"] = time.perf_counter() - began
        began = time.perf_counter()
        self.journal.add(block_entry(part, told, late if count else None, settled, self.seen.seconds))
        self.seen.seconds["journal"] = time.perf_counter() - began
        self.follower.took(part)
        self._cursor = part.last
        self._count(count, told, late, settled, work_s)
        self.state.tidy(part.head.number)
        self._look_at_ledgers(settled)
        if self.broker is not None and count and late is None:
            self._send(self.broker, self.state.rows.end_row - count)

    def _send(self, broker: Broker, row: int) -> None:
        """Send the orders of the first desk on the swaps from this number on."""
        desk = next(iter(self.state.desks.values()))
        for wish in desk.waiting(self.state.blackouts, row):
            with _asking_node():
                sent = broker.send(wish)
            self.journal.add({"kind": "sent", **sent.to_json()})
            self.sent.append(sent)

    def _look_at_sent(self, broker: Broker) -> None:
        """What became of orders whose block was read by now."""
        for sent in list(self.sent):
            landed = broker.landed(sent, self.state.rows)
            if landed is not None and landed.block <= self.follower.number:
                self.journal.add({"kind": "landed", "tx": sent.tx, "row": sent.wish.row, **landed.to_json()})
                self.sent.remove(sent)
                self.seen.landed[landed.why] = self.seen.landed.get(landed.why, 0) + 1
                if landed.why == "unexplained":
                    self.kill("unexplained", f"an order got {landed.out}, and the pool's maths gives {landed.expected}")
            elif landed is None and self.seen.seconds_of_head > sent.wish.deadline + DEAD_S:
                self.sent.remove(sent)  # its deadline is over: wherever it is, it can't fill any more

    def _ask(self, name: str, count: int) -> DecisionTape:
        began = time.perf_counter()
        tape = self.state.desks[name].decide(count, seed=self.config.seed)
        self.seen.seconds[f"decide {name}"] = time.perf_counter() - began
        return tape

    def _why_not(self, part: Advance) -> str | None:
        """Why nothing may be traded on these blocks though they came in time, None where it may."""
        try:
            head = self.follower.head()
        except InputError as error:
            self.failed(error)
            return "node"
        self._saw(head)
        killed = self.switch.thrown
        if killed is not None:
            return f"killed: {killed.reason}"
        return "late" if self._landed_by(part.blocks[-1], head) else None

    def _fork(self, found: Forked) -> None:
        depth = self.follower.number - found.to
        row, told = self.state.fork(found.to)
        self.journal.add(
            {"kind": "fork", "to": found.to, "to_hash": found.hash, "depth": depth, "row": row, "told": told}
        )
        self.follower.took(found)
        self._cursor = found.to
        self.seen.forks += 1
        self.seen.deepest = max(self.seen.deepest, depth)
        self.tell("fork", f"the chain replaced {depth} blocks, from {found.to + 1} on: what was decided there is void")
        if depth > self.bounds.max_reorg:
            self.kill("reorg", f"{depth} blocks were replaced, more than {self.bounds.max_reorg}")

    def _count(
        self,
        swaps: int,
        told: Mapping[str, DecisionTape],
        late: str | None,
        settled: Mapping[str, Settled],
        work_s: float,
    ) -> None:
        seen = self.seen
        seen.swaps += swaps
        if swaps and late is not None:
            seen.late += swaps
        elif swaps:
            seen.in_time += 1
            seen.work_s = [*seen.work_s[-KEPT_TIMES + 1 :], work_s]
        for name, tape in told.items():
            counts = seen.decisions.setdefault(name, {})
            for side, number in tape.counts().items():
                counts[side] = counts.get(side, 0) + number
        for name, one in settled.items():
            counts = seen.orders.setdefault(name, {})
            for order in one.orders:
                counts[order["outcome"]] = counts.get(order["outcome"], 0) + 1

    def _saw(self, head: Head) -> None:
        now = time.monotonic()
        if head.number == self.seen.head:
            self._look_at_silence()
            return
        self.seen.head, self.seen.at, self.seen.seconds_of_head = head.number, now, head.seconds
        self._silent_since = now
        skew = time.time() - head.seconds
        if self.bounds.max_skew_s is not None and abs(skew) > self.bounds.max_skew_s:
            self.kill("skew", f"block {head.number} is {skew:+.0f} s from this machine's clock")

    def _look_at_silence(self) -> None:
        silent_s = time.monotonic() - self._silent_since
        if self.bounds.max_silence_s is not None and silent_s > self.bounds.max_silence_s:
            self.kill("silence", f"no new block for {silent_s:.0f} s")

    def _look_at_ledgers(self, settled: Mapping[str, Settled]) -> None:
        for name, one in settled.items():
            desk = self.state.desks[name]
            self._reverts[name] = reverts_in_a_row(self._reverts[name], one.orders)
            most, deepest = self.bounds.max_reverts, self.bounds.max_drawdown
            if most is not None and self._reverts[name] >= most:
                self._reverts[name] = 0
                self.kill("reverts", f"{most} orders of {name} reverted in a row")
            fall = drawdown(desk.equity, desk.peak)
            if deepest is not None and fall > deepest:
                self.kill("drawdown", f"{name} is {fall:.1%} below its highest equity")

    def _look_at_switch(self) -> None:
        reason = self.switch.lifted()
        if reason is not None:
            self.journal.add({"kind": "resumed", "reason": reason, **self._place()})
            for desk in self.state.desks.values():
                desk.peak = desk.equity  # what had fallen before is known to whoever resumed
            self.tell("resumed", reason)
        elif self.switch.asked_for:
            self.kill("file", f"{self.switch.folder / 'KILL'} is there")

    def kill(self, reason: str, what: str) -> None:
        """Throw the kill switch: nothing is traded until it is lifted."""
        killed: Killed | None = self.switch.throw(reason, what)
        if killed is not None:
            self.journal.add({"kind": "killed", "reason": reason, "what": what, **self._place()})
            self.tell("killed", f"{what}: nothing is traded until rook-bench live resume says why it may be")

    def _write_cursor(self) -> None:
        if self.follower.number > self._cursor:
            self.journal.add({"kind": "read", **self._place()})
            self._cursor = self.follower.number

    def _place(self) -> dict[str, Any]:
        number, own = self.follower.known[-1]
        return {"block": number, "block_hash": own}


def block_entry(
    part: Advance,
    told: Mapping[str, DecisionTape],
    late: str | None,
    settled: Mapping[str, Settled],
    seconds: Mapping[str, float],
) -> Entry:
    """What a journal says of some blocks: their events, what was decided, and what became certain."""
    entry: Entry = {
        "kind": "blocks",
        "first": part.first,
        "last": part.last,
        "head": part.head.number,
        "hashes": {str(block.number): block.hash for block in part.blocks},
        "last_hash": part.last_hash,
        "events": events.to_records(_events(part)),
        "seconds": {name: round(value, 6) for name, value in seconds.items()},
    }
    if told:
        entry["decisions"] = {name: answers.to_lines(tape) for name, tape in told.items()}
        entry["late"] = late
    known = {name: one for name, one in settled.items() if one.orders or one.equity}
    if known:
        entry["orders"] = {name: one.orders for name, one in known.items()}
        entry["equity"] = {name: [one.first, one.equity] for name, one in known.items()}
        entry["told"] = {name: [one.told, one.marked] for name, one in known.items()}
    return entry


def _events(part: Advance) -> pa.Table:
    return pa.concat_tables([block.events for block in part.blocks])


def blocks_of_entry(entry: Entry, pool: str) -> tuple[Block, ...]:
    """The blocks with events of an entry of the kind "blocks"."""
    table = events.from_records(entry["events"], pool)
    return tuple(
        Block(int(number), own, table.filter(pc.equal(table["block"], int(number))))
        for number, own in sorted(entry["hashes"].items(), key=lambda one: int(one[0]))
    )
