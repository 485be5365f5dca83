"""The simulated pool: exact, repeatable, and near the stated statistics."""

import runpy
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rook_bench.core import ConfigError, InputError
from rook_bench.execution.pool_state import PoolState
from rook_bench.ingest.read import read_swaps
from rook_bench.market.simulation.simulate import Simulation, simulate, simulated_pool
from rook_bench.market.tape_file import write_tape
from rook_bench.tapecheck.check import check_tape
from rook_bench.tapecheck.repricing import known_depth

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample.parquet"


@pytest.fixture(scope="module")
def tape():
    return simulate(6000, np.random.default_rng(7))


@pytest.fixture(scope="module")
def statistics():
    return runpy.run_path(str(ROOT / "benchmarks" / "calibrate_simulator.py"))["statistics"]


def assert_rows_execute(frame):
    """Each row follows exactly from the row before, in a pool with one position over all prices."""
    pool = frame.pool
    end = 887272 // pool.tick_spacing * pool.tick_spacing
    rows = list(zip(frame.sqrt_price_x96, frame.tick, frame.liquidity, frame.amount0, frame.amount1, strict=True))
    for (before, stood, *_), (after, tick, liquidity, amount0, amount1) in pairwise(rows):
        ticks = {-end: (liquidity, liquidity), end: (liquidity, -liquidity)}
        state = PoolState(
            before, int(stood), liquidity, fee_pips=pool.fee_pips, tick_spacing=pool.tick_spacing, ticks=ticks
        )
        falls = amount0 > 0
        swap = state.swap(falls, amount0 if falls else amount1)
        assert (swap.amount0, swap.amount1, swap.sqrt_price, swap.tick) == (amount0, amount1, after, tick)


def test_every_swap_prices_again_and_every_tick_is_known(tape):
    found = check_tape(tape).repricing
    assert (found.exact, found.testable, found.tick_map) == (6000, 6000, "whole")
    assert known_depth(tape) is not None


def test_every_row_executes(tape):
    assert_rows_execute(tape)


def test_tape_check(tape):
    check = check_tape(tape)
    assert check.pairs > 5000
    assert check.chained_share == 1.0
    assert check.implied_fee == pytest.approx(0.0005, rel=1e-6)
    assert (check.duplicates, check.reordered, check.dust_opening, check.zero_liquidity) == (0, 0, 0, 0)
    assert check.gaps == 0


def test_looks_like_a_mainnet_log(tape):
    assert tape.pool == simulated_pool()
    assert (tape.pool.chain, tape.pool.base.symbol, tape.pool.protocol) == ("simulated", "WETH", "v3")
    same_block = np.diff(tape.block) == 0
    assert (np.diff(tape.at)[same_block] == np.timedelta64(0)).all()
    assert (np.diff(tape.at)[~same_block] >= np.timedelta64(12, "s")).all()
    assert (np.diff(tape.tx_index)[same_block] > 0).all()
    assert (np.diff(tape.log_index)[same_block] > 0).all()
    assert (tape.log_index >= tape.tx_index).all()
    seconds = (tape.at - tape.at[0]) / np.timedelta64(1, "s")
    assert (seconds % 12 == 0).all()
    assert (seconds >= 12 * (tape.block - tape.block[0])).all()


def test_same_seed_same_tape():
    first, second, other = (simulate(300, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.data_hash == second.data_hash != other.data_hash


def test_random_numbers_come_from_the_generator_only():
    np.random.seed(0)
    state = np.random.get_state()[1].copy()
    simulate(50, np.random.default_rng(1))
    assert (np.random.get_state()[1] == state).all()


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        # The 2024 tape's numbers with room for one day's chance; see docs/explanation/simulator.md.
        ("swaps per hour", 190, 315),
        ("share of swaps in the same block as the one before", 0.30, 0.40),
        ("share of pairs with equal liquidity", 0.87, 0.92),
        ("swap size, median [USD]", 1900, 3500),
        ("swap size, standard deviation of the logarithm", 2.3, 2.8),
        ("share of buys", 0.43, 0.57),
        ("direction, mean autocorrelation at lags 1 to 10", 0.015, 0.06),
        ("absolute move after 1 swap, median [bps]", 0.06, 0.14),
        ("absolute move after 10 swaps, median [bps]", 3.5, 6.7),
        ("absolute move after 100 swaps, median [bps]", 14, 30),
        ("return of a swap, autocorrelation at lag 2", -0.35, -0.05),
        ("absolute return, rank autocorrelation at lag 1", 0.05, 0.15),
        ("5-minute return, standard deviation [bps]", 11, 24),
        ("share of rows with 1 bp < volatility < 5%", 0.9, 1.0),
        ("share of rows the rules trade on", 0.10, 0.25),
    ],
)
def test_statistics_of_the_sample_seed(tape, statistics, name, low, high):
    assert low <= statistics(tape)[name] <= high


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    swaps=st.integers(1, 60),
    fee_pips=st.sampled_from([100, 500, 3000]),
    liquidity=st.integers(10**15, 10**22),
)
def test_any_tape_executes(seed, swaps, fee_pips, liquidity):
    config = Simulation(fee_pips=fee_pips, liquidity=liquidity)
    frame = simulate(swaps, np.random.default_rng(seed), config)
    assert len(frame) == swaps
    assert_rows_execute(frame)


def test_sandwich_returns_what_it_bought():
    config = Simulation(sandwich_share=1.0, sandwich_least_usd=0.0, arbitrage_share=0.0, backrun_share=0.0)
    frame = simulate(30, np.random.default_rng(0), config)
    for row in range(0, 30, 3):
        front, back = [(frame.amount0[i], frame.amount1[i]) for i in (row, row + 2)]
        bought = 1 if front[0] > 0 else 0
        assert back[bought] == -front[bought]


def test_arbitrage_keeps_the_pool_near_the_outside_price():
    """Without volatility the outside stands still, and the pool stays within fee and cost of it."""
    still = {"volatility_per_day": 1e-9, "jumps_per_day": 0.0, "permanent_impact_share": 0.0}
    config = Simulation(**still, arbitrage_share=1.0, backrun_share=1.0, median_arbitrage_cost_usd=0.0)
    kept = simulate(2000, np.random.default_rng(2), config)
    alone = Simulation(**still, arbitrage_share=0.0, backrun_share=0.0)
    left = simulate(2000, np.random.default_rng(2), alone)
    away = [np.quantile(np.abs(frame.price / 2270.0 - 1), 0.5) for frame in (kept, left)]
    assert away[0] < 0.0008 < away[1]


@pytest.mark.parametrize("swaps", [0, -5])
def test_too_few_swaps(swaps):
    with pytest.raises(InputError, match="ask for at least 1"):
        simulate(swaps, np.random.default_rng(0))


def test_bad_parameters():
    with pytest.raises(ValidationError):
        Simulation(missed_slot_share=1.5)
    with pytest.raises(ConfigError, match="did you mean 'median_order_usd'"):
        Simulation.parse({"median_order_us": 1.0}, where="simulation.toml")


def test_round_trip_through_a_file(tape, tmp_path):
    write_tape(tape, tmp_path / "tape.parquet")
    assert read_swaps(tmp_path / "tape.parquet").data_hash == tape.data_hash


def test_shipped_sample_can_be_made_again(tape):
    assert SAMPLE.stat().st_size < 700_000
    sample = read_swaps(SAMPLE)
    assert sample.data_hash == tape.data_hash
    assert sample.span_s > 0.95 * 86_400
