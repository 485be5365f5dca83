"""The swaps that a session still needs, and the tick map before them: bounded memory, and every number exact."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from rook_bench.execution.tick_map import TickMap
from rook_bench.execution.ticks import tick_at_sqrt_price
from rook_bench.ingest.events_to_frame import frame_of_events
from rook_bench.market.events import BURN, INITIALIZE, MINT, SWAP, concat
from rook_bench.market.frame import SwapFrame
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.pool import Pool


@dataclass(frozen=True)
class Block:
    """A block with events of the pool: number, hash and events in order (`market.events.SCHEMA`)."""

    number: int
    hash: str
    events: pa.Table

    @cached_property
    def swaps(self) -> int:
        """How many of the events are swaps; counted once, and asked for with every block that comes."""
        return int(pc.sum(pc.equal(self.events["event"], SWAP)).as_py() or 0)


def frame_of(events: Iterable[pa.Table], pool: Pool, start: LiquidityHistory | None) -> SwapFrame | None:
    """The tape of events that were read without a gap; None where there is no swap.

    Args:
        events: of blocks one after the other, in order.
        start: the tick map before them, where it is known.
    """
    table = concat(list(events)).combine_chunks()
    if not pc.any(pc.equal(table["event"], SWAP)).as_py():
        return None
    frame = frame_of_events(table, pool, source="live", snapshot=start, ordered=True)
    # Every block was read: what looks like a hole was a quiet time.
    return replace(frame, breaks=())


class Rows:
    """The last swaps of a pool.

    Attributes:
        pool: its metadata.
        start: tick map and state before the first block that is kept, None where they are not known.
        first_row: number of the first swap that is kept, counted from the start of the session's tape.
        blocks: those that are kept, in order.

    Args:
        pool, start: see above, at the start of the tape.
    """

    def __init__(self, pool: Pool, start: LiquidityHistory | None) -> None:
        self.pool, self.start, self.first_row = pool, start, 0
        self.blocks: deque[Block] = deque()
        self._frame: SwapFrame | None = None

    def __len__(self) -> int:
        return sum(block.swaps for block in self.blocks)

    @property
    def end_row(self) -> int:
        """Number of the swap that comes next."""
        return self.first_row + len(self)

    @property
    def frame(self) -> SwapFrame | None:
        """The swaps that are kept; None where there is none."""
        if self._frame is None and self.blocks:
            self._frame = frame_of((block.events for block in self.blocks), self.pool, self.start)
        return self._frame

    def add(self, block: Block) -> None:
        """The block that comes next (blocks without events are left out)."""
        self.blocks.append(block)
        self._frame = None

    def drop_after(self, number: int) -> int:
        """Forget the blocks after this one, which are no longer of the chain; how many swaps were in them."""
        dropped = 0
        while self.blocks and self.blocks[-1].number > number:
            dropped += self.blocks.pop().swaps
            self._frame = None
        return dropped

    def row_of_block(self, number: int) -> int:
        """Number of the first swap in or after this block."""
        return self.first_row + sum(block.swaps for block in self.blocks if block.number < number)

    def forget(self, row: int) -> int:
        """Forget whole blocks before a row, and move the tick map along; how many swaps were in them."""
        gone, count = list[Block](), 0
        while self.blocks and self.first_row + count + self.blocks[0].swaps <= row and len(self.blocks) > 1:
            count += self.blocks[0].swaps
            gone.append(self.blocks.popleft())
        if gone:
            self.start = _after(self.start, concat([block.events for block in gone]))
            self.first_row += count
            self._frame = None
        return count


def _after(start: LiquidityHistory | None, events: pa.Table) -> LiquidityHistory | None:
    """The tick map after these events (in order), each taken as recorded; None where it is not known."""
    known = start is not None and start.complete
    ticks = start.snapshot() if start is not None and known else TickMap()
    state = start.start if start is not None else None
    kept = events.select(["event", "sqrt_price_x96", "tick", "tick_lower", "tick_upper", "liquidity_delta"])
    for event in kept.to_pylist():
        kind = event["event"]
        if kind == INITIALIZE:
            ticks, known = TickMap(), True
        if kind in (INITIALIZE, SWAP):
            price, tick = int(event["sqrt_price_x96"]), event["tick"]
            state = PoolStart(price, tick_at_sqrt_price(price) if tick is None else tick, 0)
        elif kind in (MINT, BURN) and known and event["liquidity_delta"]:
            ticks.change(event["tick_lower"], event["tick_upper"], int(event["liquidity_delta"]))
    if not known or state is None:
        return None
    return start_of(state.sqrt_price, state.tick, ticks)


def start_of(sqrt_price: int, tick: int, ticks: TickMap) -> LiquidityHistory:
    """What a tape begins with: price, tick, and every initialised tick, from which the active liquidity follows."""
    state = PoolStart(sqrt_price, tick, ticks.active(tick))
    return LiquidityHistory.of(complete=True, start=state, snapshot=ticks)
