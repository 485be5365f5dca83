"""Swaps across ticks against the contract's loop written out, and step by step."""

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rook_bench.core.exact import ExactInts
from rook_bench.execution import amm
from rook_bench.execution.amm import MAX_SQRT_PRICE, MIN_SQRT_PRICE, PIPS
from rook_bench.execution.compiled import compiled
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.swap import extreme_price, next_tick, place_of, stays_inside, swap_across, tick_at
from rook_bench.execution.ticks import MAX_TICK, MIN_TICK, sqrt_price_at_tick, tick_at_sqrt_price
from rook_bench.execution.wide import load

E18 = 10**18
ENDLESS = 1 << 120


# UniswapV3Pool.swap and v4's Pool.swap with SwapMath, SqrtPriceMath and TickBitmap, in the contracts' own order and
# in their own 256 bits, sharing nothing with the code under test but the price at a tick.


def up(numerator, divisor):
    return -(-numerator // divisor)


def amount0(low, high, liquidity, rounds_up):
    divide = up if rounds_up else int.__floordiv__
    return divide(divide((liquidity << 96) * (high - low), high), low)


def amount1(low, high, liquidity, rounds_up):
    product = liquidity * (high - low)
    return up(product, 1 << 96) if rounds_up else product >> 96


def price_from_input(price, liquidity, amount, falls):
    if not falls:
        return price + (amount << 96) // liquidity
    numerator, product = liquidity << 96, amount * price
    if product < 1 << 256 and numerator + product < 1 << 256:
        return up(numerator * price, numerator + product)
    return up(numerator, numerator // price + amount)


def price_from_output(price, liquidity, amount, falls):
    if falls:
        return price - up(amount << 96, liquidity)
    return up((liquidity << 96) * price, (liquidity << 96) - amount * price)


def step(price, target, liquidity, remaining, fee_pips, v4):
    """computeSwapStep: `remaining` is positive for exact input, negative for exact output."""
    falls = price >= target
    paid, got = (amount0, amount1) if falls else (amount1, amount0)
    low, high = sorted((price, target))
    exact_in = remaining >= 0
    if exact_in:
        net = remaining * (PIPS - fee_pips) // PIPS
        reached = net >= paid(low, high, liquidity, True)
        after = target if reached else price_from_input(price, liquidity, net, falls)
    else:
        reached = -remaining >= got(low, high, liquidity, False)
        after = target if reached else price_from_output(price, liquidity, -remaining, falls)
    low, high = sorted((price, after))
    taken, out = paid(low, high, liquidity, True), got(low, high, liquidity, False)
    if exact_in and v4 and not reached:
        taken = net
    if not exact_in:
        out = min(out, -remaining)
    fee = remaining - taken if exact_in and after != target else up(taken * fee_pips, PIPS - fee_pips)
    return after, taken, out, fee


def next_in_word(live, tick, spacing, falls):
    """nextInitializedTickWithinOneWord, bit by bit."""
    compressed = tick // spacing
    if falls:
        while compressed * spacing not in live and compressed % 256 != 0:
            compressed -= 1
    else:
        compressed += 1
        while compressed * spacing not in live and compressed % 256 != 255:
            compressed += 1
    found = compressed * spacing
    return max(MIN_TICK, min(found, MAX_TICK)), found in live


def contract_swap(state, falls, amount, limit, protocol_fee=0):
    """What the pool's swap does with a positive (exact input) or negative amount, and how many steps it takes."""
    v4, fee_pips, nets = state.protocol == "v4", state.fee_pips, dict(state.map.pairs)
    price, tick, liquidity, remaining = state.sqrt_price, state.tick, state.liquidity, amount
    spent = gained = fees = kept = crossed = steps = 0
    while remaining != 0 and price != limit:
        ahead, initialised = next_in_word(nets, tick, state.tick_spacing, falls)
        edge, before = sqrt_price_at_tick(ahead), price
        target = max(edge, limit) if falls else min(edge, limit)
        price, taken, out, fee = step(price, target, liquidity, remaining, fee_pips, v4)
        remaining += -(taken + fee) if amount > 0 else out
        spent, gained, fees, steps = spent + taken + fee, gained + out, fees + fee, steps + 1
        if protocol_fee and v4:
            kept += fee if protocol_fee == fee_pips else (taken + fee) * protocol_fee // PIPS
        elif protocol_fee:
            kept += fee // protocol_fee
        if price == edge:
            if initialised:
                liquidity += -nets[ahead] if falls else nets[ahead]
                crossed += 1
            tick = ahead - 1 if falls else ahead
        elif price != before:
            tick = tick_at_sqrt_price(price)
    return (price, tick, liquidity, spent, gained, fees, kept, crossed), steps


def across(state, falls, amount, limit=None, protocol_fee=0):
    limit = extreme_price(falls) if limit is None else limit
    terms = (limit, state.tick_spacing, state.map.pairs, state.protocol == "v4", protocol_fee)
    given = (state.sqrt_price, state.tick, state.liquidity, abs(amount), amount > 0, state.fee_pips, falls)
    return swap_across(*given, *terms)


def some_pool(draw):
    """A pool anywhere, the ends of all prices included, with overlapping positions, gaps and dust."""
    spacing, protocol = draw.choice([1, 10, 60, 200]), draw.choice(["v3", "v4"])
    far = 880_000 if protocol == "v3" else 400_000  # further out amounts don't fit v4's int128
    tick = draw.choice([draw.randint(-2000, 2000), draw.randint(-far, far)])
    price = sqrt_price_at_tick(tick) + draw.choice([0, 0, -1, draw.randint(0, 10**9)])
    fee = draw.choice([0, 100, 500, 3000, 10_000, 500_000])
    state = PoolState.initialized(price, fee_pips=fee, tick_spacing=spacing, protocol=protocol)
    for _ in range(draw.randint(0, 10)):
        lower = (tick // spacing + draw.randint(-600, 300)) * spacing
        upper = lower + draw.randint(1, 400) * spacing
        if lower > -887_200 and upper < 887_200:
            state.mint(lower, upper, draw.randint(1, 10 ** draw.randint(1, 22)))
    return state


def test_thousands_of_swaps_are_what_the_contracts_loop_gives():
    """Each pool lives on, so later swaps begin where earlier ones ended: on ticks, one below them, in gaps."""
    draw = Random(11)
    seen = dict.fromkeys(("crossing", "several", "limited", "dry", "on a tick", "many steps"), 0)
    for _ in range(400):
        state = some_pool(draw)
        for _ in range(8):
            falls, amount = draw.random() < 0.5, draw.randint(1, 10 ** draw.randint(1, 26))
            limit = extreme_price(falls)
            if state.tick_spacing < 60:  # to the end of all prices are thousands of steps
                limit = state.sqrt_price // 2 if falls else state.sqrt_price * 2
            kind = draw.random()
            if kind < 0.3:
                share = draw.randint(9000, 9999)
                limit = state.sqrt_price * share // 10_000 if falls else state.sqrt_price * 10_000 // share
            elif kind < 0.6 and state.map.pairs:
                limit = sqrt_price_at_tick(draw.choice(state.map.pairs)[0])
            beyond = limit < state.sqrt_price if falls else limit > state.sqrt_price
            if not beyond or not MIN_SQRT_PRICE < limit < MAX_SQRT_PRICE:
                continue
            signed = amount if draw.random() < 0.6 else -amount
            shares = (0, 1, 500, 1000) if state.protocol == "v4" else (0, 4, 7, 10)
            protocol_fee = min(draw.choice(shares), state.fee_pips)
            expected, steps = contract_swap(state, falls, signed, limit, protocol_fee)
            assert across(state, falls, signed, limit, protocol_fee) == expected
            price, tick, liquidity, spent, gained, _, _, crossed = expected
            state.sqrt_price, state.tick, state.liquidity = price, tick, liquidity
            assert liquidity == state.map.active(tick)
            seen["crossing"] += crossed > 0
            seen["several"] += crossed > 2
            seen["limited"] += price == limit
            seen["dry"] += liquidity == 0
            seen["on a tick"] += tick != tick_at_sqrt_price(price)
            seen["many steps"] += steps > crossed + 1
    assert min(seen.values()) > 80, seen


# Step by step, on one pool: 1 from -600 to 600, 2 more from -120 to 60.


@pytest.fixture
def two_positions():
    state = PoolState.initialized(sqrt_price_at_tick(0), fee_pips=3000, tick_spacing=60)
    state.mint(-600, 600, E18)
    state.mint(-120, 60, 2 * E18)
    return state


def fee_of(taken, pips=3000):
    return up(taken * pips, PIPS - pips)


@pytest.mark.parametrize("exact_in", [True, False])
def test_a_swap_across_two_ticks_is_its_steps_added_up(two_positions, exact_in):
    """Down from 0 through -120 and -600, where all liquidity ends: the input of each step and its own fee."""
    marks = [sqrt_price_at_tick(tick) for tick in (0, -120, -600)]
    inner = [amm.amount0_between_up(marks[1], marks[0], 3 * E18), amm.amount1_between(marks[1], marks[0], 3 * E18)]
    outer = [amm.amount0_between_up(marks[2], marks[1], E18), amm.amount1_between(marks[2], marks[1], E18)]
    limit = sqrt_price_at_tick(-700)
    swap = across(two_positions, True, ENDLESS if exact_in else -ENDLESS, limit)
    fees = fee_of(inner[0]) + fee_of(outer[0])
    assert swap == (limit, -700, 0, inner[0] + outer[0] + fees, inner[1] + outer[1], fees, 0, 2)


def test_exactly_enough_for_a_tick_ends_on_it_and_one_unit_less_does_not(two_positions):
    edge = sqrt_price_at_tick(-120)
    taken = amm.amount0_between_up(edge, two_positions.sqrt_price, 3 * E18)
    enough = taken + fee_of(taken)
    price, tick, liquidity, spent, _, _, _, crossed = across(two_positions, True, enough)
    assert (price, tick, liquidity, spent, crossed) == (edge, -121, E18, enough, 1)
    price, tick, liquidity, _, _, _, _, crossed = across(two_positions, True, enough - 1)
    assert price > edge
    assert (tick, liquidity, crossed) == (-120, 3 * E18, 0)


def test_a_rising_swap_that_ends_on_a_tick_stands_on_it(two_positions):
    edge = sqrt_price_at_tick(60)
    price, tick, liquidity, _, _, _, _, crossed = across(two_positions, False, ENDLESS, edge)
    assert (price, tick, liquidity, crossed) == (edge, 60, E18, 1)


def test_back_from_a_tick_where_a_fall_ended_crosses_it_again_without_a_token_moved(two_positions):
    two_positions.swap(True, ENDLESS, sqrt_price_at_tick(-120))
    assert (two_positions.tick, two_positions.liquidity) == (-121, E18)
    up_again = two_positions.swap(False, 1)  # one unit is all fee, and yet the tick is crossed
    assert (up_again.tick, up_again.liquidity, up_again.crossed) == (-120, 3 * E18, 1)
    assert (up_again.sqrt_price, up_again.amount0, up_again.amount1) == (sqrt_price_at_tick(-120), 0, 1)


def test_an_edge_of_a_bitmap_word_rounds_once_more():
    """From 100 down to -100 nothing is initialised, but the word ends at 0: two steps, each rounded up."""
    state = PoolState.initialized(sqrt_price_at_tick(100), fee_pips=500, tick_spacing=1)
    state.mint(-1000, 1000, 10**6 + 7)
    high, zero, low = (sqrt_price_at_tick(tick) for tick in (100, 0, -100))
    parts = [amm.amount0_between_up(*ends, state.liquidity) for ends in ((zero, high), (low, zero))]
    _, _, _, spent, _, fees, _, crossed = across(state, True, ENDLESS, low)
    assert fees == sum(fee_of(part, 500) for part in parts)
    assert spent == sum(parts) + fees
    assert sum(parts) == amm.amount0_between_up(low, high, state.liquidity) + 1
    assert crossed == 0


def test_exact_output_stops_with_the_last_unit_and_before_the_next_tick(two_positions):
    edge = sqrt_price_at_tick(60)
    available = amm.amount0_between(two_positions.sqrt_price, edge, 3 * E18)
    price, tick, liquidity, _, gained, _, _, crossed = across(two_positions, False, -(available - 1))
    assert price < edge
    assert (tick, liquidity, gained, crossed) == (59, 3 * E18, available - 1, 0)
    price, tick, liquidity, _, gained, _, _, crossed = across(two_positions, False, -available)
    assert (price, tick, liquidity, gained, crossed) == (edge, 60, E18, available, 1)


def test_a_pool_without_liquidity_moves_to_the_limit_for_nothing():
    state = PoolState.initialized(sqrt_price_at_tick(30), fee_pips=3000, tick_spacing=60)
    for falls, end in ((True, MIN_TICK), (False, MAX_TICK - 1)):
        limit = extreme_price(falls)
        assert across(state, falls, E18) == (limit, end, 0, 0, 0, 0, 0, 0)


def test_the_protocols_share_is_taken_step_by_step(two_positions):
    """v3 divides the fee of each step, so two steps may lose two units of what one division would give."""
    limit = sqrt_price_at_tick(-300)
    inner = amm.amount0_between_up(sqrt_price_at_tick(-120), two_positions.sqrt_price, 3 * E18)
    outer = amm.amount0_between_up(limit, sqrt_price_at_tick(-120), E18)
    *_, fees, kept, _ = across(two_positions, True, ENDLESS, limit, protocol_fee=7)
    assert fees == fee_of(inner) + fee_of(outer)
    assert kept == fee_of(inner) // 7 + fee_of(outer) // 7
    two_positions.protocol = "v4"
    *_, kept, _ = across(two_positions, True, ENDLESS, limit, protocol_fee=900)
    assert kept == sum((taken + fee_of(taken)) * 900 // PIPS for taken in (inner, outer))
    *_, fees, kept, _ = across(two_positions, True, ENDLESS, limit, protocol_fee=3000)
    assert kept == fees  # where all of the fee is the protocol's


# The bound by which one step is known to be all of a swap.


@compiled
def compiled_stays_inside(limbs, tick, spacing):
    return stays_inside(load(limbs), tick, spacing)


@compiled
def compiled_tick_at(limbs):
    return tick_at(load(limbs))


spacings = st.sampled_from([1, 2, 10, 60, 200, 16_383])
near = st.one_of(st.integers(-3, 3), st.integers(-(2**40), 2**40), st.integers(-(2**120), 2**120))


@given(st.integers(MIN_TICK, MAX_TICK - 1), spacings, st.booleans(), near)
@example(0, 1, True, 1)
@example(-1, 60, False, 0)
@example(MIN_TICK, 200, False, 0)
@example(MAX_TICK - 1, 200, True, 0)
def test_no_price_on_or_beyond_a_multiple_of_the_spacing_is_said_to_stay_inside(tick, spacing, above, offset):
    """In Python and in compiled code, with every price right at an edge that a swap can end at."""
    lower = tick // spacing * spacing
    edges = [sqrt_price_at_tick(max(MIN_TICK, min(end, MAX_TICK))) for end in (lower, lower + spacing)]
    price = max(MIN_SQRT_PRICE + 1, min(edges[above] + offset, MAX_SQRT_PRICE - 1))
    limbs = ExactInts.of([price]).limbs[0]
    for said in (stays_inside(price, tick, spacing), compiled_stays_inside(limbs, tick, spacing)):
        assert not said or edges[0] < price < edges[1]
    assert tick_at(price) == compiled_tick_at(limbs) == tick_at_sqrt_price(price)


@given(st.integers(MIN_TICK + 1, MAX_TICK - 2), spacings)
def test_the_middle_of_a_range_is_said_to_be_inside(tick, spacing):
    lower = tick // spacing * spacing
    if lower >= MIN_TICK and lower + spacing <= MAX_TICK:
        middle = (sqrt_price_at_tick(lower) + sqrt_price_at_tick(lower + spacing)) // 2
        assert stays_inside(middle, tick, spacing)
        assert compiled_stays_inside(ExactInts.of([middle]).limbs[0], tick, spacing)


@given(st.lists(st.integers(-1500, 1500), max_size=8, unique=True), st.integers(-2000, 2000), st.booleans(), spacings)
def test_steps_end_where_the_bitmap_read_bit_by_bit_says(places, tick, falls, spacing):
    if spacing > 200:
        places = [place % 50 - 25 for place in places]
    live = sorted({place * spacing for place in places})
    start = max(MIN_TICK, min(tick * spacing // 2, MAX_TICK - 1))
    pairs = [(at, 1) for at in live]
    ahead, place, initialised = next_tick(pairs, place_of(pairs, start), start, spacing, falls)
    assert (ahead, initialised) == next_in_word(live, start, spacing, falls)
    if initialised:
        assert pairs[place][0] == ahead
