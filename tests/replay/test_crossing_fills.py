"""Fills on a tape with its whole tick map: what the pool itself would have given, across ticks too."""

from dataclasses import replace

import numpy as np
import pytest
from lives import Life

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.execution.outcome import Outcome
from rook_bench.replay import LedgerError, ReplayConfig, load_run, reconcile, replay, save_run

LARGE = {"capital": {"quote_value": 3e5}, "frictions": {"latency": {"swaps": 1}}}


def both_sides(frame, size=0.5, slippage_bps=2000.0):
    side = np.where(np.arange(len(frame)) % 2 == 0, Side.BUY, Side.SELL)
    return DecisionTape.from_sides(side, size, slippage_bps=slippage_bps, deadline_s=1e9)


@pytest.fixture(scope="module")
def run(life, run_of):
    frame = life.frame()
    return run_of(frame, both_sides(frame), **LARGE)


def filled(run):
    orders = run.orders
    for index in np.flatnonzero(orders.outcome == Outcome.FILLED).tolist():
        row, buys = int(orders.landing_row[index]), bool(orders.buys[index])
        yield index, row, buys != run.frame.pool.base_is_token0


def test_every_fill_is_what_the_pool_gives_at_that_row(life, run):
    crossed = 0
    for index, row, falls in filled(run):
        swap = life.states[row].quote(falls, run.orders.amount_in[index])
        out = -(swap.amount1 if falls else swap.amount0)
        assert run.orders.out[index] == out
        assert run.orders.fee[index] == swap.fee
        assert run.orders.sqrt_after[index] == swap.sqrt_price
        assert run.orders.crossed[index] == swap.crossed
        crossed += swap.crossed > 0
        decided = life.states[int(run.orders.row[index])].quote(falls, run.orders.amount_in[index])
        assert run.orders.quoted[index] == -(decided.amount1 if falls else decided.amount0)
    assert crossed > 30
    reconcile(run)


def test_no_fill_leaves_what_is_known_and_without_the_map_some_do(life, run, run_of):
    assert not run.orders.left_range.any()
    frame = replace(life.frame(), history=None)
    bare = run_of(frame, both_sides(frame), **LARGE)
    reconcile(bare)
    assert bare.orders.left_range.any()
    assert not bare.orders.crossed.any()


def test_dynamic_fees_and_v4(dynamic_life, run_of):
    frame = dynamic_life.frame()
    run = run_of(frame, both_sides(frame), **LARGE)
    reconcile(run)
    for index, row, falls in filled(run):
        swap = dynamic_life.states[row].quote(falls, run.orders.amount_in[index], fee_pips=int(frame.fee_pips[row]))
        assert run.orders.out[index] == -(swap.amount1 if falls else swap.amount0)
        assert run.orders.fee[index] == swap.fee


def test_gas_follows_the_ticks_that_were_crossed(run):
    gas, pool = run.config.frictions.gas, run.frame.pool
    seen = set()
    for index, row, _ in filled(run):
        if run.orders.gas_quote[index] == 0:
            continue  # paid in base
        units = gas.units[min(int(run.orders.crossed[index]), 3)]
        wei = units * 10**9
        expected = int(np.ceil(wei / float(pool.base.unit) * run.frame.price[row] * float(pool.quote.unit)))
        assert run.orders.gas_quote[index] == expected
        seen.add(units)
    assert len(seen) >= 3


