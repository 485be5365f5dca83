"""One purse on real tapes: every pool from birth that trades, and a day of the two main pools."""

import numpy as np
import pytest

from rook_bench.ingest.one_pool import read_logs
from rook_bench.ingest.read import read_swaps
from rook_bench.metrics import Clock
from rook_bench.metrics.purse import PurseAnalysis
from rook_bench.replay import ReplayConfig, replay
from rook_bench.replay.purse import replay_purse
from rook_bench.replay.purse.ledger import reconcile_purse

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("few_places")]

EAGER = "momentum:lookback=2,threshold_bps=1"
MOVED = ("amount_in", "quoted", "paid", "fee", "out", "gas_quote", "gas_base")


RICH = ReplayConfig(numeraire="USDC", capital={"quote_value": 1e6}, frictions={"gas": {"gwei": 30.0}})


@pytest.fixture(scope="module")
def from_birth(genesis_folder):
    return read_logs(genesis_folder, least=20)


def test_all_pools_that_trade_with_one_purse(from_birth):
    run = replay_purse(from_birth, EAGER, RICH)
    reconcile_purse(run)
    assert (len(run), len(run.coins.all), run.clock.by_block) == (16, 13, True)
    filled = sum(int(leg.orders.filled.sum()) for leg in run)
    assert filled > 300
    assert any((leg.orders.crossed > 0).any() for leg in run)
    assert min(run.closing) >= 0
    sampled = PurseAnalysis(run, Clock())
    np.testing.assert_allclose(sampled.equity, sampled.hold + sampled.by_pool.sum(axis=1), rtol=1e-9)
    # Ether is in twelve pools and in the purse once: what their orders moved adds up to what it holds, to the last wei.
    ether = next(place for place, coin in enumerate(run.coins.all) if coin.token.symbol == "WETH")
    moved = 0
    for place, leg in enumerate(run):
        for order in leg.landed:
            spent = order.taken + order.fee
            if run.coins.quote[place] == ether:
                moved += (-spent if order.buys else order.out) - order.gas_quote
            if run.coins.base[place] == ether:
                moved += (order.out if order.buys else -spent) - order.gas_base
    assert run.opening[ether] + moved == run.closing[ether]


def test_with_more_than_enough_it_is_the_single_runs_added_up(from_birth):
    plenty = {
        "capital": {"quote_value": 1e9},
        "risk": {"sizer": "fixed:1", "max_order_value": 0.05},
        "frictions": {"gas": {"gwei": 30.0}},
    }
    config = ReplayConfig.model_validate(plenty)
    run = replay_purse(from_birth, EAGER, config)
    for leg in run:
        alone = replay(leg.frame, EAGER, config)
        for name in MOVED:
            assert (getattr(alone.orders, name).limbs == getattr(leg.orders, name).limbs).all()
    assert sum(len(leg.orders) for leg in run) > 500


def test_a_day_of_two_pools_of_one_pair(day_folder):
    frames = [read_swaps(path) for path in sorted(day_folder.glob("*.raw.csv"))]
    run = replay_purse(frames, "momentum", ReplayConfig())
    assert run.coins.names == ("USDC", "WETH")
    assert run.clock.by_block
    leg_of, order_of = run.landings
    # The purse goes from pool to pool: balances after an order of one are what the next one of the other begins with.
    changes = np.flatnonzero(np.diff(leg_of))
    assert len(changes) > 100
    place = int(changes[0]) + 1
    leg, order = run.legs[leg_of[place]], int(order_of[place])
    other, before = run.legs[leg_of[place - 1]], int(order_of[place - 1])
    landed = next(one for one in leg.landed if one.index == order)
    spent = landed.taken + landed.fee
    gained = (-spent if landed.buys else landed.out) - landed.gas_quote
    assert leg.orders.cash[order] == other.orders.cash[before] + gained
