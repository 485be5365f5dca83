"""Every random number of a simulated pool, drawn in blocks of rows before the pool needs it.

What the pool later turns into integers is rounded here to far more than the last bit of a
float64, so that a last-bit difference between two machines' `exp` can't change a tape.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from rook_bench.market.simulation.chain import CHUNK, Chain
from rook_bench.market.simulation.parameters import Simulation

DAY_S = 86_400.0

TOP_TRANSACTIONS = 7
"""Arbitrageurs buy one of the first places of a block: transaction index 0 to 6."""

LAST_TRANSACTION = 180
"""Orders of others are spread evenly over the places behind (2024 tape: median 94, 95% below 170)."""


class Order(NamedTuple):
    """What a noise trader sends, and what searchers would do about it."""

    cents: int  # size in hundredths of a USDC
    buys: bool  # True: USDC in, WETH out
    tx_index: int
    backrun: bool  # an arbitrageur watches for the gap it leaves
    sandwich_cents: int  # size of the front-run; 0 for none


class Block(NamedTuple):
    """One block before the pool has seen it."""

    slot: int  # slots of `block_time_s` since the start
    log_outside: float  # log of the outside price relative to the start price
    arbitrage: bool  # an arbitrageur is present at the top of the block
    arbitrage_split: bool  # two arbitrageurs share the way
    arbitrage_reach: float  # share of the way to the target that is traded
    arbitrage_cost_usd: float
    arbitrage_tx_index: int
    orders: list[Order]  # by transaction index


def blocks(rng: np.random.Generator, config: Simulation, chain: Chain | None = None) -> Iterator[Block]:
    """Blocks without end, drawn `CHUNK` at a time; those of a chain where there is one."""
    stationary = rng.standard_normal(2)
    log_volatility, imbalance = float(stationary[0]), float(stationary[1])
    slot, log_outside = -1, 0.0
    for chunk in count():
        common = None
        if chain is None:
            steps = rng.geometric(1 - config.missed_slot_share, CHUNK)
        else:
            steps, common = chain.blocks(chunk, config)
        slots = slot + np.cumsum(steps)
        waves = _autoregression(rng, log_volatility, config.volatility_half_life_s / config.block_time_s)
        path = log_outside + np.cumsum(_outside_returns(rng, waves, np.diff(slots, prepend=slot), config, common))
        path = np.round(path, 10)
        leaning = _autoregression(rng, imbalance, config.imbalance_half_life_s / config.block_time_s)
        present = rng.random(CHUNK) < config.arbitrage_share
        split = rng.random(CHUNK) < config.arbitrage_split_share
        reach = np.round(rng.uniform(config.least_arbitrage_reach, 1.0, CHUNK), 6)
        costs = config.median_arbitrage_cost_usd * np.exp(config.log_arbitrage_cost_std * rng.standard_normal(CHUNK))
        places = np.minimum(rng.geometric(0.3, CHUNK) - 1, TOP_TRANSACTIONS - 1)
        orders = _orders(rng, waves, leaning, config)
        columns = (slots, path, present, split, reach, np.round(costs, 6), places)
        yield from map(Block, *(column.tolist() for column in columns), orders)
        slot, log_outside = int(slots[-1]), float(path[-1])
        log_volatility, imbalance = float(waves[-1]), float(leaning[-1])


def liquidity_path(rng: np.random.Generator, swaps: int, config: Simulation) -> list[int]:
    """Liquidity at each swap, shape (swaps,): what other people's deposits and withdrawals leave.

    It holds still except at a share of the swaps; there the depth takes a heavy-tailed step and
    leans back to `config.liquidity`, or a narrow position multiplies it for a few swaps.
    """
    moves = rng.random(swaps) < config.liquidity_change_share
    moves[:1] = False
    changes = np.flatnonzero(moves)
    # A tenth of the way back at each change; Laplace steps sized for the stated stationary spread.
    keep = 0.9
    steps = rng.laplace(scale=config.liquidity_std * np.sqrt((1 - keep**2) / 2), size=len(changes))
    log_depth = np.concatenate([[0.0], lfilter([1.0], [1.0, -keep], steps)])[np.cumsum(moves)]
    starts = np.flatnonzero(rng.random(swaps) < config.narrow_position_share)
    lengths = rng.geometric(1 / config.narrow_position_swaps, len(starts))
    factors = 1 + (config.median_narrow_factor - 1) * np.exp(
        config.log_narrow_factor_std * rng.standard_normal(len(starts))
    )
    narrow = np.ones(swaps)
    for start, length, factor in zip(starts.tolist(), lengths.tolist(), factors.tolist(), strict=True):
        narrow[start : start + length] = factor
    # Nine digits of the factor; below them the depth's own last digits stay.
    parts = np.round(np.exp(log_depth) * narrow * 1e9).astype(np.int64)
    return [config.liquidity * part // 10**9 for part in parts.tolist()]


def _autoregression(rng: np.random.Generator, before: float, half_life: float) -> NDArray[np.float64]:
    """A first-order autoregression with unit variance that continues from `before`, shape (CHUNK,)."""
    keep = 0.5 ** (1 / half_life)
    noise = rng.standard_normal(CHUNK) * np.sqrt(1 - keep**2)
    return np.asarray(lfilter([1.0], [1.0, -keep], noise, zi=[keep * before])[0])


def _outside_returns(
    rng: np.random.Generator,
    waves: NDArray[np.float64],
    slots: NDArray[np.int64],
    config: Simulation,
    common: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Log returns of the outside price in each block, shape (CHUNK,); `slots` is their length in slots."""
    spread = config.log_volatility_std
    seconds = slots * config.block_time_s
    # exp(spread * wave) has mean square exp(2 * spread**2): divide, so that the daily figure holds.
    volatility = config.volatility_per_day * np.exp(spread * waves - spread**2) * np.sqrt(seconds / DAY_S)
    jumps = rng.poisson(config.jumps_per_day * seconds / DAY_S)
    jump = np.sqrt(jumps) * config.jump_std_bps * 1e-4 * rng.standard_normal(CHUNK)
    shock = rng.standard_normal(CHUNK)
    if common is not None:
        shock = np.sqrt(config.common_share) * common + np.sqrt(1 - config.common_share) * shock
    return volatility * shock + jump


