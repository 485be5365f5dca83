"""What a quote costs, side by side in one run: inside a range and across ticks, compiled and in Python's integers."""

import time
from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core.exact import ExactInts
from rook_bench.execution import amm
from rook_bench.execution.compiled import compiled
from rook_bench.execution.compiled_swap import room_for_a_call, swap_call
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.tick_records import tick_records
from rook_bench.execution.ticks import MIN_SQRT_PRICE, sqrt_price_at_tick
from rook_bench.execution.wide import load, low64
from rook_bench.market.simulation.simulate import simulate
from rook_bench.tapecheck.repricing import reprice

MANY = 20_000
ROUNDS = 15
RESULTS = ("after", "liquidity_after", "taken", "out", "fee")


@compiled
def quote_often(state, fee_pips, times):
    """One step inside the range, as the loop does it where the tick map is not known."""
    total = np.uint64(0)
    for _ in range(times):
        total += low64(amm.quote_exact_in(load(state[0]), load(state[1]), load(state[2]), fee_pips, True))
    return total


@compiled
def call_often(calls, ticks, function, times):
    """The contract's swap by address, as the loop does it where the tick map is known."""
    for _ in range(times):
        function(calls, ticks)


@pytest.fixture(scope="module")
def pool():
    state = PoolState.initialized(sqrt_price_at_tick(199_045), fee_pips=500, tick_spacing=10)
    for width in (20, 40, 60, 6000):
        state.mint(199_040 - width, 199_040 + width, 10**18)
    return state


def amount_crossing(state, crossed):
    """An amount of token0 whose swap crosses so many ticks."""
    low, high = 1, 10**30
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if state.quote(True, middle).crossed >= crossed else (middle + 1, high)
    return low + low // 1000 if crossed else 10**9


def seconds(works):
    """Seconds of one call by name, best of rounds in which all (work, times) take turns: a busy machine meets each."""
    for work, _ in works.values():
        work(1)
    rounds = [{name: _timed(work, times) / times for name, (work, times) in works.items()} for _ in range(ROUNDS)]
    return {name: min(one[name] for one in rounds) for name in works}


def _timed(work, times):
    started = time.perf_counter()
    work(times)
    return time.perf_counter() - started


def test_quotes_side_by_side(benchmark, pool):
    """Equal first, then timed; nanoseconds and ratios are in the extra info."""
    works = {}
    exact = lambda *values: ExactInts.of(values).limbs  # noqa: E731
    for crossed in (0, 1, 3):
        amount = amount_crossing(pool, crossed)
        expected = pool.quote(True, amount)
        assert expected.crossed == crossed
        calls = room_for_a_call()
        for name, value in (("sqrt_price", pool.sqrt_price), ("liquidity", pool.liquidity), ("amount", amount)):
            calls[name] = exact(value)
        calls["sqrt_limit"] = exact(MIN_SQRT_PRICE + 1)
        calls["tick"], calls["fee_pips"], calls["spacing"] = pool.tick, 500, 10
        calls["exact_in"], calls["zero_for_one"], calls["whole_map"] = 1, 1, 1
        at = np.array([tick for tick, _ in pool.map.pairs], dtype=np.int32)
        gross = ExactInts.of(pool.ticks[int(tick)][0] for tick in at)
        ticks = tick_records(at, gross, ExactInts.of(net for _, net in pool.map.pairs), at)
        call_often(calls, ticks, swap_call(), 1)
        after, liquidity, taken, out, fee = (ExactInts(np.ascontiguousarray(calls[name]))[0] for name in RESULTS)
        assert (after, liquidity, calls["crossed"][0]) == (expected.sqrt_price, expected.liquidity, crossed)
        assert (taken + fee, -out, fee) == (expected.amount0, expected.amount1, expected.fee)
        by_address = lambda times, calls=calls, ticks=ticks: call_often(calls, ticks, swap_call(), times)  # noqa: E731
        in_python = lambda times, amount=amount: [pool.quote(True, amount) for _ in range(times)]  # noqa: E731
        works[f"by address, {crossed} crossed"] = by_address, MANY
        works[f"Python integers, {crossed} crossed"] = in_python, 500
    state = exact(pool.sqrt_price, pool.liquidity, 10**9)
    assert quote_often(state, 500, 1) == -pool.quote(True, 10**9).amount1
    works["one step in the loop"] = (lambda times: quote_often(state, 500, times)), MANY
    found = seconds(works)
    benchmark.pedantic(quote_often, args=(state, 500, MANY), rounds=5, warmup_rounds=1)
    for name, took in found.items():
        steps = took / found["one step in the loop"]
        benchmark.extra_info[name] = f"{took * 1e9:,.0f} ns, {steps:.1f} steps"
        print(f"\n{name:<30}{took * 1e9:>10,.0f} ns, {steps:>6.1f} steps", end="")
    for crossed in (0, 1, 3):
        assert found[f"Python integers, {crossed} crossed"] > found[f"by address, {crossed} crossed"]


def test_repricing(benchmark):
    """Every swap of a simulated tape priced again."""
    tape = simulate(20_000, np.random.default_rng(5))
    assert reprice(tape).exact.all()
    benchmark.pedantic(reprice, args=(tape,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["thousand_swaps_per_s"] = round(len(tape) / benchmark.stats["min"] / 1e3)
    print(f"\n{benchmark.extra_info}")


def test_what_a_whole_tick_map_costs_the_loop(benchmark):
    """The same decisions on the same swaps, with the tick map and without."""
    from rook_bench.market.view import MarketView
    from rook_bench.replay import ReplayConfig
    from rook_bench.replay.engine import execute
    from rook_bench.risk import apply_risk
    from rook_bench.sources import Source, decide

    tape = simulate(30_000, np.random.default_rng(5))
    bare, config = replace(tape, history=None), ReplayConfig()
    decided = decide(Source.parse("random:0.2"), tape)
    permitted = apply_risk(config.risk, MarketView.whole(tape), decided.tape)
    replays = lambda frame: lambda times: [execute(frame, decided, permitted, config) for _ in range(times)]  # noqa: E731
    took = seconds({"with": (replays(tape), 1), "without": (replays(bare), 1)})
    benchmark.pedantic(execute, args=(tape, decided, permitted, config), rounds=3)
    ratio = took["with"] / took["without"]
    benchmark.extra_info["times_slower_with_the_map"] = round(ratio, 2)
    print(f"\nwith the map {took['with'] * 1e3:.1f} ms, without {took['without'] * 1e3:.1f} ms: {ratio:.2f}x")
