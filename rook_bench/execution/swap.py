"""A swap across ticks, as the contract's loop does it, to the last unit.

Like `amm`, one source for Python's integers and for compiled code: what differs between the two
(a liquidity that may fall, a price at a tick) goes through the small overloaded functions below.

A tick map lists ticks in ascending order with the change of active liquidity when the price
crosses them upward. In Python it is a list of (tick, net) pairs of the initialised ticks; in
compiled code an array of `TICKS` records, which may also hold ticks where nothing is left.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload, register_jitable
from numpy.typing import NDArray

from rook_bench.core.exact import ExactInts
from rook_bench.execution import ticks as exact_ticks
from rook_bench.execution.amm import PIPS, split_of_v4, swap_exact_in, swap_exact_out
from rook_bench.execution.ticks import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, sqrt_price_at_tick
from rook_bench.execution.wide import Wide, leading, load, wide

WORD = 256
"""Ticks (in units of the spacing) in one word of the contract's bitmap of initialised ticks."""

LOG_TICK = math.log2(1.0001)


def price_at(tick: Any) -> Any:
    """sqrtPriceX96 at a tick."""
    return sqrt_price_at_tick(int(tick))


def log2_of(value: Any) -> float:
    """Logarithm to base 2 of a positive integer, to float64."""
    return math.log2(value)


def extreme_price(zero_for_one: bool) -> Any:
    """The last sqrt price that a swap in this direction may reach."""
    return MIN_SQRT_PRICE + 1 if zero_for_one else MAX_SQRT_PRICE - 1


def tick_of(ticks: Any, place: Any) -> Any:
    """The tick at this place of the map."""
    return ticks[place][0]


def is_live(ticks: Any, place: Any) -> Any:
    """Whether a position begins or ends at this place of the map."""
    return True


def net_of(ticks: Any, place: Any) -> Any:
    """Net liquidity at this place of the map."""
    return ticks[place][1]


def crossed_up(liquidity: Any, net: Any) -> Any:
    """Active liquidity after crossing a tick upward; ArithmeticError below zero, where the contract reverts."""
    return _not_negative(liquidity + net)


def crossed_down(liquidity: Any, net: Any) -> Any:
    """Active liquidity after crossing a tick downward; ArithmeticError below zero, where the contract reverts."""
    return _not_negative(liquidity - net)


def _not_negative(liquidity: int) -> int:
    if liquidity < 0:
        raise ArithmeticError("more liquidity leaves a tick than is active")
    return liquidity


_FACTOR_LIMBS = ExactInts.of(exact_ticks.FACTORS).limbs
_EXTREMES = ExactInts.of([MIN_SQRT_PRICE + 1, MAX_SQRT_PRICE - 1]).limbs
_ALL_ONES = ExactInts.of([(1 << 255) - 1]).limbs


@njit
def _wide_price_at(tick: int) -> Any:
    """v3's getSqrtRatioAtTick in wide integers; see `ticks.sqrt_price_at_tick`."""
    magnitude = abs(tick)
    ratio = wide(np.uint64(1)) << 128
    for bit in range(_FACTOR_LIMBS.shape[0]):
        if (magnitude >> bit) & 1:
            ratio = (ratio * load(_FACTOR_LIMBS[bit])) >> 128
    if tick > 0:
        ratio = ((load(_ALL_ONES[0]) << 1) + 1) // ratio
    return (ratio + np.uint64(0xFFFFFFFF)) >> 32


@overload(price_at)
def _price_at(tick):  # Numba compares the signatures, so no annotations in overloads
    return lambda tick: _wide_price_at(tick)


@overload(extreme_price)
def _extreme_price(zero_for_one):
    return lambda zero_for_one: load(_EXTREMES[0]) if zero_for_one else load(_EXTREMES[1])


@overload(log2_of)
def _log2_of(value):
    if isinstance(value, Wide):

        def log2(value):
            top, shift = leading(value, 53)
            return math.log2(top) + shift

        return log2
    return None


@overload(tick_of)
def _tick_of(ticks, place):
    return lambda ticks, place: ticks[place].tick


@overload(is_live)
def _is_live(ticks, place):
    return lambda ticks, place: ticks[place].live != 0


@overload(net_of)
def _net_of(ticks, place):
    return lambda ticks, place: load(ticks[place].net)


# Nets are stored modulo 2**256, so sums are taken modulo 2**256 too.
@overload(crossed_up)
def _crossed_up(liquidity, net):
    return lambda liquidity, net: ((liquidity + net) << 128) >> 128


@overload(crossed_down)
def _crossed_down(liquidity, net):
    return lambda liquidity, net: ((liquidity - net) << 128) >> 128


@register_jitable
def tick_at(sqrt_price: Any) -> int:
    """v3's getTickAtSqrtRatio: a float logarithm lands within one tick, exact comparisons decide."""
    tick = math.floor(2.0 * (log2_of(sqrt_price) - 96.0) / LOG_TICK)
    tick = max(MIN_TICK, min(tick, MAX_TICK - 1))
    while price_at(tick) > sqrt_price:
        tick -= 1
    while price_at(tick + 1) <= sqrt_price:
        tick += 1
    return tick


@register_jitable
def place_of(ticks: Any, tick: int) -> int:
    """Index of the last tick of the map that is not above `tick`, -1 where there is none."""
    low, high = 0, len(ticks)
    while low < high:
        middle = (low + high) // 2
        if tick_of(ticks, middle) <= tick:
            low = middle + 1
        else:
            high = middle
    return low - 1


