"""Searchers around an order: never better than being alone, never below the limit, and every unit accounted for."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core import ConfigError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.tick_map import PoolError
from rook_bench.replay import LedgerError, ReplayConfig, reconcile

MODES = ("none", "typical", "worst")
PPM = 10**6


def ceiling(quoted, slippage_ppm):
    return -(-quoted * (PPM - slippage_ppm) // PPM)


def one_order(frame, row, side, size, slippage_bps):
    sides = np.full(len(frame), Side.HOLD)
    sides[row] = side
    return DecisionTape.from_sides(sides, size, slippage_bps=slippage_bps, deadline_s=1e9)


def around(part, run_of, row, side, size, slippage_bps, capital=1e6, latency=0, gwei=1.0):
    """The same order under each assumption; its tables by name."""
    decisions = one_order(part, row, side, size, slippage_bps)
    runs = {}
    for mev in MODES:
        frictions = {"latency": {"swaps": latency}, "gas": {"gwei": gwei}, "mev": mev}
        runs[mev] = run_of(part, decisions, capital={"quote_value": capital}, frictions=frictions)
        reconcile(runs[mev])
    return {mev: run.orders for mev, run in runs.items()}


@pytest.fixture(scope="module")
def trades(life, dynamic_life, run_of):
    """Single orders all over both pools, with and without a tick map: (limit in ppm, orders by assumption)."""
    draw = np.random.default_rng(5)
    found = []
    for pool in (life, dynamic_life):
        for _ in range(20):
            row = int(draw.integers(2, len(pool.states) - 4))
            part = pool.frame()[row : row + 4]
            if draw.random() < 0.3:
                part = replace(part, history=None)
            size, ppm = float(10 ** draw.uniform(-4, 0)), int(draw.choice([0, 1000, 5000, 30_000]))
            side, latency = draw.choice([Side.BUY, Side.SELL]), int(draw.integers(0, 2))
            found.append((ppm, around(part, run_of, 1, side, size, ppm / 100, latency=latency)))
    return found


def test_every_fill_gets_less_from_nobody_to_typical_to_worst(trades):
    filled = attacked = 0
    for _, orders in trades:
        assert len({int(table.outcome[0]) for table in orders.values()}) == 1
        assert len({table.amount_in[0] for table in orders.values()}) == 1
        assert len({table.quoted[0] for table in orders.values()}) == 1
        none, typical, worst = (orders[mev].out[0] for mev in MODES)
        assert none >= typical >= worst
        filled += bool(orders["none"].filled[0])
        attacked += typical < none
    assert filled > 20
    assert attacked > 3


def test_the_worst_is_the_ceiling_of_the_quote_less_the_limit(trades):
    for ppm, orders in trades:
        worst = orders["worst"]
        if worst.filled[0]:
            assert worst.out[0] == ceiling(worst.quoted[0], ppm)


def test_what_one_loses_the_other_has(trades):
    """Output and the searcher's part are together what the pool gave; input, fee and price are untouched."""
    for _, orders in trades:
        none = orders["none"]
        assert none.mev[0] == 0
        for mev in ("typical", "worst"):
            assert orders[mev].out[0] + orders[mev].mev[0] == none.out[0]
            assert orders[mev].mev[0] >= 0
            for column in ("paid", "fee", "sqrt_after", "gas_quote", "gas_base"):
                assert getattr(orders[mev], column)[0] == getattr(none, column)[0]


def test_typical_leaves_the_minimum_where_it_attacks(trades):
    for ppm, orders in trades:
        typical = orders["typical"]
        if typical.mev[0]:
            assert typical.out[0] >= ceiling(typical.quoted[0], ppm)


def test_without_room_nothing_is_taken(trades):
    limits = [orders for ppm, orders in trades if ppm == 0 and orders["typical"].filled[0]]
    assert len(limits) > 2
    assert all(orders["typical"].out[0] >= orders["typical"].quoted[0] for orders in limits)


