"""The compiled swap and the compiled sandwich give what the same code gives in Python's integers."""

import random

import numpy as np
import pytest

from rook_bench.core.exact import ExactInts
from rook_bench.execution.compiled import compiled
from rook_bench.execution.compiled_swap import room_for_a_call, sandwich_call, swap_call
from rook_bench.execution.fill import least_out, pool_swap, sandwiched_out
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.swap import LOG_TICK, extreme_price, log2_of, price_at, stays_inside, swap_across
from rook_bench.execution.tick_records import tick_records
from rook_bench.execution.ticks import MAX_TICK, MIN_TICK, sqrt_price_at_tick


@compiled
def call_by_address(calls, ticks, function):
    """As the loops do it."""
    function(calls, ticks)


def some_pool(draw, depth=22):
    """A pool anywhere, with overlapping positions, gaps and dust."""
    spacing, protocol = draw.choice([1, 10, 60, 200]), draw.choice(["v3", "v3", "v4"])
    tick = draw.randint(-2000, 2000) * draw.choice([1, 100, 400])
    price = sqrt_price_at_tick(tick) + draw.choice([0, 0, draw.randint(0, 10**9)])
    state = PoolState.initialized(
        price, fee_pips=draw.choice([100, 500, 3000, 10_000]), tick_spacing=spacing, protocol=protocol
    )
    for _ in range(draw.randint(1, 12)):
        lower = (tick // spacing + draw.randint(-600, 300)) * spacing
        upper = lower + draw.randint(1, 400) * spacing
        if lower > -887200 and upper < 887200:
            state.mint(lower, upper, draw.randint(1, 10 ** draw.randint(1, depth)))
    return state


def records_of(state):
    ticks = np.array([tick for tick, _ in state.map.pairs], dtype=np.int32)
    gross = ExactInts.of(state.ticks[int(tick)][0] for tick in ticks)
    return tick_records(ticks, gross, ExactInts.of(net for _, net in state.map.pairs), ticks)


def prepared(state, amount, falls, *, exact_in=True, whole_map=True, **exact):
    calls = room_for_a_call()
    values = {"sqrt_price": state.sqrt_price, "liquidity": state.liquidity, "amount": amount, **exact}
    for name, value in values.items():
        calls[name] = ExactInts.of([value]).limbs
    plain = (state.tick, state.fee_pips, state.tick_spacing, exact_in, falls, whole_map, state.protocol == "v4")
    names = ("tick", "fee_pips", "spacing", "exact_in", "zero_for_one", "whole_map", "v4")
    for name, value in zip(names, plain, strict=True):
        calls[name] = value
    return calls


def test_swaps_are_the_same_in_every_result(draws):
    draw, crossings, limited = random.Random(1), 0, 0
    for _ in range(draws(3000)):
        state = some_pool(draw)
        falls, exact_in = draw.random() < 0.5, draw.random() < 0.6
        amount = draw.randint(1, 10 ** draw.randint(1, 26))
        limit = extreme_price(falls)
        if draw.random() < 0.4:
            share = draw.randint(9000, 9999)
            limit = state.sqrt_price * share // 10_000 if falls else state.sqrt_price * 10_000 // share
        terms = (state.tick_spacing, state.map.pairs, True, state.protocol == "v4")
        python = pool_swap(
            state.sqrt_price, state.tick, state.liquidity, amount, exact_in, state.fee_pips, falls, limit, *terms
        )
        calls, ticks = prepared(state, amount, falls, exact_in=exact_in, sqrt_limit=limit), records_of(state)
        call_by_address(calls, ticks, swap_call())
        names = ("after", "liquidity_after", "taken", "out", "fee")
        compiled = [ExactInts(np.ascontiguousarray(calls[name]))[0] for name in names]
        after, _, liquidity, taken, out, fee, crossed = python
        assert compiled == [after, liquidity, taken, out, fee]
        assert calls["crossed"][0] == crossed
        crossings, limited = crossings + (crossed > 0), limited + (after == limit)
    assert crossings > draws(500)
    assert limited > draws(200)


def test_one_step_is_all_there_is_where_the_bound_says_so(draws):
    draw, inside = random.Random(2), 0
    for _ in range(draws(3000)):
        state = some_pool(draw)
        falls, amount = draw.random() < 0.5, draw.randint(1, 10 ** draw.randint(1, 22))
        given = (state.sqrt_price, state.tick, state.liquidity, amount, True, state.fee_pips, falls)
        loop = swap_across(*given, extreme_price(falls), state.tick_spacing, state.map.pairs, state.protocol == "v4", 0)
        whole = pool_swap(
            *given, extreme_price(falls), state.tick_spacing, state.map.pairs, True, state.protocol == "v4"
        )
        after, _, liquidity, taken, out, fee, crossed = whole
        assert (after, liquidity, taken + fee, out, fee, crossed) == (*loop[0:1], *loop[2:6], loop[7])
        if stays_inside(after, state.tick, state.tick_spacing):
            inside += 1
            assert crossed == 0
    assert inside > draws(500)


@compiled
def worst_of_every_tick(first, last):
    """How far a tick's price stands from the tick by its logarithm, and how often it is said to stay inside."""
    worst, inside = 0.0, 0
    for tick in range(first, last):
        price = price_at(tick)
        height = log2_of(price)
        if height > 64.0:
            worst = max(worst, abs(2.0 * (height - 96.0) / LOG_TICK - tick))
        inside += stays_inside(price, tick, 1)
    return worst, inside


def test_the_bound_holds_at_every_tick_there_is():
    worst, inside = worst_of_every_tick(MIN_TICK, MAX_TICK)
    assert worst < 1e-6 / 5
    assert inside == 0


def sandwiched(state, amount, slippage_ppm, cost, falls):
    alone = state.quote(falls, amount)
    quoted = -(alone.amount1 if falls else alone.amount0)
    least = least_out(quoted, slippage_ppm)
    terms = (state.tick_spacing, state.map.pairs, True, state.protocol == "v4")
    left = sandwiched_out(
        state.sqrt_price, state.tick, state.liquidity, amount, least, cost, state.fee_pips, falls, *terms
    )
    return left, quoted, least


def sandwich_profit(state, front, amount, falls):
    """What a searcher ends with, less what he began with, and what the order got."""
    copy = PoolState(
        state.sqrt_price,
        state.tick,
        state.liquidity,
        fee_pips=state.fee_pips,
        tick_spacing=state.tick_spacing,
        protocol=state.protocol,
        ticks=state.ticks,
    )
    first = copy.swap(falls, front)
    order = copy.swap(falls, amount)
    gained = -(first.amount1 if falls else first.amount0)
    back = copy.swap(not falls, gained)
    spent = first.amount0 if falls else first.amount1
    return -(back.amount0 if falls else back.amount1) - spent, -(order.amount1 if falls else order.amount0)


@pytest.fixture(scope="module")
def deep_pool():
    state = PoolState.initialized(sqrt_price_at_tick(5), fee_pips=500, tick_spacing=10)
    for lower, upper, liquidity in ((-5000, 5000, 10**15), (-200, 300, 10**15), (-40, 30, 10**14)):
        state.mint(lower, upper, liquidity)
    return state


@pytest.mark.parametrize("falls", [True, False])
@pytest.mark.parametrize("amount", [10**9, 10**12, 2 * 10**13])
@pytest.mark.parametrize("slippage_ppm", [0, 1000, 20_000])
def test_a_searcher_takes_no_more_than_the_limit_and_only_for_a_profit(deep_pool, falls, amount, slippage_ppm):
    left, quoted, least = sandwiched(deep_pool, amount, slippage_ppm, 0, falls)
    assert least <= left <= quoted
    sizes = np.unique(np.logspace(6, 13.8, 150).astype(np.int64)).tolist()
    attacks = [sandwich_profit(deep_pool, size, amount, falls) for size in sizes]
    paying = [profit for profit, got in attacks if profit > 0 and got >= least]
    if left < quoted:
        assert left < least + max(quoted // 10_000, 2)  # he takes nearly all that the limit allows
        assert paying
    elif slippage_ppm and amount == 2 * 10**13:
        assert not paying


def test_large_orders_with_wide_limits_are_sandwiched_and_others_are_not(deep_pool):
    wide, quoted, _ = sandwiched(deep_pool, 2 * 10**13, 20_000, 0, True)
    assert wide < quoted
    small, quoted_small, _ = sandwiched(deep_pool, 10**9, 20_000, 0, True)
    assert small == quoted_small
    assert sandwiched(deep_pool, 2 * 10**13, 0, 0, True)[0] == quoted
    assert sandwiched(deep_pool, 2 * 10**13, 20_000, 10**30, True)[0] == quoted  # gas eats the profit


def test_a_minimum_that_can_t_fail_is_not_searched_for(draws, monkeypatch):
    """With no minimum a searcher may push as far as the pool goes; that it leaves enough need not be tried 80 times."""
    from rook_bench.execution import fill

    swap, asked = fill.pool_swap, []
    monkeypatch.setattr(fill, "pool_swap", lambda *facts: asked.append(1) or swap(*facts))
    draw, few = random.Random(8), 0
    for _ in range(draws(60)):
        state, falls, amount = some_pool(draw), draw.random() < 0.5, draw.randint(1, 10**15)
        asked.clear()
        left, quoted, least = sandwiched(state, amount, 1_000_000, draw.choice([0, 10**9]), falls)
        assert least == 0
        assert len(asked) <= 6
        few += quoted > 0
        # As far as the pool goes: a searcher who does so pays more in fees than the order brings, or leaves nothing.
        assert left in (quoted, sandwich_left(state, amount << 79, amount, falls))
    assert few > draws(12)


def sandwich_left(state, front, amount, falls):
    """Output of the order behind a first trade of that size."""
    from rook_bench.execution.fill import _out_behind

    facts = (state.fee_pips, falls, state.tick_spacing, state.map.pairs, True, state.protocol == "v4")
    return _out_behind(front, state.sqrt_price, state.tick, state.liquidity, amount, *facts)[0]


def test_compiled_sandwiches_are_the_same(draws):
    draw, attacked = random.Random(3), 0
    for _ in range(draws(300)):
        state = some_pool(draw, depth=18)
        falls, amount = draw.random() < 0.5, draw.randint(1, 10 ** draw.randint(6, 20))
        ppm, cost = draw.choice([500, 5000, 100_000]), draw.choice([0, 10**6])
        left, quoted, least = sandwiched(state, amount, ppm, cost, falls)
        calls, ticks = prepared(state, amount, falls, least=least, cost=cost), records_of(state)
        call_by_address(calls, ticks, sandwich_call())
        assert ExactInts(np.ascontiguousarray(calls["out"]))[0] == left
        attacked += left < quoted
    assert attacked > draws(20)
