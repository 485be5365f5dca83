"""Where a session's tape begins: enough swaps before the head for what looks back, and the tick map before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from rook_bench.core import InputError
from rook_bench.execution.tick_map import PoolError, TickMap
from rook_bench.ingest.fetch import Node, PoolKey
from rook_bench.ingest.fetch.get_logs import Reorganised, read_chunk
from rook_bench.ingest.fetch.ranges import Step
from rook_bench.ingest.fetch.rpc_errors import Complaint
from rook_bench.live.follower import FIRST_STEP, Advance, Head, blocks_of, head_of
from rook_bench.live.rows import Block, start_of
from rook_bench.live.ticks import read_ticks
from rook_bench.market.events import BURN, INITIALIZE, MINT, SWAP
from rook_bench.market.history import LiquidityHistory
from rook_bench.market.pool import Pool

TRIES = 5
MOST_REQUESTS = 200
"""How often the log is asked for further back, before a session begins with fewer swaps."""


@dataclass(frozen=True)
class Beginning:
    """What a session knows before it follows anything.

    Attributes:
        advance: the blocks of its tape so far.
        start: the tick map before them; None where it is not known, or follows from the pool's birth among them.
    """

    advance: Advance
    start: LiquidityHistory | None


def begin(
    node: Node,
    key: PoolKey,
    pool: Pool,
    *,
    swaps: int,
    first: int | None = None,
    ticks: bool,
    gas_prices: bool,
    tick: Callable[[int, int], None] = lambda done, total: None,
) -> Beginning:
    """Read the end of a pool's log.

    Args:
        node, key, pool: whom to ask for what.
        swaps: so many before the head, or all that there are.
        first: the first block in their place.
        ticks: whether the tick map is needed.
        gas_prices: also ask for what the transactions of swaps paid for gas.
        tick: hears how many of how many calls for ticks are done.

    Raises:
        InputError: the node refuses, or the end of its chain does not settle.
    """
    for _ in range(TRIES):
        head = head_of(node)
        try:
            tape, before = _read_back(node, key, head, swaps, first, gas_prices)
            start = _start(node, key, pool, head, tape, before, tick) if ticks else None
        except Reorganised:
            continue
        if head_at(node, head.number) == head.hash:
            number = first if first is not None else tape[0].number if tape else head.number
            return Beginning(Advance(number, head.number, head.hash, tuple(tape), head), start)
    raise InputError("the newest blocks keep changing", where=node.address, hint="run it again later")


def head_at(node: Node, number: int) -> str | None:
    """Hash of a block as the node has it now."""
    header = node.headers([number])[0]
    return None if header is None else str(header.get("hash")).lower()


def _read_back(
    node: Node, key: PoolKey, head: Head, swaps: int, first: int | None, gas_prices: bool
) -> tuple[list[Block], Block | None]:
    """The blocks of the tape, and one before them that tells the price, where there is one."""
    step, found, requests, last = Step(FIRST_STEP), list[Block](), 0, head.number
    while last >= 0 and requests < MOST_REQUESTS and not _enough(found, swaps, first):
        begin = max(0, last - step.blocks + 1)
        try:
            chunk = read_chunk(node, key, begin, last, gas_prices=gas_prices)
        except Complaint as said:
            step.refused(begin, last - begin + 1, said)
            continue
        requests += 1
        step.answered(last - begin + 1, chunk.table.num_rows, 0.0)
        found = [*blocks_of(chunk), *found]
        last = begin - 1
    priced = [block for block in found if _prices(block)]
    if first is not None:
        earlier = [block for block in priced if block.number < first]
        return [block for block in found if block.number >= first], earlier[-1] if earlier else None
    later = 0
    for block in reversed(priced):
        if later >= swaps:
            return [one for one in found if one.number > block.number], block
        later += block.swaps
    if _born(found) or not priced:
        return found, None
    return [one for one in found if one.number > priced[0].number], priced[0]


def _enough(found: list[Block], swaps: int, first: int | None) -> bool:
    """Whether the tape's blocks are there, and one before them that tells the price; or the pool's birth."""
    priced = [block for block in found if _prices(block)]
    if _born(found):
        return True
    if first is not None:
        return bool(priced) and priced[0].number < first
    return sum(block.swaps for block in priced[1:]) >= swaps


def _prices(block: Block) -> bool:
    """Whether a block says at which price the pool stands after it."""
    return any(event in (SWAP, INITIALIZE) for event in block.events["event"].to_pylist())


def _born(blocks: list[Block]) -> bool:
    return any(INITIALIZE in block.events["event"].to_pylist() for block in blocks)


def _start(
    node: Node,
    key: PoolKey,
    pool: Pool,
    head: Head,
    tape: list[Block],
    before: Block | None,
    tick: Callable[[int, int], None],
) -> LiquidityHistory | None:
    """The ticks as they are now, without what the tape's blocks changed: nodes forget old states, and keep the log."""
    if before is None:
        return None
    ticks = read_ticks(node, key, pool.tick_spacing, head.number, tick)
    for block in reversed(tape):
        _undo(ticks, block.events)
    last = before.events.filter(pc.is_in(before.events["event"], pa.array([SWAP, INITIALIZE]))).to_pylist()[-1]
    return start_of(int(last["sqrt_price_x96"]), int(last["tick"]), ticks)


def _undo(ticks: TickMap, events: pa.Table) -> None:
    for event in reversed(events.select(["event", "tick_lower", "tick_upper", "liquidity_delta"]).to_pylist()):
        if event["event"] in (MINT, BURN) and event["liquidity_delta"]:
            try:
                ticks.change(event["tick_lower"], event["tick_upper"], -int(event["liquidity_delta"]))
            except PoolError:
                raise Reorganised from None  # ticks and log are not of one moment
