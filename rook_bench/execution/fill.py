"""What an order gets from the pool, alone or with a searcher around it; one source for Python and compiled code."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from rook_bench.execution.amm import split_of_v4, swap_exact_in
from rook_bench.execution.swap import extreme_price, stays_inside, swap_across

PPM = 1_000_000

_DOUBLINGS = 80
"""A first trade of 2**80 orders is beyond any pool."""


@register_jitable
def pool_swap(
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
    whole_map: bool,
    v4: bool,
) -> tuple[Any, int, Any, Any, Any, Any, int]:
    """Swap from a state: by one step where that is all of it, else by the contract's loop.

    Args:
        whole_map: whether `ticks` are all the initialised ticks. If not, the liquidity (greater than
            zero then) is assumed to go on unchanged beyond the range that is known.
        other arguments: see `swap.swap_across`.

    Returns:
        Sqrt price, a tick of the range that the pool then stands in, liquidity, input without fee,
        output, fee, and how many initialised ticks were crossed.
    """
    if exact_in and liquidity > amount - amount:
        after, taken, out, fee = swap_exact_in(sqrt_price, liquidity, amount, fee_pips, zero_for_one, sqrt_limit)
        if not whole_map or (after != sqrt_limit and stays_inside(after, tick, spacing)):
            if v4 and after != sqrt_limit:
                taken, fee = split_of_v4(amount, fee_pips)
            return after, tick, liquidity, taken, out, fee, 0
    after, tick, liquidity, spent, out, fee, _, crossed = swap_across(
        sqrt_price, tick, liquidity, amount, exact_in, fee_pips, zero_for_one, sqrt_limit, spacing, ticks, v4, 0
    )
    return after, tick, liquidity, spent - fee, out, fee, crossed


@register_jitable
def least_out(quoted: Any, slippage_ppm: int) -> Any:
    """The minimum output that a router is told: the quote less the slippage limit, rounded up."""
    return (quoted * (PPM - slippage_ppm) + (PPM - 1)) // PPM


@register_jitable
def _out_behind(
    size: Any,
    sqrt_price: Any,
    tick: int,
    liquidity: Any,
    amount: Any,
    fee_pips: int,
    zero_for_one: bool,
    spacing: int,
    ticks: Any,
    whole_map: bool,
    v4: bool,
) -> tuple[Any, Any, int, Any, Any, Any]:
    """Output of an order behind a first trade of `size`; the state then, and what the first trade spent and got."""
    nothing = amount - amount
    spent, gained, out = nothing, nothing, nothing
    limit = extreme_price(zero_for_one)
    if size > nothing:
        sqrt_price, tick, liquidity, taken, gained, fee, _ = pool_swap(
            sqrt_price, tick, liquidity, size, True, fee_pips, zero_for_one, limit, spacing, ticks, whole_map, v4
        )
        spent = taken + fee
    if sqrt_price != limit:
        sqrt_price, tick, liquidity, _, out, _, _ = pool_swap(
            sqrt_price, tick, liquidity, amount, True, fee_pips, zero_for_one, limit, spacing, ticks, whole_map, v4
        )
    return out, sqrt_price, tick, liquidity, spent, gained


@register_jitable
def sandwiched_out(
    sqrt_price: Any,
    tick: int,
    liquidity: Any,
    amount: Any,
    least: Any,
    cost: Any,
    fee_pips: int,
    zero_for_one: bool,
    spacing: int,
    ticks: Any,
    whole_map: bool,
    v4: bool,
) -> Any:
    """Output left to an order when a searcher sandwiches it, if that pays; else its output alone.

    The searcher trades first, as much as leaves the order its minimum, lets the order push the
    price further, and trades back what he got. He does so only if he ends with more than he began
    with and the gas of both transactions. His swaps pay the pool's fee and move its price as
    everyone's.

    Args:
        amount: input of the order; least: the minimum output it accepts.
        cost: gas of the searcher's two transactions, in units of the order's input token.
        other arguments: see `pool_swap`.
    """
    nothing = amount - amount
    alone, _, _, _, _, _ = _out_behind(
        nothing, sqrt_price, tick, liquidity, amount, fee_pips, zero_for_one, spacing, ticks, whole_map, v4
    )
    low, high = nothing, amount
    searching, doublings = alone > least, 0
    if least == nothing and searching:  # the minimum can't fail, and doubling would only come to this
        low, searching = amount << (_DOUBLINGS - 1), False
    while searching:
        # First double until the order fails, then halve the gap to a millionth.
        size = high if doublings >= 0 else (low + high) >> 1
        out, _, _, _, _, _ = _out_behind(
            size, sqrt_price, tick, liquidity, amount, fee_pips, zero_for_one, spacing, ticks, whole_map, v4
        )
        if out >= least:
            low = size
            if doublings >= 0:
                high, doublings = high << 1, doublings + 1
        else:
            high, doublings = size, -1
        searching = doublings < _DOUBLINGS and (doublings >= 0 or high - low > (low >> 20) + 1)
    if low == nothing:
        return alone
    out, sqrt_price, tick, liquidity, spent, gained = _out_behind(
        low, sqrt_price, tick, liquidity, amount, fee_pips, zero_for_one, spacing, ticks, whole_map, v4
    )
    if gained == nothing:
        return alone
    back = not zero_for_one
    _, _, _, _, proceeds, _, _ = pool_swap(
        sqrt_price, tick, liquidity, gained, True, fee_pips, back, extreme_price(back), spacing, ticks, whole_map, v4
    )
    return out if proceeds > spent + cost else alone
