"""A simulated Uniswap v3 USDC/WETH pool: random traders, exact integer arithmetic.

Who trades, when and how much is random; what the pool answers is not. Every swap goes through
`rook_bench.execution.fill`, so each row of the tape follows from the row before bit for bit.
"""

from __future__ import annotations

import math
from datetime import UTC

import numpy as np

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.execution.amm import PIPS, amount0_between_up, amount1_between_up, divide_up
from rook_bench.execution.fill import pool_swap
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.ticks import MAX_TICK, tick_at_sqrt_price
from rook_bench.market.frame import SwapFrame
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.pool import TICK_SPACING, USDC, WETH, Pool, Token
from rook_bench.market.simulation import Block, Chain, Order, Simulation, blocks, liquidity_path

__all__ = ["Simulation", "simulate", "simulated_pool"]

_RATIO = WETH.unit << 192
"""sqrtPriceX96**2 of one smallest unit of USDC per whole WETH."""

_UNITS_PER_CENT = USDC.unit // 100

_EVENTS_PER_TRANSACTION = 2.2
"""Log entries that an earlier transaction of the block leaves (2024 tape: index 106 is log entry 230)."""

_DEFAULT = Simulation()


def simulated_pool(config: Simulation = _DEFAULT) -> Pool:
    """Metadata of the pool that `simulate` runs: USDC is token0, WETH is token1 and the base."""
    return Pool(
        chain="simulated",
        address="simulated",
        fee_pips=config.fee_pips,
        tick_spacing=TICK_SPACING.get(config.fee_pips, 10),
        token0=USDC,
        token1=WETH if config.base_symbol == WETH.symbol else Token(symbol=config.base_symbol, decimals=WETH.decimals),
        base_is_token0=False,
        block_time_s=config.block_time_s,
    )


def simulate(
    swaps: int, rng: np.random.Generator, config: Simulation = _DEFAULT, *, chain: Chain | None = None
) -> SwapFrame:
    """Run a pool until `swaps` swaps have happened.

    Args:
        swaps: rows of the tape, at least 1.
        rng: the only source of random numbers; the same generator state gives the same tape.
        config: parameters; the defaults imitate one day of the Ethereum USDC/WETH 0.05% pool.
        chain: that other pools are on too: the same blocks at the same times, and shocks that they share.

    Returns:
        A SwapFrame with every column and its liquidity history. Each row's amounts are what
        v3-core's exact-input swap gives at the row before's price and the row's own liquidity,
        which others changed, if at all, between the two swaps: mints and burns of one position
        over all prices, which the history holds.

    Raises:
        InputError: `swaps` is below 1.
    """
    if swaps < 1:
        raise InputError(f"{swaps} swaps can't be simulated", where="simulate", hint="ask for at least 1")
    market = _Market(config, liquidity_path(rng, swaps, config))
    for block in blocks(rng, config, chain):
        market.run(block)
        if market.full:
            break
    return market.tape(swaps)


