"""Uniswap v3 and v4 swap maths inside one liquidity range, in exact integers.

`swap.py` puts these steps together into a swap across ticks.

Every function works on Python integers and, called from compiled code, on `wide` integers: one
source (`register_jitable`), so there is no second implementation to keep equal. Rounding follows
v3-core's SqrtPriceMath and SwapMath (always in the pool's favour). Prices are sqrtPriceX96:
sqrt(token1 / token0) * 2**96.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

PIPS = 1_000_000
"""The fee's denominator: fee_pips 500 is 0.05%."""


@register_jitable
def divide_up(numerator: Any, divisor: Any) -> Any:
    """Division rounded up."""
    quotient = numerator // divisor
    if quotient * divisor < numerator:
        quotient = quotient + 1
    return quotient


@register_jitable
def amount0_between(lower: Any, upper: Any, liquidity: Any) -> Any:
    """Token0 that `liquidity` holds between two sqrt prices, lower <= upper, rounded down."""
    return ((liquidity << 96) * (upper - lower)) // upper // lower


@register_jitable
def amount0_between_up(lower: Any, upper: Any, liquidity: Any) -> Any:
    """The same, rounded up."""
    return divide_up(divide_up((liquidity << 96) * (upper - lower), upper), lower)


@register_jitable
def amount1_between(lower: Any, upper: Any, liquidity: Any) -> Any:
    """Token1 that `liquidity` holds between two sqrt prices, lower <= upper, rounded down."""
    return (liquidity * (upper - lower)) >> 96


@register_jitable
def amount1_between_up(lower: Any, upper: Any, liquidity: Any) -> Any:
    """The same, rounded up."""
    product = liquidity * (upper - lower)
    rounded = product >> 96
    if (rounded << 96) < product:
        rounded = rounded + 1
    return rounded


