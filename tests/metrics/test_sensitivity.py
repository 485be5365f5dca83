"""The same decisions under other costs: each point a replay of its own, and where the return over hold is zero."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rook_bench.metrics import analyse
from rook_bench.metrics.sensitivity import at_costs, break_even, break_even_fee, over_hold, surface


@pytest.fixture(scope="module")
def run(tape, run_of, sides):
    return run_of(tape, sides("BHHSH" * 400, 0.1), risk={"filters": ["cooldown:60"]})


@pytest.fixture(scope="module")
def rising(make_frame, run_of, sides):
    """Prices that rise by 1% a swap, bought once with everything."""
    prices = (100 * 1.01 ** np.arange(40)).tolist()
    frame = make_frame(prices, liquidity=10**25)
    return run_of(frame, sides("B" + "H" * 39, 1.0, slippage_bps=9000.0), frictions={"gas": {"flat_quote": 1.0}})


def test_points_are_replays_under_their_own_configuration(run, tape, run_of):
    found = surface(run)
    decisions, filters = run.decided.tape, {"filters": ["cooldown:60"]}
    for row, fee in zip(found.grid, found.fees, strict=True):
        for point, wait in zip(row, (0, 1, 2, 5, 10), strict=True):
            own = run_of(tape, decisions, risk=filters, frictions={"fee_pips": fee, "latency": {"swaps": wait}})
            assert point.net.value == own.equity[-1] / own.hold_equity[0] - 1
            assert point.net.n == own.orders.filled.sum()
    for point, factor in zip(found.sweeps["gas"], (0.0, 1.0, 3.0, 10.0), strict=True):
        own = run_of(tape, decisions, risk=filters, frictions={"gas": {"gwei": factor}})
        assert point.net.value == pytest.approx(own.equity[-1] / own.hold_equity[0] - 1, abs=1e-12)
    for point, bps in zip(found.sweeps["slippage limit"], (1.0, 5.0), strict=False):
        own = run_of(tape, replace(decisions, slippage_bps=np.full(len(tape), bps)), risk=filters)
        assert point.net.value == own.equity[-1] / own.hold_equity[0] - 1


def test_the_runs_own_point_is_the_run(run):
    found, estimates = surface(run), analyse(run).estimates
    own = [point for point in found.points if point.own]
    assert len(own) == 5  # the grid's and one of each sweep
    for point in own:
        assert point.net.value == pytest.approx(estimates["total_return"].value, abs=1e-15)
        assert point.over_hold.value == pytest.approx(estimates["excess_return"].value, abs=1e-12)


def test_latency_stays_in_the_runs_own_unit(tape, run_of, sides):
    found = surface(run_of(tape, sides("BHHSH" * 400, 0.1), frictions={"latency": {"seconds": 7}}))
    assert found.latencies == ("0 seconds", "2 seconds", "7 seconds", "12 seconds", "30 seconds", "60 seconds")
    assert [point.own for point in found.sweeps["latency"]] == [False, False, True, False, False, False]


def test_scaled_gas_costs_that_many_times_as_much(run):
    gas = run.config.frictions.gas
    assert gas.times(1.0) is gas
    three = gas.times(3.0)
    assert three.units == tuple(3 * units for units in gas.units)
    assert (three.gwei, three.slippage_revert_units) == (gas.gwei, 3 * gas.slippage_revert_units)


def test_an_edge_that_outlives_every_fee_tried(rising):
    """Prices rise by 1% a swap for 39 swaps: a fee of 10% does not eat that up."""
    assert over_hold(rising, at_costs(rising, fee=100_000)).value > 0
    found = break_even_fee(rising)
    assert found.edge == "alive"
    assert found.at.undefined_because == "the edge is still alive at a fee of 10%, the most tried"


def test_break_even_is_where_the_sign_changes(make_frame, run_of, sides):
    """Bought at 100, worth 101 at the end: the fee that eats up the gain is 1 - 1 / 1.01."""
    prices = [100.0, 100.0, 101.0, 101.0]
    frame = make_frame(prices, liquidity=10**25)
    run = run_of(frame, sides("BHHH", 1.0, slippage_bps=9000.0), frictions={"gas": {"flat_quote": 0.0}})
    assert (break_even_fee(run).edge, break_even(run).edge) == ("dies", "dies")
    fee = break_even_fee(run).at.value
    assert fee == pytest.approx(1 - 1 / 1.01, abs=2e-6)
    factor = break_even(run).at.value
    assert factor == pytest.approx(fee / 500e-6, rel=2e-3)
    assert over_hold(run, at_costs(run, fee=math.floor(fee * 1e6) - 2)).value > 0
    assert over_hold(run, at_costs(run, fee=math.ceil(fee * 1e6) + 2)).value < 0


def test_no_break_even_says_why(run, tape, run_of, sides):
    losing = break_even(run_of(tape, sides("BS" * 1000, 0.5)))
    assert losing.edge == "dead"
    assert "dead before any cost" in losing.at.undefined_because
    idle = run_of(tape, sides("H" * 2000))
    assert break_even(idle).edge == "idle"
    assert break_even(idle).at.undefined_because == "no decision wished to trade"
    assert surface(idle).grid[0][0].over_hold.value == 0.0
