"""Reconciliation: a ledger in which a single unit was changed is refused."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core.exact import ExactInts
from rook_bench.execution.outcome import Outcome
from rook_bench.replay import LedgerError, reconcile
from rook_bench.replay.ledger import balances_by_row, closing_balances

PATTERN = "BBSSSHBS" * 50


@pytest.fixture(scope="module")
def run(run_of, tape, sides):
    """Fills, slippage and deadline reverts, gas from base: every kind of order."""
    decisions = sides(
        PATTERN, np.where([letter == "B" for letter in PATTERN], 1.0, 0.6), slippage_bps=3.0, deadline_s=30.0
    )
    config = {"capital": {"quote_value": 2e5, "base_share": 1.0}, "frictions": {"gas": {"gwei": 200.0}}}
    run = run_of(tape[:400], decisions, **config)
    assert {Outcome.FILLED, Outcome.REVERTED_SLIPPAGE, Outcome.REVERTED_DEADLINE} <= set(run.orders.outcome.tolist())
    assert not run.orders.gas_base.zero().all()
    return run


def changed(run, name, index, by=1):
    values = list(getattr(run.orders, name))
    values[index] += by
    return replace(run, orders=replace(run.orders, **{name: ExactInts.of(values)}))


def test_an_untouched_run_reconciles(run):
    reconcile(run)
    assert closing_balances(run) == (run.orders.cash[len(run.orders) - 1], run.orders.base[len(run.orders) - 1])


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize(
    "name", ["amount_in", "quoted", "paid", "fee", "out", "gas_quote", "gas_base", "cash", "base", "sqrt_after"]
)
def test_one_unit_in_any_column_of_a_fill(run, name, by):
    fills = np.flatnonzero(run.orders.outcome == Outcome.FILLED)
    values = getattr(run.orders, name)
    fills = [index for index in fills if values[int(index)] + by >= 0]
    for index in (fills[0], fills[len(fills) // 2], fills[-1]):
        with pytest.raises(LedgerError):
            reconcile(changed(run, name, int(index), by))


@pytest.mark.parametrize("name", ["paid", "fee", "out", "gas_quote", "gas_base", "cash", "base"])
def test_one_unit_in_a_revert(run, name):
    reverts = np.flatnonzero(run.orders.outcome == Outcome.REVERTED_SLIPPAGE)
    with pytest.raises(LedgerError):
        reconcile(changed(run, name, int(reverts[-1])))


def test_a_fill_that_is_better_than_the_pool_gives(run):
    """Output and balances changed alike: the sums hold, only the pool maths tells."""
    index = int(np.flatnonzero(run.orders.filled & run.orders.buys)[-1])
    better = changed(run, "out", index, 10)
    base = list(run.orders.base)
    better = replace(
        better, orders=replace(better.orders, base=ExactInts.of([*base[:index], *(b + 10 for b in base[index:])]))
    )
    with pytest.raises(LedgerError, match="not what the pool maths gives"):
        reconcile(better)


def test_a_revert_that_moved_tokens(run):
    index = int(np.flatnonzero(run.orders.filled)[3])
    outcome = run.orders.outcome.copy()
    outcome[index] = Outcome.REVERTED_SLIPPAGE
    with pytest.raises(LedgerError, match="tokens moved in a revert"):
        reconcile(replace(run, orders=replace(run.orders, outcome=outcome)))


def test_a_bought_lot_called_sold(run):
    side = run.orders.side.copy()
    index = int(np.flatnonzero(run.orders.filled)[0])
    side[index] = 2 - side[index]
    with pytest.raises(LedgerError):
        reconcile(replace(run, orders=replace(run.orders, side=side)))


def test_a_fill_moved_to_another_row(run):
    landing = run.orders.landing_row.copy()
    landing[int(np.flatnonzero(run.orders.filled)[5])] += 1
    with pytest.raises(LedgerError):
        reconcile(replace(run, orders=replace(run.orders, landing_row=landing)))


def test_an_order_left_out(run):
    keep = np.ones(len(run.orders), bool)
    keep[int(np.flatnonzero(run.orders.filled)[5])] = False
    columns = {name: getattr(run.orders, name)[keep] for name in run.orders.__dataclass_fields__}
    with pytest.raises(LedgerError, match="don't follow"):
        reconcile(replace(run, orders=type(run.orders)(**columns)))


def test_other_opening_balances(run):
    with pytest.raises(LedgerError):
        reconcile(replace(run, opening=(run.opening[0] + 1, run.opening[1])))


@pytest.mark.parametrize("row", [0, 200, -1])
def test_an_equity_curve_off_by_a_millionth_of_a_cent(run, row):
    equity = run.equity.copy()
    equity[row] += 1e-6
    with pytest.raises(LedgerError, match="equity curve"):
        reconcile(replace(run, equity=equity))


def test_balances_by_row_are_those_after_the_last_order_of_each_row(run):
    cash, base = balances_by_row(run)
    landed = run.landed
    last = {order.row: order for order in landed}
    for row, order in last.items():
        assert (cash[row], base[row]) == (order.cash / 10**6, order.base / 10**18)
    assert (cash[0], base[0]) == (run.opening[0] / 10**6, run.opening[1] / 10**18)


def test_landed_orders_chain(run):
    landed = run.landed
    assert (landed[0].cash_before, landed[0].base_before) == run.opening
    for before, after in zip(landed, landed[1:], strict=False):
        assert (before.cash, before.base) == (after.cash_before, after.base_before)
