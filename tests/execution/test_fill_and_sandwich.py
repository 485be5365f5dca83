"""What an order gets, alone and between a searcher's two trades, against the scan of all that he could do."""

from copy import deepcopy
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.execution.amm import swap_exact_in
from rook_bench.execution.fill import PPM, least_out, pool_swap, sandwiched_out
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.swap import extreme_price, swap_across
from rook_bench.execution.ticks import sqrt_price_at_tick

E18 = 10**18


def small_pool(fee_pips, protocol="v3", tick=0):
    """Two ticks near the price; so shallow that every size of a trade can be tried."""
    state = PoolState.initialized(sqrt_price_at_tick(tick) + 77, fee_pips=fee_pips, tick_spacing=60, protocol=protocol)
    state.mint(-6000, 6000, 40_000)
    state.mint(-120, 180, 60_000)
    return state


def got(result, falls):
    return -(result.amount1 if falls else result.amount0)


def attack(state, size, amount, falls):
    """What the order gets behind a first trade of `size`, and what the searcher ends with beyond what he began with."""
    pool = deepcopy(state)
    front = pool.swap(falls, size)
    order = pool.swap(falls, amount)
    if got(front, falls) == 0:
        return got(order, falls), None
    back = pool.swap(not falls, got(front, falls))
    return got(order, falls), got(back, not falls) - (front.amount0 if falls else front.amount1)


def left_to(state, amount, least, cost, falls):
    terms = (state.tick_spacing, state.map.pairs, True, state.protocol == "v4")
    given = (state.sqrt_price, state.tick, state.liquidity, amount, least, cost, state.fee_pips, falls)
    return sandwiched_out(*given, *terms)


@pytest.mark.parametrize("falls", [True, False])
@pytest.mark.parametrize("protocol", ["v3", "v4"])
@pytest.mark.parametrize("fee_pips", [0, 100, 3000])
def test_every_size_of_a_first_trade_is_tried_and_the_largest_that_is_allowed_is_what_he_does(
    fee_pips, protocol, falls
):
    attacked = 0
    for amount, slippage_ppm in ((400, 20_000), (700, 10_000), (900, 50_000), (2500, 100_000)):
        state = small_pool(fee_pips, protocol)
        alone = got(state.quote(falls, amount), falls)
        least = least_out(alone, slippage_ppm)
        scan = {}
        for size in range(1, 8000):
            scan[size] = attack(state, size, amount, falls)
            if scan[size][0] < least - 3:
                break  # from here on the order fails
        assert scan[size][0] < least
        # Rounding may let the output rise by a unit again: each size behind which one more unit fails is a largest one.
        largest = [
            scan[size] for size in scan if size + 1 in scan and scan[size][0] >= least and scan[size + 1][0] < least
        ]
        left = left_to(state, amount, least, 0, falls)
        assert left >= least
        if left < alone:
            attacked += 1
            assert any(out == left and profit > 0 for out, profit in largest)
        else:
            assert not all(profit is not None and profit > 0 and out < alone for out, profit in largest)
    assert attacked >= (2 if fee_pips < 3000 else 0)


@pytest.mark.parametrize("falls", [True, False])
def test_he_needs_one_unit_more_than_the_gas_costs(falls):
    state = PoolState.initialized(sqrt_price_at_tick(5), fee_pips=100, tick_spacing=10)
    state.mint(-5000, 5000, E18)
    amount = 10**16
    alone = got(state.quote(falls, amount), falls)
    least = least_out(alone, 5000)
    # His profit is the cost at which he stops, found by halving, and it is a profit that a first trade does make.
    low, high = 0, amount
    assert left_to(state, amount, least, low, falls) < alone == left_to(state, amount, least, high, falls)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if left_to(state, amount, least, middle, falls) < alone else (low, middle)
    left = left_to(state, amount, least, low, falls)
    size_low, size_high = 1, 10**18  # the smallest first trade that leaves the order no more than this
    while size_high - size_low > 1:
        middle = (size_low + size_high) // 2
        enough = attack(state, middle, amount, falls)[0] <= left
        size_low, size_high = (size_low, middle) if enough else (middle, size_high)
    out, profit = attack(state, size_high, amount, falls)
    assert out == left
    assert profit == pytest.approx(high, rel=1e-3)  # many sizes leave the same output
    assert left_to(state, amount, least, 10**40, falls) == alone


def test_an_order_without_a_minimum_is_not_left_with_less_than_nothing():
    state = small_pool(0)
    for falls in (True, False):
        for amount in (1, 500, E18, 2**100):
            alone = got(state.quote(falls, amount), falls)
            assert 0 <= left_to(state, amount, 0, 0, falls) <= alone


def test_an_order_that_gets_nothing_is_left_alone():
    for state in (small_pool(3000), PoolState.initialized(sqrt_price_at_tick(0), fee_pips=500, tick_spacing=10)):
        assert left_to(state, 1, 0, 0, True) == 0


