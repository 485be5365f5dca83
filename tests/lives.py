"""Pools that live in exact integers from birth on, and the logs they leave: everything about them is known."""

from __future__ import annotations

from copy import deepcopy
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from rook_bench.execution.amm import amount0_between_up, amount1_between_up
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.ticks import sqrt_price_at_tick
from rook_bench.ingest.events_to_frame import frame_of_events
from rook_bench.market.events import BURN, INITIALIZE, MINT, SWAP, event_table
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import ETH, USDC, WETH, Pool

START = np.datetime64("2025-01-01T12:00:00", "ns")
HOME = 198_080
"""The tick that a pool begins at and is drawn back to: some 2,500 USDC per WETH."""

V3 = Pool(address="0x" + "3" * 40, token0=USDC, token1=WETH, base_is_token0=False)
V4 = Pool(address="0x" + "4" * 64, token0=ETH, token1=USDC, base_is_token0=True, protocol="v4")
"""The same prices with the base as token0, so the tick is the other way round."""

EXACT_INPUT, EXACT_OUTPUT, PRICE_LIMIT = 1, 2, 3


class Life:
    """One pool and its log.

    Attributes:
        pool, state: metadata, and the pool as it is now.
        events: the log in order, one dict of event columns each.
        states: the pool as each swap left it, by swap.
        kinds, crossed: which kind of swap each one was, and how many initialised ticks it crossed.
    """

    def __init__(
        self, seed: int, pool: Pool = V3, *, depth: int = 10**17, block_s: float = 12.0, fees: tuple[int, ...] = ()
    ) -> None:
        self.random, self.pool, self.fees, self.depth, self.block_s = Random(seed), pool, fees, depth, block_s
        self.home = -HOME if pool.base_is_token0 else HOME
        self.events: list[dict[str, Any]] = []
        self.states: list[PoolState] = []
        self.kinds: list[int] = []
        self.crossed: list[int] = []
        self.positions: dict[tuple[int, int], int] = {}
        self.block, self.log_index, self.tx_index = 1000, -1, -1
        self.state = PoolState.initialized(
            sqrt_price_at_tick(self.home) + 12_345,
            fee_pips=pool.fee_pips,
            tick_spacing=pool.tick_spacing,
            protocol=pool.protocol,
        )
        self._record(INITIALIZE, sqrt_price_x96=self.state.sqrt_price, tick=self.state.tick)
        if depth:
            self.mint(self.home - 5000, self.home + 5000, depth)

    def next_block(self, blocks: int = 1) -> None:
        """Later events stand in a later block."""
        self.block, self.log_index, self.tx_index = self.block + blocks, -1, -1

    def mint(self, lower: int, upper: int, liquidity: int) -> None:
        """Open a position, or add to it."""
        amount0, amount1 = self.state.mint(lower, upper, liquidity)
        self.positions[lower, upper] = self.positions.get((lower, upper), 0) + liquidity
        self._record(
            MINT, tick_lower=lower, tick_upper=upper, liquidity_delta=liquidity, amount0=amount0, amount1=amount1
        )

    def burn(self, lower: int, upper: int, liquidity: int) -> None:
        """Take from a position."""
        amount0, amount1 = self.state.burn(lower, upper, liquidity)
        self.positions[lower, upper] -= liquidity
        self._record(
            BURN, tick_lower=lower, tick_upper=upper, liquidity_delta=-liquidity, amount0=-amount0, amount1=-amount1
        )

    def swap(self, falls: bool, amount: int, limit: int | None = None) -> None:
        """Swap, as PoolState.swap."""
        fee = self.random.choice(self.fees) if self.fees else None
        result = self.state.swap(falls, amount, limit, fee)
        kind = PRICE_LIMIT if limit is not None else EXACT_INPUT if amount > 0 else EXACT_OUTPUT
        paid = self.pool.fee_pips if fee is None else fee
        self.kinds.append(kind)
        self.crossed.append(result.crossed)
        self.states.append(deepcopy(self.state))
        self._record(
            SWAP,
            amount0=result.amount0,
            amount1=result.amount1,
            sqrt_price_x96=result.sqrt_price,
            liquidity=result.liquidity,
            tick=result.tick,
            fee_pips=paid if self.pool.protocol == "v4" else None,
        )

    def wander(self, swaps: int, *, liquidity: float = 0.3, small: float = 0.6) -> Life:
        """Random swaps, and mints and burns of random positions between them."""
        random = self.random
        for _ in range(swaps):
            if random.random() < 0.5:
                self.next_block(random.randint(1, 3))
            if random.random() < liquidity:
                self.some_liquidity()
            self.some_swap(small)
        return self

    def some_liquidity(self) -> None:
        """Open a position near the price, or close one in part or whole."""
        random, spacing = self.random, self.pool.tick_spacing
        own = [ends for ends, held in self.positions.items() if held and ends[1] - ends[0] < 10_000]
        if len(own) > 4 and random.random() < 0.5:
            ends = random.choice(own)
            held = self.positions[ends]
            self.burn(*ends, held if random.random() < 0.5 else random.randint(1, held))
            return
        lower = (self.state.tick // spacing + random.randint(-6, 3)) * spacing
        self.mint(lower, lower + random.randint(1, 12) * spacing, random.randint(10**15, 2 * 10**17))

    def some_swap(self, small: float = 0.6) -> None:
        """A swap that moves the price by a few ticks or by many, drawn back to where the pool began."""
        random, state = self.random, self.state
        falls = random.random() < 0.5 + (state.tick - self.home) / 400
        far = random.uniform(0.05, 3) if random.random() < small else random.uniform(5, 80)
        target = int(state.sqrt_price * 1.0001 ** (-far / 2 if falls else far / 2))
        low, high = sorted((target, state.sqrt_price))
        liquidity = max(state.liquidity, 10**15)
        of0, of1 = amount0_between_up(low, high, liquidity), amount1_between_up(low, high, liquidity)
        spent, gained = (of0, of1) if falls else (of1, of0)
        kind = random.choice((EXACT_INPUT, EXACT_INPUT, EXACT_OUTPUT, PRICE_LIMIT))
        if kind == EXACT_INPUT:
            self.swap(falls, spent)
        elif kind == EXACT_OUTPUT:
            self.swap(falls, -gained)
        else:
            self.swap(falls, 1 << 100, target)

    @property
    def swaps(self) -> list[int]:
        """Places of the swaps among the events."""
        return [place for place, event in enumerate(self.events) if event["event"] == SWAP]

    def frame(self, events: list[dict[str, Any]] | None = None, **options: Any) -> SwapFrame:
        """The tape of these events (all of them by default), as an importer makes it."""
        return frame_of_events(table(self.events if events is None else events), self.pool, source="life", **options)

    def _record(self, event: str, **columns: Any) -> None:
        self.log_index += self.random.randint(1, 4)
        self.tx_index += 1
        number = len(self.events)
        at = START + np.timedelta64(round((self.block - 1000) * self.block_s * 1e9), "ns")
        place = {
            "pool": self.pool.address,
            "event": event,
            "at": at,
            "block": self.block,
            "tx_index": self.tx_index,
            "log_index": self.log_index,
            "tx_hash": f"{number + 1:064x}",
        }
        self.events.append(place | columns)


def table(events: list[dict[str, Any]]) -> pa.Table:
    """Events as an event table."""
    names = list(dict.fromkeys(name for event in events for name in event))
    columns: dict[str, Any] = {name: [event.get(name) for event in events] for name in names}
    columns["at"] = np.array(columns["at"], dtype="datetime64[ns]")
    return event_table(columns, len(events))


def changed(events: list[dict[str, Any]], place: int, **columns: Any) -> list[dict[str, Any]]:
    """The events with other columns in one of them."""
    return [*events[:place], events[place] | columns, *events[place + 1 :]]


def without(events: list[dict[str, Any]], *places: int) -> list[dict[str, Any]]:
    """The events with some left out."""
    return [event for place, event in enumerate(events) if place not in places]
