"""A Run as a vectorbt Portfolio: the same money on every tape row (importing it takes seconds)."""

import numpy as np
import pandas as pd
import pytest

from rook_bench.execution.outcome import Outcome

PATTERN = "BBSSSHBS" * 50
TIGHT = {"slippage_bps": 3.0, "deadline_s": 60.0}


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
    # A sale that brings less than its gas, which vectorbt itself would refuse.
    orders = run.orders
    assert (~orders.buys & orders.filled & (orders.out.to_floats() <= orders.gas_quote.to_floats())).any()
    return run


def assert_value_is_the_ledgers(run):
    portfolio = run.portfolio()
    np.testing.assert_allclose(portfolio.value(), run.equity, rtol=1e-8, atol=0)
    return portfolio


def test_value_is_the_ledgers_equity(busy):
    assert_value_is_the_ledgers(busy)


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
    assert_value_is_the_ledgers(run)


def test_cash_and_base_are_the_ledgers_too(busy):
    from rook_bench.replay.ledger import balances_by_row

    portfolio = busy.portfolio()
    cash, base = balances_by_row(busy)
    # vectorbt takes for zero what is less than a billionth of what it was.
    np.testing.assert_allclose(portfolio.cash(), cash, rtol=1e-9, atol=1e-3)
    np.testing.assert_allclose(portfolio.assets(), base, rtol=1e-9, atol=1e-6)


def test_its_orders_are_the_fills_and_what_reverts_cost(busy):
    records = busy.portfolio().orders.records
    only_gas = sum(order.base == order.base_before for order in busy.landed)
    assert only_gas > 0
    assert len(records) == len(busy.landed) + only_gas + 1  # and the opening purchase
    assert records["size"].gt(0).all()
    assert records["price"].gt(0).all()
    quote, base = 10**6, 10**18
    price = busy.frame.price
    fees = [order.fee / (quote if order.buys else base / price[order.row]) for order in busy.landed]
    gas = busy.orders.gas_quote.to_floats(quote).sum()
    assert records["fees"].sum() == pytest.approx(sum(fees) + gas, rel=1e-5)


def test_a_fill_paid_what_it_paid(run_of, make_frame, sides):
    frame = make_frame([2000.0, 2010.0, 2020.0])
    run = run_of(frame, sides("BSH", 0.1), frictions={"latency": {"swaps": 0}, "gas": {"gwei": 10.0}})
    records = run.portfolio().orders.records_readable
    assert records["Side"].tolist() == ["Buy", "Buy", "Sell"]  # the first is the opening base
    for (_, record), order in zip(records.iloc[1:].iterrows(), run.landed, strict=True):
        moved = (order.cash - order.cash_before) / 10**6
        sign = 1 if order.buys else -1
        assert -sign * record["Size"] * record["Price"] - record["Fees"] == pytest.approx(moved, rel=1e-12)
        assert record["Price"] == pytest.approx(frame.price[order.row], rel=1e-4)
        assert record["Fees"] == pytest.approx(order.gas_quote / 10**6 + abs(moved) * 5e-4, rel=1e-2)


@pytest.mark.parametrize("base_share", [0.5, 0.0])
def test_a_revert_costs_its_gas_and_makes_no_absurd_trade(run_of, make_frame, sides, base_share):
    frame = make_frame([2000.0, 2100.0, 2100.0])
    run = run_of(frame, sides("BHH", 0.1, slippage_bps=1.0), capital={"base_share": base_share})
    (order,) = run.landed
    assert order.outcome == Outcome.REVERTED_SLIPPAGE
    portfolio = assert_value_is_the_ledgers(run)
    records = portfolio.orders.records
    assert records["fees"].sum() == pytest.approx(order.gas_quote / 10**6, rel=1e-9)
    assert portfolio.trades.records_readable["Return"].abs().max() < 0.06


def test_its_index_is_in_utc_and_rises(busy):
    index = busy.portfolio().wrapper.index
    assert len(index) == len(busy.frame)
    assert index.is_monotonic_increasing
    assert index.is_unique
    assert str(index.tz) == "UTC"
    assert abs(index - pd.DatetimeIndex(busy.frame.at, tz="UTC")).max() < pd.Timedelta("1us")


def test_a_run_that_never_trades(run_of, tape, sides):
    portfolio = assert_value_is_the_ledgers(run_of(tape[:50], sides("H" * 50)))
    assert len(portfolio.orders.records) == 1


def test_all_in_quote(run_of, tape, sides):
    assert_value_is_the_ledgers(run_of(tape[:50], sides("HHB" + "H" * 47), capital={"base_share": 0.0}))


def test_all_in_quote_and_never_trading(run_of, tape, sides):
    portfolio = assert_value_is_the_ledgers(run_of(tape[:50], sides("H" * 50), capital={"base_share": 0.0}))
    assert len(portfolio.orders.records) == 0
