"""One pool in exact integers: what its events do, and what it refuses."""

import pytest

from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.swap import next_tick, place_of
from rook_bench.execution.tick_map import PoolError, TickMap
from rook_bench.execution.ticks import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, sqrt_price_at_tick

E18 = 10**18


def pool(tick=0, *, fee=3000, spacing=60, protocol="v3", positions=((-600, 600, E18),)):
    state = PoolState.initialized(sqrt_price_at_tick(tick), fee_pips=fee, tick_spacing=spacing, protocol=protocol)
    for position in positions:
        state.mint(*position)
    return state


def test_gross_counts_every_end_and_net_may_cancel():
    ticks = TickMap()
    ticks.change(-60, 0, 5)
    ticks.change(0, 60, 5)
    assert ticks.by_tick == {-60: (5, 5), 0: (10, 0), 60: (5, -5)}
    assert [ticks.active(tick) for tick in (-61, -60, -1, 0, 59, 60)] == [0, 5, 5, 5, 5, 0]
    ticks.change(-60, 0, -5)
    assert ticks.pairs == [(0, 5), (60, -5)]


def test_a_quote_leaves_the_pool_as_it_is():
    state = pool()
    before = (state.sqrt_price, state.tick, state.liquidity, dict(state.ticks))
    quote = state.quote(True, 10**16)
    assert (state.sqrt_price, state.tick, state.liquidity, dict(state.ticks)) == before
    assert state.swap(True, 10**16) == quote
    assert state.sqrt_price == quote.sqrt_price


def test_an_initialised_tick_with_net_zero_ends_a_step_and_counts_as_crossed():
    state = pool(positions=((-600, 0, E18), (0, 600, E18)), tick=30)
    result = state.swap(True, 10**16)
    assert result.crossed == 1
    assert result.liquidity == E18


def test_a_falling_swap_that_ends_on_a_tick_stands_one_below_it():
    state = pool(positions=((-600, 600, E18), (-60, 0, E18)), tick=30)
    result = state.swap(True, 10**30, sqrt_price_at_tick(-60))
    assert (result.sqrt_price, result.tick) == (sqrt_price_at_tick(-60), -61)
    assert result.liquidity == E18
    up = state.swap(False, 10**30, sqrt_price_at_tick(-60) + 1)  # enters the position again
    assert (up.tick, up.liquidity) == (-60, 2 * E18)


def test_a_gap_without_liquidity_is_walked_through_for_nothing():
    state = pool(positions=((60, 600, E18), (-600, -60, E18)), tick=300)
    result = state.swap(True, 10**17)
    assert result.sqrt_price < sqrt_price_at_tick(-60)
    gap = state.swap(False, 10**30, sqrt_price_at_tick(0))
    inside = state.swap(False, 10**30, sqrt_price_at_tick(30))
    assert (inside.amount0, inside.amount1, inside.liquidity) == (0, 0, 0)
    assert gap.liquidity == 0


def test_exact_output_asks_for_what_exact_input_gives():
    for falls in (True, False):
        given = pool().quote(falls, 10**16)
        out = -(given.amount1 if falls else given.amount0)
        wanted = pool().quote(falls, -out)
        assert -(wanted.amount1 if falls else wanted.amount0) == out
        assert (wanted.amount0 if falls else wanted.amount1) <= 10**16


def test_v4_takes_rounding_as_fee_and_the_sums_are_equal():
    v3, v4 = (pool(protocol=protocol).swap(True, 12_345_678_901) for protocol in ("v3", "v4"))
    assert (v3.amount0, v3.amount1, v3.sqrt_price) == (v4.amount0, v4.amount1, v4.sqrt_price)
    assert v4.fee == 12_345_678_901 - 12_345_678_901 * 997_000 // 1_000_000


def test_protocol_fees_of_both_versions():
    v3 = pool()
    v3.set_protocol_fee(4, 0)
    result = v3.swap(True, 10**15)
    assert v3.protocol_fees == (result.fee // 4, 0)
    assert v3.swap(False, 10**15).protocol_fee == 0
    v4 = pool(protocol="v4")
    v4.set_protocol_fee(0, 1000)
    result = v4.swap(False, 10**15)
    assert v4.protocol_fees == (0, 10**15 * 1000 // 1_000_000)
    assert result.fee == 10**15 - 10**15 * (1_000_000 - 3997) // 1_000_000  # 1000 + 3000 - 3


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda state: state.mint(0, 0, 1), "not in order"),
        (lambda state: state.mint(-60, 61, 1), "not multiples"),
        (lambda state: state.mint(-887280, 0, 1), "beyond all prices"),
        (lambda state: state.mint(-60, 60, 0), "needs liquidity"),
        (lambda state: state.mint(-60, 60, state.max_liquidity_per_tick + 1), "can't hold"),
        (lambda state: state.burn(-600, 600, E18 + 1), "more liquidity leaves"),
        (lambda state: state.burn(-60, 60, 1), "more liquidity leaves"),
        (lambda state: state.swap(True, 0), "nothing to swap"),
        (lambda state: state.swap(True, 1, state.sqrt_price), "wrong side"),
        (lambda state: state.swap(False, 1, state.sqrt_price - 1), "wrong side"),
        (lambda state: state.swap(True, 1, MIN_SQRT_PRICE), "wrong side"),
        (lambda state: state.swap(False, 1, MAX_SQRT_PRICE), "wrong side"),
        (lambda state: state.set_protocol_fee(3, 0), "not allowed"),
    ],
)
def test_what_the_contract_refuses_is_refused_and_changes_nothing(call, problem):
    state = pool()
    before = (state.sqrt_price, state.tick, state.liquidity, dict(state.ticks), list(state.map.pairs))
    with pytest.raises(PoolError, match=problem):
        call(state)
    assert (state.sqrt_price, state.tick, state.liquidity, dict(state.ticks), list(state.map.pairs)) == before


def test_v4_amounts_fit_128_bits_and_a_mint_of_nothing_collects():
    state = pool(protocol="v4")
    assert state.mint(-60, 60, 0) == (0, 0)
    deep = pool(protocol="v4", positions=((-887220, 887220, 2**100),))
    with pytest.raises(PoolError, match="int128"):
        deep.swap(False, 2**200)


@pytest.mark.parametrize(
    ("tick", "falls", "expected"),
    [
        (0, True, (0, True)),
        (-1, True, (-120, True)),
        (59, True, (0, True)),
        (0, False, (120, True)),
        (-1, False, (0, True)),
        (-121, True, (-256 * 60, False)),
        (120, False, (255 * 60, False)),
        (255 * 60, False, (511 * 60, False)),
        (-256 * 60, True, (-256 * 60, False)),
        (-256 * 60 - 1, True, (-512 * 60, False)),
        (-256 * 60 - 1, False, (-120, True)),
        (-256 * 60 - 61, False, (-256 * 60 - 60, False)),
        (887220, False, (MAX_TICK, False)),
        (-887220, True, (MIN_TICK, False)),
    ],
)
def test_steps_end_at_initialised_ticks_and_at_the_edges_of_bitmap_words(tick, falls, expected):
    pairs = [(-120, 1), (0, 1), (120, -2)]
    ahead, _, initialised = next_tick(pairs, place_of(pairs, tick), tick, 60, falls)
    assert (ahead, initialised) == expected