def test_an_attack_is_worth_it_in_the_pool_itself(life, run_of):
    """Around an attacked order some first trade pays in exact integers; around one left alone none does."""
    attacked = alone = 0
    for row in range(20, 380, 18):
        part = life.frame()[row : row + 3]
        for size, slippage in ((0.5, 300.0), (0.01, 20.0)):
            orders = around(part, run_of, 1, Side.BUY, size, slippage)["typical"]
            if not orders.filled[0]:
                continue
            state = life.states[row + 1]
            amount, least = orders.amount_in[0], ceiling(orders.quoted[0], round(slippage * 100))
            cost = int(np.ceil(2 * 120_000 * 10**9 / 1e18 * part.price[1] * 1e6))
            profits = [profit(state, first, amount, least) for first in np.geomspace(1e6, 64 * amount, 80).tolist()]
            best = max((gain for gain in profits if gain is not None), default=-1)
            if orders.mev[0]:
                attacked += 1
                assert best > 0
            else:
                alone += 1
                assert best <= cost
    assert attacked > 5
    assert alone > 5


def profit(state, first, amount, least):
    """What a first trade of this size earns before gas; None where the order would then fail."""
    pool = deepcopy(state)
    front = pool.swap(True, int(first))
    try:
        left = -pool.swap(True, amount).amount1
    except PoolError:  # nothing is left of the pool
        return None
    if left < least:
        return None
    return -pool.swap(False, -front.amount1).amount0 - front.amount0


def test_gas_keeps_searchers_away(life, run_of):
    part = life.frame()[100:103]
    cheap = around(part, run_of, 1, Side.BUY, 0.5, 300.0, capital=1e5, gwei=0.0)["typical"]
    dear = around(part, run_of, 1, Side.BUY, 0.5, 300.0, capital=1e5, gwei=20_000.0)["typical"]
    assert cheap.filled[0]
    assert dear.filled[0]
    assert cheap.mev[0] > 0
    assert dear.mev[0] == 0


@pytest.mark.parametrize("mev", ["typical", "worst"])
def test_reverts_lose_nothing_to_searchers(life, run_of, mev):
    frame = life.frame()[:120]
    sides = np.where(np.arange(len(frame)) % 2 == 0, Side.BUY, Side.SELL)
    decisions = DecisionTape.from_sides(sides, 0.1, slippage_bps=0.0, deadline_s=1e9)
    run = run_of(frame, decisions, frictions={"mev": mev})
    reconcile(run)
    reverted = np.flatnonzero(run.orders.outcome == Outcome.REVERTED_SLIPPAGE)
    assert len(reverted) > 10
    for index in reverted.tolist():
        assert (run.orders.out[index], run.orders.mev[index], run.orders.paid[index]) == (0, 0, 0)


@pytest.mark.parametrize("mev", ["typical", "worst"])
@pytest.mark.parametrize("by", [1, -1])
def test_one_unit_between_order_and_searcher_is_refused(life, run_of, mev, by):
    """Output, searcher's part and balances changed alike: only the assumption itself tells."""
    frame = life.frame()[:60]
    sides = np.where(np.arange(len(frame)) % 2 == 0, Side.BUY, Side.SELL)
    decisions = DecisionTape.from_sides(sides, 0.3, slippage_bps=300.0, deadline_s=1e9)
    run = run_of(frame, decisions, capital={"quote_value": 1e6}, frictions={"latency": {"swaps": 0}, "mev": mev})
    reconcile(run)
    orders = run.orders
    index = int(np.flatnonzero(orders.filled & orders.buys & ~orders.mev.zero())[-1])

    def moved(column, by, since=False):
        values = list(column)
        last = len(values) if since else index + 1
        return ExactInts.of([value + (by if index <= place < last else 0) for place, value in enumerate(values)])

    other = replace(
        orders, out=moved(orders.out, by), mev=moved(orders.mev, -by), base=moved(orders.base, by, since=True)
    )
    with pytest.raises(LedgerError, match="the searcher's part is wrong"):
        reconcile(replace(run, orders=other))


@pytest.mark.parametrize("mev", ["typical", "worst"])
def test_a_price_limit_sets_no_minimum(mev):
    with pytest.raises(ConfigError, match=f"mev '{mev}' needs on_slippage 'revert'"):
        ReplayConfig.parse({"frictions": {"mev": mev, "on_slippage": "partial"}}, where="test")
    ReplayConfig.parse({"frictions": {"mev": "none", "on_slippage": "partial"}}, where="test")