@register_jitable
def next_tick(ticks: Any, place: int, tick: int, spacing: int, zero_for_one: bool) -> tuple[int, int, bool]:
    """The tick at which the next step of a swap ends, its place in the map, and whether it is initialised.

    v3's nextInitializedTickWithinOneWord: the edge of the bitmap word ends a step too, where
    nothing is initialised, and that extra rounding shows in the amounts.
    """
    compressed = tick // spacing
    if zero_for_one:
        edge = compressed // WORD * WORD * spacing
        while place >= 0 and tick_of(ticks, place) >= edge and not is_live(ticks, place):
            place -= 1
        if place >= 0 and tick_of(ticks, place) >= edge:
            return int(tick_of(ticks, place)), place, True
    else:
        edge = ((compressed + 1) // WORD * WORD + WORD - 1) * spacing
        place += 1
        while place < len(ticks) and tick_of(ticks, place) <= edge and not is_live(ticks, place):
            place += 1
        if place < len(ticks) and tick_of(ticks, place) <= edge:
            return int(tick_of(ticks, place)), place, True
        place -= 1
    return max(MIN_TICK, min(edge, MAX_TICK)), place, False


@register_jitable
def swap_across(
    sqrt_price: Any,
    tick: int,
    liquidity: Any,
    amount: Any,
    exact_in: bool,
    fee_pips: int,
    zero_for_one: bool,
    sqrt_limit: Any,
    spacing: int,
    ticks: Any,
    v4: bool,
    protocol_fee: int,
) -> tuple[Any, int, Any, Any, Any, Any, Any, int]:
    """Swap across every tick on the way: the loop of UniswapV3Pool.swap and of v4's Pool.swap.

    Args:
        sqrt_price, tick, liquidity: the state before; `tick` is the pool's own, which stands one
            lower than the price's when a swap ended exactly on a tick while falling.
        amount: units offered (fee included) for exact input, units wanted for exact output.
        fee_pips: fee on the input in millionths, in v4 the protocol's share included.
        sqrt_limit: price at which to stop, beyond `sqrt_price` in the direction of the swap.
        spacing, ticks: the pool's tick spacing and its tick map (see the module).
        v4: v4 takes the rounding of a step's input as fee, v3 does not; the totals are equal.
        protocol_fee: the protocol's share of the fee, v3: one over this many (0: none), v4: pips of the input.

    Returns:
        Sqrt price, tick and liquidity after; input with fee; output; fee; the protocol's part of
        it; how many initialised ticks were crossed.
    """
    nothing = amount - amount
    remaining, spent, gained, fees, kept = amount, nothing, nothing, nothing, nothing
    crossed = 0
    place = place_of(ticks, tick)
    while remaining > nothing and sqrt_price != sqrt_limit:
        ahead, place, initialised = next_tick(ticks, place, tick, spacing, zero_for_one)
        edge = price_at(ahead)
        beyond = edge < sqrt_limit if zero_for_one else edge > sqrt_limit
        target = sqrt_limit if beyond else edge
        before = sqrt_price
        if liquidity == nothing:
            sqrt_price, taken, out, fee = target, nothing, nothing, nothing
        elif exact_in:
            sqrt_price, taken, out, fee = swap_exact_in(
                sqrt_price, liquidity, remaining, fee_pips, zero_for_one, target
            )
            if v4 and sqrt_price != target:
                taken, fee = split_of_v4(remaining, fee_pips)
        else:
            sqrt_price, taken, out, fee = swap_exact_out(
                sqrt_price, liquidity, remaining, fee_pips, zero_for_one, target
            )
        remaining = remaining - (taken + fee if exact_in else out)
        spent, gained, fees = spent + (taken + fee), gained + out, fees + fee
        if protocol_fee > 0:
            if not v4:
                kept = kept + fee // protocol_fee
            elif protocol_fee == fee_pips:
                kept = kept + fee
            else:
                kept = kept + ((taken + fee) * protocol_fee) // PIPS
        if sqrt_price == edge:
            if initialised:
                change = net_of(ticks, place)
                liquidity = crossed_down(liquidity, change) if zero_for_one else crossed_up(liquidity, change)
                crossed += 1
                place -= 1 if zero_for_one else 0
            tick = ahead - 1 if zero_for_one else ahead
        elif sqrt_price != before:
            tick = tick_at(sqrt_price)
    return sqrt_price, tick, liquidity, spent, gained, fees, kept, crossed


@register_jitable
def stays_inside(after: Any, tick: int, spacing: int) -> bool:
    """Whether a price surely lies strictly between the two multiples of `spacing` around `tick`.

    Nothing can be initialised between them and no bitmap word ends there, so a swap that ended
    there took one step and `swap_exact_in` was all of it. The margin outweighs the error of the
    logarithm (at most 1e-7 ticks); a False only means that the loop must tell.
    """
    height = log2_of(after)
    stands = 2.0 * (height - 96.0) / LOG_TICK
    lower = float(tick // spacing * spacing)
    # Of very small prices the rounding to whole units outweighs the margin.
    return height > 64.0 and lower + _MARGIN < stands < lower + spacing - _MARGIN


def surely_inside(after: NDArray[np.float64], tick: NDArray[np.integer], spacing: int) -> NDArray[np.bool_]:
    """`stays_inside` of many prices, rounded to float64: that moves a price by 1e-12 ticks, and the margin is wider."""
    with np.errstate(divide="ignore"):
        height = np.log2(after)
    stands, lower = 2.0 * (height - 96.0) / LOG_TICK, (tick // spacing * spacing).astype(np.float64)
    return (height > 64.0) & (lower + _MARGIN < stands) & (stands < lower + spacing - _MARGIN)


_MARGIN = 1e-6