def test_liquidity_that_came_between_decision_and_landing_counts(run_of):
    life = Life(9).wander(30)
    life.mint(life.state.tick // 10 * 10 - 200, life.state.tick // 10 * 10 + 200, 10**19)
    life.wander(30, liquidity=0.0)
    frame = life.frame()
    decisions = both_sides(frame)
    run = run_of(frame, decisions, **LARGE)
    index = int(np.flatnonzero(run.orders.landing_row == 30)[0])
    falls = bool(run.orders.buys[index]) != frame.pool.base_is_token0
    swap = life.states[30].quote(falls, run.orders.amount_in[index])
    assert run.orders.out[index] == -(swap.amount1 if falls else swap.amount0)
    assert run.orders.out[index] != run.orders.quoted[index]


def test_a_gap_without_liquidity_is_crossed(run_of):
    life = Life(4, depth=0)
    home = life.home
    life.mint(home - 1000, home - 20, 10**18)
    life.mint(home + 20, home + 1000, 10**18)
    life.swap(True, 10**9)
    life.next_block()
    life.swap(False, 10**20, life.state.sqrt_price * 10_003 // 10_000)
    for _ in range(6):
        life.next_block()
        life.swap(True, 10**6)
        life.swap(False, 10**15)
    frame = life.frame()
    run = run_of(frame, both_sides(frame, slippage_bps=9000.0), **LARGE)
    reconcile(run)
    assert (run.orders.outcome == Outcome.FILLED).any()


@pytest.mark.parametrize("column", ["quoted", "paid", "out", "mev", "fee", "sqrt_after"])
def test_one_unit_too_many_is_refused(run, column):
    values = list(getattr(run.orders, column))
    index = int(np.flatnonzero(run.orders.outcome == Outcome.FILLED)[5])
    values[index] += 1
    with pytest.raises(LedgerError):
        reconcile(replace(run, orders=replace(run.orders, **{column: ExactInts.of(values)})))


def test_a_tick_too_many_is_refused(run):
    crossed = run.orders.crossed.copy()
    crossed[int(np.flatnonzero(run.orders.outcome == Outcome.FILLED)[5])] += 1
    with pytest.raises(LedgerError, match="the fill is not what the pool maths gives"):
        reconcile(replace(run, orders=replace(run.orders, crossed=crossed)))


# Searchers.


@pytest.mark.parametrize("kind", ["whole", "bare"])
def test_outputs_fall_from_nobody_to_typical_to_worst(life, run_of, kind):
    frame = life.frame() if kind == "whole" else replace(life.frame(), history=None)
    decisions = both_sides(frame, 0.02, slippage_bps=100.0)
    runs = {}
    for mev in ("none", "typical", "worst"):
        parts = {"capital": {"quote_value": 1e6}, "frictions": {"latency": {"swaps": 0}, "mev": mev}}
        runs[mev] = run_of(frame, decisions, **parts)
        reconcile(runs[mev])
    assert runs["none"].orders.mev.zero().all()
    worst = runs["worst"].orders
    for index in np.flatnonzero(worst.filled).tolist():
        quoted, slippage = worst.quoted[index], 10_000
        assert worst.out[index] == -(-quoted * (10**6 - slippage) // 10**6)
    # With the first order everything is still equal: the same amount in, and less out from one to the next.
    first = [runs[mev].orders for mev in ("none", "typical", "worst")]
    assert len({orders.amount_in[0] for orders in first}) == 1
    assert first[0].out[0] >= first[1].out[0] >= first[2].out[0]
    assert runs["none"].equity[-1] >= runs["worst"].equity[-1]
    assert not runs["typical"].orders.mev.zero().all()


def test_no_room_and_small_orders_are_left_alone(life, run_of):
    frame = life.frame()
    for size, slippage in ((0.5, 0.0), (1e-6, 100.0)):
        run = run_of(
            frame,
            both_sides(frame, size, slippage_bps=slippage),
            capital={"quote_value": 1e6},
            frictions={"latency": {"swaps": 0}, "mev": "typical"},
        )
        reconcile(run)
        assert run.orders.mev.zero().all()


def test_a_run_with_searchers_is_read_back_the_same(life, tmp_path):
    values = {"capital": {"quote_value": 1e6}, "frictions": {"mev": "typical", "chain": "ethereum"}}
    config = ReplayConfig.parse(values, where="test")
    run = replay(life.frame(), "momentum:lookback=2,threshold_bps=1", config)
    assert run.orders.filled.sum() > 20
    save_run(run, tmp_path)
    again = load_run(tmp_path)
    assert again.orders.to_arrow().equals(run.orders.to_arrow())
    assert again.config == run.config == ReplayConfig.parse(run.config.model_dump(), where="test")