@given(st.integers(0, 2**120), st.integers(0, PPM))
def test_the_minimum_is_the_quote_less_the_limit_rounded_up(quoted, slippage_ppm):
    least = least_out(quoted, slippage_ppm)
    assert (least - 1) * PPM < quoted * (PPM - slippage_ppm) <= least * PPM
    assert least <= quoted


# Any pool.


@st.composite
def pools(draw):
    spacing, protocol = draw(st.sampled_from([10, 60, 200])), draw(st.sampled_from(["v3", "v4"]))
    tick = draw(st.integers(-100_000, 100_000))
    fee_pips = draw(st.sampled_from([0, 100, 500, 3000]))
    state = PoolState.initialized(
        sqrt_price_at_tick(tick) + draw(st.integers(0, 10**6)), fee_pips=fee_pips, tick_spacing=spacing,
        protocol=protocol,
    )  # fmt: skip
    home = state.tick // spacing
    state.mint((home - 100) * spacing, (home + 100) * spacing, draw(st.integers(10**10, 10**18)))
    for _ in range(draw(st.integers(0, 3))):
        lower, width = draw(st.integers(-12, 8)), draw(st.integers(1, 12))
        state.mint((home + lower) * spacing, (home + lower + width) * spacing, draw(st.integers(1, 10**19)))
    return state


@settings(max_examples=120)
@given(pools(), st.integers(1, 10**18), st.sampled_from([0, 100, 5000, 100_000, PPM]), st.booleans())
def test_outputs_fall_from_nobody_to_typical_to_worst_and_rise_with_his_gas(state, amount, slippage_ppm, falls):
    alone = got(state.quote(falls, amount), falls)
    least = least_out(alone, slippage_ppm)
    by_cost = [left_to(state, amount, least, cost, falls) for cost in (0, 10**6, 10**12, 10**40)]
    assert all(least <= left <= alone for left in by_cost)
    assert by_cost == sorted(by_cost)
    assert by_cost[-1] == alone
    assert len(set(by_cost)) <= 2


@settings(max_examples=150)
@given(pools(), st.integers(1, 2**80), st.booleans(), st.booleans())
def test_a_fill_is_the_contracts_loop_on_a_whole_map_and_one_step_without(state, amount, falls, exact_in):
    limit, v4 = extreme_price(falls), state.protocol == "v4"
    given = (state.sqrt_price, state.tick, state.liquidity, amount, exact_in, state.fee_pips, falls, limit)
    after, tick, liquidity, taken, out, fee, crossed = pool_swap(*given, state.tick_spacing, state.map.pairs, True, v4)
    loop = swap_across(*given, state.tick_spacing, state.map.pairs, v4, 0)
    assert (after, liquidity, taken + fee, out, fee, crossed) == (loop[0], *loop[2:6], loop[7])
    assert tick // state.tick_spacing == loop[1] // state.tick_spacing
    if exact_in:
        bare = pool_swap(*given, state.tick_spacing, [], False, v4)
        step = swap_exact_in(state.sqrt_price, state.liquidity, amount, state.fee_pips, falls, limit)
        assert (bare[0], bare[2], bare[3] + bare[5], bare[4], bare[6]) == (
            step[0], state.liquidity, step[1] + step[3], step[2], 0,
        )  # fmt: skip


def test_without_the_whole_map_a_searcher_is_bound_by_the_same_rules():
    """At one liquidity everywhere, with the scan by single steps."""
    draw, attacked = Random(5), 0
    for _ in range(60):
        liquidity, fee_pips, falls = draw.randint(10**4, 10**5), draw.choice([0, 100, 500]), draw.random() < 0.5
        price, amount = sqrt_price_at_tick(draw.randint(-500, 500)), draw.randint(300, 3000)
        end, other_end = extreme_price(falls), extreme_price(not falls)
        alone = swap_exact_in(price, liquidity, amount, fee_pips, falls, end)[2]
        least = least_out(alone, 30_000)
        boundary = []
        for size in range(1, 20_000):
            after, _, gained, _ = swap_exact_in(price, liquidity, size, fee_pips, falls, end)
            then, _, out, _ = swap_exact_in(after, liquidity, amount, fee_pips, falls, end)
            back = swap_exact_in(then, liquidity, gained, fee_pips, not falls, other_end)[2] if gained else 0
            boundary.append((out, back - size if gained else 0))
            if out < least - 3:
                break
        largest = [one for one, more in zip(boundary, boundary[1:], strict=False) if one[0] >= least > more[0]]
        tick = draw.choice([0, 60])  # plays no part
        left = sandwiched_out(price, tick, liquidity, amount, least, 0, fee_pips, falls, 60, [], False, False)
        assert least <= left <= alone
        if left < alone:
            attacked += 1
            assert any(out == left and profit > 0 for out, profit in largest)
        else:
            assert not all(profit > 0 and out < alone for out, profit in largest)
    assert attacked > 20