@register_jitable
def price_after_token0(sqrt_price: Any, liquidity: Any, amount: Any) -> Any:
    """Sqrt price after `amount` of token0 entered (the price falls), rounded up."""
    scaled = liquidity << 96
    product = amount * sqrt_price
    # v3 computes this branch only where it doesn't overflow 256 bits, else the less exact one.
    if product >> 256 == 0 and (scaled + product) >> 256 == 0:
        return divide_up(scaled * sqrt_price, scaled + product)
    return divide_up(scaled, scaled // sqrt_price + amount)


@register_jitable
def price_after_token1(sqrt_price: Any, liquidity: Any, amount: Any) -> Any:
    """Sqrt price after `amount` of token1 entered (the price rises), rounded down."""
    return sqrt_price + (amount << 96) // liquidity


@register_jitable
def price_after_token0_left(sqrt_price: Any, liquidity: Any, amount: Any) -> Any:
    """Sqrt price after `amount` of token0 left (the price rises), rounded up.

    `amount` must be less than the liquidity holds at any higher price, liquidity * 2**96 / sqrt_price.
    """
    scaled = liquidity << 96
    return divide_up(scaled * sqrt_price, scaled - amount * sqrt_price)


@register_jitable
def price_after_token1_left(sqrt_price: Any, liquidity: Any, amount: Any) -> Any:
    """Sqrt price after `amount` of token1 left (the price falls), rounded down."""
    return sqrt_price - divide_up(amount << 96, liquidity)


@register_jitable
def fee_on(taken: Any, fee_pips: Any) -> Any:
    """Fee on top of an input that is already without it, rounded up; all of it where the fee is 100% (v4)."""
    return divide_up(taken * fee_pips, PIPS - fee_pips) if fee_pips < PIPS else taken


@register_jitable
def split_of_v4(amount: Any, fee_pips: Any) -> tuple[Any, Any]:
    """Input without fee and fee of a v4 step that took all of `amount`.

    v4 takes what rounding leaves of the input as fee, v3 counts it as input; the sums are equal.
    """
    taken = (amount * (PIPS - fee_pips)) // PIPS
    return taken, amount - taken


@register_jitable
def swap_exact_in(
    sqrt_price: Any, liquidity: Any, amount: Any, fee_pips: Any, zero_for_one: bool, sqrt_limit: Any
) -> tuple[Any, Any, Any, Any]:
    """Swap `amount` in at constant `liquidity`, stopping at `sqrt_limit`.

    Args:
        sqrt_price: sqrtPriceX96 before the swap.
        liquidity: active liquidity, greater than zero.
        amount: units of the input token offered, fee included.
        fee_pips: fee on the input, in millionths.
        zero_for_one: True when token0 is sold (the price falls).
        sqrt_limit: price at which to stop, beyond `sqrt_price` in the direction of the swap.

    Returns:
        sqrt price after, input taken without fee, output, fee: all in smallest units.
        Input taken plus fee is less than `amount` exactly when the limit was reached.
        This is computeSwapStep of v3-core's SwapMath for exact input.
    """
    after_fee = (amount * (PIPS - fee_pips)) // PIPS
    if zero_for_one:
        after = price_after_token0(sqrt_price, liquidity, after_fee)
        # Rounding up and down make "past the limit" the same as v3's "enough to reach it", except
        # where v3 falls back to its less exact formula (see price_after_token0).
        reached = after <= sqrt_limit
        if (after_fee * sqrt_price + (liquidity << 96)) >> 256 != 0:
            reached = after_fee >= amount0_between_up(sqrt_limit, sqrt_price, liquidity)
        if reached:
            after = sqrt_limit
        taken = amount0_between_up(after, sqrt_price, liquidity)
        out = amount1_between(after, sqrt_price, liquidity)
    else:
        after = price_after_token1(sqrt_price, liquidity, after_fee)
        reached = after >= sqrt_limit
        if reached:
            after = sqrt_limit
        taken = amount1_between_up(sqrt_price, after, liquidity)
        out = amount0_between(sqrt_price, after, liquidity)
    fee = fee_on(taken, fee_pips) if reached else amount - taken
    return after, taken, out, fee


@register_jitable
def swap_exact_out(
    sqrt_price: Any, liquidity: Any, amount: Any, fee_pips: Any, zero_for_one: bool, sqrt_limit: Any
) -> tuple[Any, Any, Any, Any]:
    """Swap until `amount` came out at constant `liquidity`, stopping at `sqrt_limit`.

    Arguments and returns are those of `swap_exact_in`, but for `amount`: units of the output
    token. The output is less than `amount` exactly when the limit was reached before.
    This is computeSwapStep of v3-core's SwapMath for exact output.
    """
    if zero_for_one:
        available = amount1_between(sqrt_limit, sqrt_price, liquidity)
        reached = amount >= available
        after = sqrt_limit if reached else price_after_token1_left(sqrt_price, liquidity, amount)
        taken = amount0_between_up(after, sqrt_price, liquidity)
    else:
        available = amount0_between(sqrt_price, sqrt_limit, liquidity)
        reached = amount >= available
        after = sqrt_limit if reached else price_after_token0_left(sqrt_price, liquidity, amount)
        taken = amount1_between_up(sqrt_price, after, liquidity)
    # Short of the limit, rounding moves the price far enough for the whole output; v3 caps it there.
    out = available if reached else amount
    return after, taken, out, fee_on(taken, fee_pips)


@register_jitable
def quote_exact_in(sqrt_price: Any, liquidity: Any, amount: Any, fee_pips: Any, zero_for_one: bool) -> Any:
    """Output of `swap_exact_in` without a limit: what a router would quote for `amount`."""
    after_fee = (amount * (PIPS - fee_pips)) // PIPS
    if zero_for_one:
        return amount1_between(price_after_token0(sqrt_price, liquidity, after_fee), sqrt_price, liquidity)
    return amount0_between(sqrt_price, price_after_token1(sqrt_price, liquidity, after_fee), liquidity)
