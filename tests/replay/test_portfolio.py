"""A Run as a vectorbt Portfolio: the same money at the end of every tape row (importing it takes seconds)."""

import numpy as np
import pandas as pd
import pytest

from rook_bench.execution.outcome import Outcome

PATTERN = "BBSSSHBS" * 50
TIGHT = {"slippage_bps": 3.0, "deadline_s": 60.0}


def gas_exceeds_proceeds(run):
    """Sales whose gas vectorbt can't take from what they bring: it becomes a row of its own."""
    orders = run.orders
    return ~orders.buys & orders.filled & (orders.out.to_floats() <= orders.gas_quote.to_floats())


def value_by_tape_row(run):
    """The portfolio's value on the last of the rows that stand for each tape row."""
    portfolio = run.portfolio()
    value = portfolio.value()
    orders = run.orders
    landed = orders.gas_quote_or_base | orders.filled
    counts = np.bincount(orders.landing_row[landed], minlength=len(run.frame))
    counts += np.bincount(orders.landing_row[gas_exceeds_proceeds(run)], minlength=len(run.frame))
    last = np.cumsum(np.maximum(counts, 1))  # the first row buys the opening base
    assert len(value) == last[-1] + 1
    return portfolio, value.to_numpy()[last]


@pytest.fixture(scope="module")
def busy(run_of, tape, sides):
    """Several orders land on one row, some revert, and gas comes from base when quote is gone."""
    decisions = sides(PATTERN, np.where([letter == "B" for letter in PATTERN], 1.0, 0.6), **TIGHT)
    config = {
        "capital": {"quote_value": 2e5, "base_share": 1.0},
        "frictions": {"gas": {"gwei": 200.0}, "latency": {"seconds": 24.0}},
    }
    run = run_of(tape[:400], decisions, **config)
    landed = run.orders.landing_row[run.orders.gas_quote_or_base]
    assert len(np.unique(landed)) < len(landed)
    assert {Outcome.FILLED, Outcome.REVERTED_SLIPPAGE} <= set(run.orders.outcome.tolist())
    assert not run.orders.gas_base.zero().all()
    return run


def test_value_is_the_ledgers_equity(busy):
    _, value = value_by_tape_row(busy)
    np.testing.assert_allclose(
        value, busy.equity, rtol=1e-6, atol=0
    )  # gas takes the last of the quote here; elsewhere 1e-9 holds


@pytest.mark.parametrize("orientation", ["token0", "token1"])
@pytest.mark.parametrize("latency", [{"swaps": 0}, {"blocks": 1}])
def test_value_in_both_orientations(run_of, make_frame, pools, sides, orientation, latency):
    rng = np.random.default_rng(2)
    prices = 2500.0 * np.exp(np.cumsum(rng.normal(0, 2e-4, 80)))
    frame = make_frame(
        prices.tolist(), pool=pools[orientation], blocks=np.arange(80) // 2, seconds=np.arange(80) // 2 * 12
    )
    run = run_of(frame, sides("BSBHSBBS" * 10, 0.4, slippage_bps=30.0), frictions={"latency": latency})
    assert run.orders.filled.sum() > 40
    _, value = value_by_tape_row(run)
    np.testing.assert_allclose(value, run.equity, rtol=1e-9, atol=0)


def test_its_trades_are_the_fills(busy):
    portfolio, _ = value_by_tape_row(busy)
    records = portfolio.orders.records
    landed = busy.orders.gas_quote_or_base | busy.orders.filled
    assert len(records) == landed.sum() + gas_exceeds_proceeds(busy).sum() + 1  # and the opening purchase
    gas = busy.orders.gas_quote[landed].to_floats(10**6)
    assert records["fees"].sum() == pytest.approx(gas.sum(), rel=1e-4)


def test_its_index_is_in_utc_and_rises(busy):
    index = busy.portfolio().wrapper.index
    assert index.is_monotonic_increasing
    assert index.is_unique
    assert str(index.tz) == "UTC"
    assert abs(index[-1] - pd.Timestamp(busy.frame.at[-1], tz="UTC")) < pd.Timedelta("1us")


def test_a_run_that_never_trades(run_of, tape, sides):
    run = run_of(tape[:50], sides("H" * 50))
    _, value = value_by_tape_row(run)
    np.testing.assert_allclose(value, run.equity, rtol=1e-12, atol=0)


def test_all_in_quote(run_of, tape, sides):
    run = run_of(tape[:50], sides("HHB" + "H" * 47), capital={"base_share": 0.0})
    _, value = value_by_tape_row(run)
    np.testing.assert_allclose(value, run.equity, rtol=1e-9, atol=0)
