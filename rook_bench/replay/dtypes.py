"""The records that go into the compiled loop and come out of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.exact import ExactInts

Limbs = NDArray[np.uint64]
Records = NDArray[np.void]

PENDING = -1
"""Outcome of an order in flight."""

AMOUNT = ("u8", (4,))
"""An exact amount in smallest units, as four 64-bit limbs."""

MARKET = np.dtype(
    [
        ("at_ns", "i8"),
        ("price", "f8"),
        ("sqrt_price", *AMOUNT),
        ("liquidity", *AMOUNT),
        ("tick", "i8"),
        ("fee_pips", "i8"),
        ("gas_wei", "i8"),
        ("native_price", "f8"),
    ]
)
"""The tape by row: ns since the epoch, price in human units, sqrtPriceX96, liquidity and tick after the swap, the
fee that an order pays there, wei per unit of gas, and quote per coin that gas is paid in."""

NEITHER, BASE, QUOTE = range(3)
"""Which token of the pool is the coin that gas is paid in."""

WISHES = np.dtype(
    [
        ("side", "i8"),
        ("rejected", "i8"),
        ("fraction_ppb", "i8"),
        ("slippage_ppm", "i8"),
        ("deadline_ns", "i8"),
        ("landing_row", "i8"),
        ("landing_ns", "i8"),
    ]
)
"""The decisions by row, after sizing and the filters that need no ledger (`rejected`: filter code, 0 for none)."""

ORDERS = np.dtype(
    [
        ("row", "i8"),
        ("landing_row", "i8"),
        ("side", "i8"),
        ("outcome", "i8"),
        ("rejected", "i8"),
        ("crossed", "i8"),
        ("amount_in", *AMOUNT),
        ("quoted", *AMOUNT),
        ("paid", *AMOUNT),
        ("fee", *AMOUNT),
        ("out", *AMOUNT),
        ("mev", *AMOUNT),
        ("gas_quote", *AMOUNT),
        ("gas_base", *AMOUNT),
        ("sqrt_after", *AMOUNT),
        ("cash", *AMOUNT),
        ("base", *AMOUNT),
    ]
)
"""One entry per decision that wished to trade; what the columns mean is said in `OrderTable`.

Records and not separate columns: compiled code counts references to every array it hands to a
function, and with fifteen columns that took as long as the swap itself.
"""

CARRIED = np.dtype(
    [
        ("first", "i8"),
        ("count", "i8"),
        ("pending", "i8"),
        ("sent_today", "i8"),
        ("day", "i8"),
        ("last_sent_ns", "i8"),
        ("stopped", "i8"),
        ("peak", "f8"),
        ("opening", "f8"),
        ("cash", *AMOUNT),
        ("base", *AMOUNT),
        ("held_cash", *AMOUNT),
        ("held_base", *AMOUNT),
    ]
)
"""What the loop begins with and what it leaves, so that it can go on where it stopped: the row to begin with, orders
entered and landed so far, what the limits count, the base held at the very start, balances and what is held of them."""


class Terms(NamedTuple):
    """Pool orientation, costs and limits that hold for the whole run; NaN or a negative number switches a limit off."""

    base_is_token0: bool
    base_unit: float
    quote_unit: float
    tick_spacing: int
    v4: bool
    whole_map: bool
    revert_on_slippage: bool
    mev: int
    swap_units: int
    one_tick_units: int
    two_tick_units: int
    more_tick_units: int
    slippage_units: int
    deadline_units: int
    native: int
    l1_fee: float
    flat_gas: float
    max_base_share: float
    min_base_share: float
    trades_per_day: int
    cooldown_ns: int
    drawdown_stop: float
    max_order_value: float
    max_pool_share: float
    max_exposure: float
    max_cost_bps: float


class PoolCalls(NamedTuple):
    """The pool's swap and a searcher's sandwich by address (see `execution.compiled_swap`), and the tick map."""

    calls: Records
    ticks: Records
    swap: Any
    sandwich: Any


class Given(NamedTuple):
    """What the loop reads: the tape and the wishes by row, the pool, the terms."""

    market: Records
    wishes: Records
    pool: PoolCalls
    terms: Terms


class Balances(NamedTuple):
    """Quote and base in the wallet, and how much of each is promised to orders in flight; exact, inside the loop."""

    cash: Any
    base: Any
    held_cash: Any
    held_base: Any


def empty_orders(count: int) -> Records:
    """Room for `count` orders."""
    orders = zeros(count, ORDERS)
    for part in mapped.parts(count):
        orders["outcome"][part] = PENDING
    return orders


def beginning(opening: tuple[int, int], base_unit: float) -> Records:
    """The state before the first row: opening quote and base in smallest units, and nothing sent."""
    carried = np.zeros(1, dtype=CARRIED)
    carried["day"], carried["last_sent_ns"], carried["peak"] = -1, -1, -1.0
    limbs = ExactInts.of(opening).limbs
    carried["cash"], carried["base"] = limbs[0], limbs[1]
    carried["opening"] = (float(limbs[1, 1]) * 18446744073709551616.0 + float(limbs[1, 0])) / base_unit
    return carried


def zeros(count: int, dtype: np.dtype[Any]) -> Records:
    """Room for `count` records, of zeros."""
    return mapped.zeros(count, dtype)