class _Market:
    """The pool's state and its log so far."""

    def __init__(self, config: Simulation, depth: list[int]) -> None:
        self.config = config
        self.depth = depth
        self.start_units = round(config.start_price_usd * USDC.unit)
        self.sqrt_price = _sqrt_price(self.start_units)
        self.birth = self.sqrt_price, tick_at_sqrt_price(self.sqrt_price)
        self.spacing = simulated_pool(config).tick_spacing
        self.highest = MAX_TICK // self.spacing * self.spacing
        self.lowest = -self.highest
        self.rows: list[tuple[int, int, int, int, int, int, int, int]] = []
        self.number = config.first_block - 1
        self.seconds = 0
        self.learnt = 0.0  # log move of the outside price that orders caused
        self.tx_index = self.log_index = -1

    @property
    def full(self) -> bool:
        return len(self.rows) >= len(self.depth)

    def run(self, block: Block) -> None:
        """One block: the arbitrageur at its top, then the orders."""
        self.number += 1
        self.seconds = block.slot * self.config.block_time_s
        self.tx_index = self.log_index = -1
        if block.arbitrage:
            self._arbitrage(block, block.arbitrage_tx_index, split=block.arbitrage_split)
        for order in block.orders:
            self._order(block, order)

    def tape(self, swaps: int) -> SwapFrame:
        """The first `swaps` rows."""
        seconds, number, tx_index, log_index, amount0, amount1, sqrt_price, liquidity = zip(
            *self.rows[:swaps], strict=True
        )
        start = np.datetime64(self.config.start_at.astimezone(UTC).replace(tzinfo=None), "ns")
        return SwapFrame(
            pool=simulated_pool(self.config),
            at=start + np.array(seconds, dtype="timedelta64[s]"),
            sqrt_price_x96=ExactInts.of(sqrt_price),
            liquidity=ExactInts.of(liquidity),
            amount0=ExactInts.of(amount0),
            amount1=ExactInts.of(amount1),
            tick=np.array([tick_at_sqrt_price(price) for price in sqrt_price], dtype=np.int32),
            block=np.array(number, dtype=np.int64),
            tx_index=np.array(tx_index, dtype=np.int64),
            log_index=np.array(log_index, dtype=np.int64),
            history=self._history(liquidity),
            source="simulated",
            notes=("simulated: no real trade is in this tape",),
        )

    def _history(self, liquidity: tuple[int, ...]) -> LiquidityHistory:
        """The one position's mints and burns, from an empty pool at the starting price."""
        changes = []
        before = 0
        for row, now in enumerate(liquidity):
            if now != before:
                changes.append((row, self.lowest, self.highest, now - before))
            before = now
        return LiquidityHistory.of(complete=True, start=PoolStart(*self.birth, 0), changes=changes)

    def _order(self, block: Block, order: Order) -> None:
        """A noise trader's order, with the searchers around it and what the outside learns from it."""
        before = self.sqrt_price
        if order.sandwich_cents:
            bought = self._trade(order.sandwich_cents, order.buys, order.tx_index)
            self._trade(order.cents, order.buys, order.tx_index)
            if not self.full and bought:
                self._swap(bought, zero_for_one=not order.buys, tx_index=order.tx_index)
        else:
            self._trade(order.cents, order.buys, order.tx_index)
        # A falling sqrt price is a rising WETH price. Rounded: see `simulation.draws`.
        move = 2 * math.log(before / self.sqrt_price)
        self.learnt += round(self.config.permanent_impact_share * move, 10)
        if order.backrun:
            self._arbitrage(block, order.tx_index)

    def _trade(self, cents: int, buys: bool, tx_index: int) -> int:
        """Swap a value in USDC at the pool price, less if it would move it too far; the output."""
        if self.full:
            return 0
        least = self._amount_to(_moved(self.sqrt_price, self.config.largest_impact_bps, falls=buys), buys)
        amount = cents * _UNITS_PER_CENT
        if not buys:
            amount = amount * WETH.unit // _price_units(self.sqrt_price)
        return self._swap(min(amount, least), zero_for_one=buys, tx_index=tx_index)

    def _arbitrage(self, block: Block, tx_index: int, *, split: bool = False) -> None:
        """Bring the pool to one fee from the outside price, if that pays the cost."""
        if self.full:
            return
        outside = self.start_units * math.exp(block.log_outside + self.learnt)
        fee = self.config.fee_pips / PIPS
        price = _price_units(self.sqrt_price)
        if price < outside * (1 - fee):
            edge, buys = outside * (1 - fee), True
        elif price > outside * (1 + fee):
            edge, buys = outside * (1 + fee), False
        else:
            return
        target = price + block.arbitrage_reach * (edge - price)
        goal = _sqrt_price(max(round(target), 1))
        amount = self._amount_to(goal, buys)
        usd = amount / USDC.unit if buys else amount / WETH.unit * price / USDC.unit
        # The price walks evenly from the pool's to the target, so half the distance is earned.
        if usd * abs(target / price - 1) / 2 < block.arbitrage_cost_usd:
            return
        if split:
            self._swap(amount // 2, zero_for_one=buys, tx_index=tx_index)
            if self.full:
                return
            amount = self._amount_to(goal, buys)
        self._swap(amount, zero_for_one=buys, tx_index=tx_index)

    def _amount_to(self, target: int, zero_for_one: bool) -> int:
        """Input, fee included, that takes the next swap to the sqrt price `target`."""
        liquidity = self.depth[len(self.rows)]
        if zero_for_one:
            amount = amount0_between_up(min(target, self.sqrt_price), self.sqrt_price, liquidity)
        else:
            amount = amount1_between_up(self.sqrt_price, max(target, self.sqrt_price), liquidity)
        return int(divide_up(amount * PIPS, PIPS - self.config.fee_pips))

    def _swap(self, amount: int, *, zero_for_one: bool, tx_index: int) -> int:
        """Execute an exact-input swap, write its row, and return the output."""
        if amount < 1:
            return 0
        liquidity = self.depth[len(self.rows)]
        after, _, _, taken, out, fee, _ = pool_swap(
            self.sqrt_price,
            tick_at_sqrt_price(self.sqrt_price),
            liquidity,
            amount,
            True,
            self.config.fee_pips,
            zero_for_one,
            extreme_price(zero_for_one),
            self.spacing,
            [(self.lowest, liquidity), (self.highest, -liquidity)],
            True,
            False,
        )
        amounts = (taken + fee, -out) if zero_for_one else (-out, taken + fee)
        self.tx_index = max(self.tx_index + 1, tx_index)
        self.log_index = max(self.log_index + 3, int(_EVENTS_PER_TRANSACTION * self.tx_index) + 3)
        position = (self.seconds, self.number, self.tx_index, self.log_index)
        self.rows.append((*position, *amounts, after, liquidity))
        self.sqrt_price = after
        return int(out)


def _price_units(sqrt_price: int) -> int:
    """Smallest units of USDC per whole WETH, rounded down."""
    return _RATIO // (sqrt_price * sqrt_price)


def _sqrt_price(price_units: int) -> int:
    """sqrtPriceX96 of a price in smallest units of USDC per whole WETH, rounded down."""
    return math.isqrt(_RATIO // price_units)


def _moved(sqrt_price: int, bps: float, *, falls: bool) -> int:
    """The sqrt price whose price is `bps` away; a falling sqrt price is a rising WETH price."""
    part = round(bps * 1e6)
    scale = 2 * 10**10
    return sqrt_price * (scale - part) // scale if falls else sqrt_price * (scale + part) // scale
