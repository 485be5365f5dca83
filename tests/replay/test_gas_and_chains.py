"""Gas prices, presets of chains, and where in its block an order lands."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core import ConfigError
from rook_bench.execution.chain_presets import CHAINS
from rook_bench.execution.frictions import Frictions
from rook_bench.execution.outcome import Outcome
from rook_bench.replay import ReplayConfig, reconcile
from rook_bench.replay.market_rows import landing


def parse(**values):
    return Frictions.parse(values, where="test")


@pytest.fixture(scope="module")
def priced(short_tape):
    """The tape with a gas price of its own on every row."""
    return replace(short_tape, gas_price=(np.arange(len(short_tape)) % 40 + 1) * 10**9)


def test_gas_is_what_the_landing_row_paid(priced, run_of, sides):
    run = run_of(priced, sides("BS" * 150, 0.1), frictions={"gas": {"gwei": "tape"}})
    reconcile(run)
    orders, pool = run.orders, priced.pool
    filled = np.flatnonzero(orders.filled)
    assert len(filled) > 100
    for index in filled.tolist():
        row = int(orders.landing_row[index])
        wei = 120_000 * int(priced.gas_price[row])
        assert orders.gas_quote[index] == int(
            np.ceil(wei / float(pool.base.unit) * priced.price[row] * float(pool.quote.unit))
        )


def test_a_tape_without_gas_prices_says_so(short_tape, run_of, sides):
    with pytest.raises(ConfigError, match="the tape carries no gas prices; import it with --gas-prices"):
        run_of(short_tape, sides("B" * 300), frictions={"gas": {"gwei": "tape"}})


def test_publishing_is_paid_on_every_transaction(short_tape, run_of, sides):
    decisions = sides("BS" * 150, 0.1, slippage_bps=0.0)
    plain = run_of(short_tape, decisions, frictions={"gas": {"gwei": 1.0}})
    below = run_of(short_tape, decisions, frictions={"gas": {"gwei": 1.0, "l1_fee_quote": 0.25}})
    reconcile(below)
    reverted = np.flatnonzero(below.orders.outcome == Outcome.REVERTED_SLIPPAGE)
    assert len(reverted) > 10
    first = int(np.flatnonzero(~plain.orders.gas_quote.zero())[0])
    assert below.orders.gas_quote[first] - plain.orders.gas_quote[first] == 250_000
    assert all(below.orders.gas_quote[int(index)] > 250_000 for index in reverted)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_every_preset_stands_alone_and_names_its_sources(chain):
    frictions = parse(chain=chain.name)
    assert frictions.block_time_s == chain.block_time_s
    assert frictions.ordering == chain.ordering
    assert frictions.gas.gwei == chain.gas["gwei"]
    assert chain.sources
    assert Frictions.parse(frictions.model_dump(), where="again") == frictions
    assert ReplayConfig.parse({"frictions": frictions.model_dump()}, where="again").frictions == frictions


def test_what_is_given_wins_over_the_preset():
    frictions = parse(chain="base", gas={"l1_fee_quote": 0.01}, latency={"seconds": 0.4})
    assert frictions.gas.gwei == 0.005
    assert frictions.gas.l1_fee_quote == 0.01
    assert (frictions.latency.seconds, frictions.ordering) == (0.4, "arrival")
    assert parse(chain="base", latency={"blocks": 2}).ordering == "priority"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"chain": "arbitrun"}, "did you mean 'arbitrum'"),
        ({"mev": "worst", "on_slippage": "partial"}, "needs on_slippage 'revert'"),
        ({"ordering": "priority"}, "needs latency in blocks"),
        ({"gas": {"gwei": "cheap"}}, "a number from 0 to 100,000, or 'tape'"),
        ({"gas": {"gwei": -1}}, "a number from 0 to 100,000, or 'tape'"),
        ({"gas": {"crossing_units": [1, 2]}}, "crossing_units"),
    ],
)
def test_frictions_that_make_no_sense_are_one_line(values, problem):
    with pytest.raises(ConfigError, match=problem):
        parse(**values)


@pytest.fixture(scope="module")
def blocks(make_frame):
    """Blocks of three swaps that paid 30, 10 and 20 gwei."""
    frame = make_frame([2500.0] * 12, seconds=np.repeat(np.arange(4), 3) * 12.0, blocks=np.repeat([7, 8, 9, 12], 3))
    return replace(frame, gas_price=np.tile([30, 10, 20], 4) * 10**9)


@pytest.mark.parametrize(
    ("gwei", "first"),
    [(40.0, 2), (25.0, 3), (15.0, 5), (10.0, 5), (5.0, 5)],
)
def test_priority_decides_behind_whom_an_order_lands(blocks, gwei, first):
    row, _ = landing(blocks, parse(ordering="priority", latency={"blocks": 1}, gas={"gwei": gwei}))
    assert row[0] == first
    assert (np.diff(row[row >= 0]) >= 0).all()
    assert (row[row >= 0] >= np.flatnonzero(row >= 0)).all()


def test_without_recorded_prices_an_order_lands_last(blocks):
    bare = replace(blocks, gas_price=None)
    settings = {"latency": {"blocks": 1}, "gas": {"gwei": 40.0}}
    by_priority, _ = landing(bare, parse(ordering="priority", **settings))
    by_arrival, _ = landing(bare, parse(**settings))
    np.testing.assert_array_equal(by_priority, by_arrival)


def test_the_chains_block_time_decides_when_an_empty_block_would_have_been(blocks):
    _, own = landing(blocks, parse(latency={"blocks": 2}))
    _, given = landing(blocks, parse(latency={"blocks": 2}, block_time_s=2.0))
    sent = blocks.at.astype(np.int64)
    assert own[3] - sent[3] == 24_000_000_000  # block 10 holds no swap; the pool's own 12 s
    assert given[3] - sent[3] == 4_000_000_000


@pytest.mark.parametrize("seed", range(6))
def test_priority_in_random_blocks_is_what_a_slow_walk_says(make_frame, seed):
    """Behind the last of the target block that paid at least as much, else behind the block before; never back."""
    draw = np.random.default_rng(seed)
    block = np.sort(draw.integers(0, 25, 60))
    gas = draw.integers(1, 40, 60) * 10**9
    frame = make_frame([2500.0] * 60, seconds=block * 12.0, blocks=block)
    frame = replace(frame, gas_price=gas)
    wait, gwei = int(draw.integers(0, 4)), float(draw.integers(1, 45))
    rows, when = landing(frame, parse(ordering="priority", latency={"blocks": wait}, gas={"gwei": gwei}))
    latest = 0
    for row in range(60):
        target = block[row] + wait
        before = [other for other in range(60) if block[other] < target]
        paid = [other for other in range(60) if block[other] == target and gas[other] >= gwei * 1e9]
        latest = max([latest, row, *before[-1:], *paid[-1:]])
        assert rows[row] == (-1 if target > block[-1] else latest)
        assert when[row] >= frame.at[row].astype(np.int64)


def test_publishing_is_paid_when_the_deadline_passed_too(short_tape, run_of, sides):
    decisions = sides("BS" * 150, 0.1, deadline_s=0.0)
    gas = {"gwei": 1.0, "deadline_revert_units": 0, "l1_fee_quote": 0.25}
    run = run_of(short_tape, decisions, frictions={"gas": gas, "latency": {"seconds": 1.0}})
    reconcile(run)
    late = np.flatnonzero(run.orders.outcome == Outcome.REVERTED_DEADLINE)
    assert len(late) > 10
    assert {run.orders.gas_quote[int(index)] for index in late} == {250_000}