def _orders(
    rng: np.random.Generator, waves: NDArray[np.float64], leaning: NDArray[np.float64], config: Simulation
) -> list[list[Order]]:
    """The orders of noise traders in each block, CHUNK lists."""
    slope = config.activity_elasticity * config.log_volatility_std
    rate = config.orders_per_block * np.exp(slope * waves - slope**2 / 2)
    counts = rng.poisson(np.round(rate, 9))
    total = int(counts.sum())
    block = np.repeat(np.arange(CHUNK), counts)
    waves_of_size = config.size_elasticity * config.log_volatility_std * waves[block]
    usd = config.median_order_usd * np.exp(waves_of_size + config.log_order_std * rng.standard_normal(total))
    buys = rng.random(total) < 0.5 + np.clip(config.imbalance_std / 2 * leaning, -0.45, 0.45)[block]
    place = rng.integers(TOP_TRANSACTIONS, LAST_TRANSACTION, total)
    backrun = rng.random(total) < config.backrun_share
    sandwiched = (rng.random(total) < config.sandwich_share) & (usd >= config.sandwich_least_usd)
    front = config.median_sandwich_usd * np.exp(config.log_sandwich_std * rng.standard_normal(total))
    columns = (
        _cents(usd, config),
        buys,
        place[np.lexsort((place, block))],  # other columns have no order to keep
        backrun,
        np.where(sandwiched, _cents(front, config), 0),
    )
    every = list(map(Order, *(column.tolist() for column in columns)))
    ends = np.cumsum(counts).tolist()
    return [every[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _cents(usd: NDArray[np.float64], config: Simulation) -> NDArray[np.int64]:
    """Sizes in hundredths of a USDC, at least one."""
    return np.maximum(np.round(np.minimum(usd, config.largest_order_usd) * 100), 1).astype(np.int64)
