"""Laws of the pool that hold whatever the positions: no free money, monotone quotes, splits, conservation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.ticks import sqrt_price_at_tick

AMOUNTS = st.integers(1, 40).flatmap(lambda digits: st.integers(1, 2 ** (2 * digits)))


@st.composite
def pools(draw):
    """A pool anywhere, with one position over a wide range and some narrow ones that overlap or leave gaps."""
    spacing = draw(st.sampled_from([1, 10, 60, 200]))
    fee = draw(st.sampled_from([0, 100, 500, 3000, 10_000]))
    protocol = draw(st.sampled_from(["v3", "v4"]))
    tick = draw(st.integers(-300_000, 300_000))
    price = sqrt_price_at_tick(tick) + draw(st.integers(0, 10**6))
    state = PoolState.initialized(price, fee_pips=fee, tick_spacing=spacing, protocol=protocol)
    paid = [0, 0]
    home = state.tick // spacing
    wide = (home - 3000 // spacing - 5, home + 3000 // spacing + 5)
    positions = [(*wide, draw(st.integers(10**12, 10**20)))]
    for _ in range(draw(st.integers(0, 6))):
        lower = home + draw(st.integers(-20, 15))
        positions.append((lower, lower + draw(st.integers(1, 12)), draw(st.integers(1, 10**21))))
    ends = [(lower * spacing, upper * spacing, liquidity) for lower, upper, liquidity in positions]
    for position in ends:
        amounts = state.mint(*position)
        paid = [paid[0] + amounts[0], paid[1] + amounts[1]]
    return state, ends, paid


def moved(result, falls):
    """What a swap spent and what it got."""
    return (result.amount0, -result.amount1) if falls else (result.amount1, -result.amount0)


@settings(max_examples=150)
@given(pools(), AMOUNTS, st.booleans())
def test_a_round_trip_never_gains(pool, amount, falls):
    state, _, _ = pool
    spent, got = moved(state.swap(falls, amount), falls)
    if got:
        _, back = moved(state.swap(not falls, got), not falls)
        assert back <= spent


@settings(max_examples=150)
@given(pools(), AMOUNTS, AMOUNTS, st.booleans())
def test_more_in_never_gives_less_out(pool, one, other, falls):
    state, _, _ = pool
    small, large = sorted((one, other))
    assert moved(state.quote(falls, small), falls)[1] <= moved(state.quote(falls, large), falls)[1]


@settings(max_examples=150)
@given(pools(), AMOUNTS, AMOUNTS, st.booleans())
def test_a_split_trade_is_never_better(pool, one, other, falls):
    state, _, _ = pool
    spent, whole = moved(state.quote(falls, one + other), falls)
    if spent < one + other:
        return  # the pool ran dry: the second part has nothing to trade with
    parts = moved(state.swap(falls, one), falls)[1] + moved(state.swap(falls, other), falls)[1]
    assert parts <= whole


@settings(max_examples=150)
@given(pools(), AMOUNTS, st.booleans())
def test_exact_output_costs_no_more_than_the_input_that_gave_it(pool, amount, falls):
    state, _, _ = pool
    spent, got = moved(state.quote(falls, amount), falls)
    if got:
        cost, gained = moved(state.quote(falls, -got), falls)
        assert gained == got
        assert cost <= spent


@settings(max_examples=100)
@given(pools(), st.lists(st.tuples(AMOUNTS, st.booleans(), st.booleans()), max_size=8))
def test_the_pool_can_always_pay_everybody_out(pool, swaps):
    state, positions, balance = pool
    for amount, falls, exact_in in swaps:
        limit = state.sqrt_price * (99 if falls else 101) // 100
        result = state.swap(falls, amount if exact_in else -amount, limit)
        balance = [balance[0] + result.amount0, balance[1] + result.amount1]
        assert min(balance) >= 0
    for position in positions:
        amounts = state.burn(*position)
        balance = [balance[0] - amounts[0], balance[1] - amounts[1]]
    assert min(balance) >= 0
    assert state.ticks == {}
    assert state.liquidity == 0


@settings(max_examples=100)
@given(pools(), st.integers(-30, 30), st.integers(1, 30), st.integers(1, 10**24))
def test_a_position_gives_back_no_more_than_it_cost(pool, offset, width, liquidity):
    state, _, _ = pool
    spacing = state.tick_spacing
    lower = (state.tick // spacing + offset) * spacing
    before = dict(state.ticks)
    paid = state.mint(lower, lower + width * spacing, liquidity)
    returned = state.burn(lower, lower + width * spacing, liquidity)
    assert all(0 <= cost - back <= 1 for cost, back in zip(paid, returned, strict=True))
    assert state.ticks == before


@pytest.mark.parametrize("falls", [True, False])
def test_without_a_fee_a_round_trip_loses_units_only(falls):
    state = PoolState.initialized(sqrt_price_at_tick(0), fee_pips=0, tick_spacing=60)
    state.mint(-6000, 6000, 10**18)
    spent, got = moved(state.swap(falls, 10**16), falls)
    _, back = moved(state.swap(not falls, got), not falls)
    assert 0 <= spent - back <= 5
