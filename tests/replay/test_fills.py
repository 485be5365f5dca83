"""Single orders, computed by hand: what the pool gives, when the order lands, what a revert costs."""

import numpy as np
import pytest

from rook_bench.core import ConfigError, InputError
from rook_bench.execution.outcome import Outcome
from rook_bench.replay import Capital, ReplayConfig, reconcile
from rook_bench.replay.config import check_pair
from rook_bench.replay.engine import opening_balances
from rook_bench.replay.market_rows import landing

Q96 = 2**96
GAS_OFF = {"gas": {"gwei": 0.0}}


def outcome_of(run, index=0):
    return Outcome(int(run.orders.outcome[index]))


def up(numerator, divisor):
    return -(-numerator // divisor)


def test_buy_where_the_base_is_token1(run_of, make_frame, sides, pools):
    """USDC in, WETH out: the sqrt price falls."""
    frame = make_frame([2500.0, 2501.0], pool=pools["token1"])
    run = run_of(frame, sides("BH", 0.5), frictions=GAS_OFF)
    price, liquidity = frame.sqrt_price_x96[1], 10**19
    assert run.opening == (5_000 * 10**6, 2 * 10**18)
    offered = 2_500 * 10**6
    net = offered * 999_500 // 10**6
    after = up(liquidity * Q96 * price, liquidity * Q96 + net * price)
    taken = up(up(liquidity * Q96 * (price - after), price), after)
    bought = liquidity * (price - after) // Q96
    orders = run.orders
    assert outcome_of(run) == Outcome.FILLED
    assert (orders.amount_in[0], orders.paid[0], orders.fee[0], orders.out[0]) == (
        offered,
        taken,
        offered - taken,
        bought,
    )
    assert orders.sqrt_after[0] == after
    assert (orders.cash[0], orders.base[0]) == (2_500 * 10**6, 2 * 10**18 + bought)
    assert bought / 1e18 == pytest.approx(2_500 / 2501 * 0.9995, rel=1e-5)
    assert run.equity[-1] == pytest.approx(2_500 + (2 + bought / 1e18) * 2501, rel=1e-12)


def test_sell_where_the_base_is_token1(run_of, make_frame, sides, pools):
    """WETH in, USDC out: the sqrt price rises."""
    frame = make_frame([2500.0, 2490.0], pool=pools["token1"])
    run = run_of(frame, sides("SH", 0.25), frictions=GAS_OFF)
    price, liquidity = frame.sqrt_price_x96[1], 10**19
    offered = 5 * 10**17
    after = price + (offered * 999_500 // 10**6) * Q96 // liquidity
    taken = up(liquidity * (after - price), Q96)
    got = liquidity * Q96 * (after - price) // after // price
    orders = run.orders
    assert (orders.paid[0], orders.fee[0], orders.out[0]) == (taken, offered - taken, got)
    assert (orders.cash[0], orders.base[0]) == (5_000 * 10**6 + got, 15 * 10**17)


def test_buy_where_the_base_is_token0(run_of, make_frame, sides, pools):
    """USDC in, ETH out: the sqrt price rises."""
    frame = make_frame([2500.0, 2501.0], pool=pools["token0"])
    run = run_of(frame, sides("BH", 0.5), frictions=GAS_OFF)
    price, liquidity = frame.sqrt_price_x96[1], 10**19
    offered = 2_500 * 10**6
    after = price + (offered * 999_500 // 10**6) * Q96 // liquidity
    taken = up(liquidity * (after - price), Q96)
    bought = liquidity * Q96 * (after - price) // after // price
    orders = run.orders
    assert (orders.paid[0], orders.fee[0], orders.out[0]) == (taken, offered - taken, bought)
    assert (orders.cash[0], orders.base[0]) == (2_500 * 10**6, 2 * 10**18 + bought)


def test_sell_where_the_base_is_token0(run_of, make_frame, sides, pools):
    """ETH in, USDC out: the sqrt price falls."""
    frame = make_frame([2500.0, 2490.0], pool=pools["token0"])
    run = run_of(frame, sides("SH", 0.25), frictions=GAS_OFF)
    price, liquidity = frame.sqrt_price_x96[1], 10**19
    offered = 5 * 10**17
    net = offered * 999_500 // 10**6
    after = up(liquidity * Q96 * price, liquidity * Q96 + net * price)
    taken = up(up(liquidity * Q96 * (price - after), price), after)
    got = liquidity * (price - after) // Q96
    orders = run.orders
    assert (orders.paid[0], orders.fee[0], orders.out[0]) == (taken, offered - taken, got)
    assert (orders.cash[0], orders.base[0]) == (5_000 * 10**6 + got, 15 * 10**17)


def test_opening_balances_are_at_the_first_price(make_frame):
    frame = make_frame([2000.0, 4000.0])
    cash, base = opening_balances(ReplayConfig(capital=Capital(quote_value=1000.0, base_share=0.25)), frame)
    assert (cash, base) == (750 * 10**6, 125 * 10**15)


def test_order_meets_the_next_swaps_state_not_its_own(run_of, make_frame, sides):
    """The same decision lands one swap later by default: a price that moved 10% is met there."""
    frame = make_frame([2500.0, 2750.0, 2500.0])
    early, default, late = (
        run_of(frame, sides("BHH", 0.5, slippage_bps=5000.0), frictions=GAS_OFF | {"latency": latency}).orders
        for latency in ({"swaps": 0}, {}, {"swaps": 2})
    )
    assert [int(orders.landing_row[0]) for orders in (early, default, late)] == [0, 1, 2]
    assert early.out[0] == late.out[0]
    assert default.out[0] == pytest.approx(early.out[0] / 1.1, rel=1e-3)
    assert early.quoted[0] == default.quoted[0] == early.out[0]


def latency_rows(frame, **latency):
    rows, when = landing(frame, ReplayConfig.parse({"frictions": {"latency": latency}}, where="test").frictions)
    return rows.tolist(), ((when - frame.at.astype(np.int64)) / 1e9).tolist()


def test_latency_in_seconds_meets_the_last_swap_before_its_turn(make_frame):
    frame = make_frame([2500.0] * 5, seconds=[0, 10, 12, 30, 41])
    rows, waits = latency_rows(frame, seconds=12.0)
    assert rows == [2, 2, 2, -1, -1]
    assert waits == [12.0] * 5


def test_latency_of_no_time_meets_all_swaps_of_that_second(make_frame):
    frame = make_frame([2500.0] * 4, seconds=[0, 0, 12, 12])
    assert latency_rows(frame, seconds=0.0)[0] == [1, 1, 3, 3]


def test_latency_in_blocks_meets_the_last_swap_of_the_block(make_frame):
    frame = make_frame([2500.0] * 6, seconds=[0, 0, 12, 12, 48, 60], blocks=[7, 7, 8, 8, 11, 12])
    rows, waits = latency_rows(frame, blocks=1)
    assert rows == [3, 3, 3, 3, 5, -1]
    # Block 9 holds no swap of this pool: its time comes from the chain's 12 s.
    assert waits == [12.0, 12.0, 12.0, 12.0, 12.0, 12.0]


def test_latency_in_blocks_needs_blocks(run_of, make_frame, sides):
    with pytest.raises(InputError, match="no block numbers"):
        run_of(make_frame([2500.0] * 3), sides("BHH"), frictions={"latency": {"blocks": 1}})


def test_beyond_the_tape_nothing_lands(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0] * 3), sides("HHB"))
    assert (outcome_of(run), run.orders.rejected_by[0]) == (Outcome.REJECTED, "end_of_tape")
    assert run.equity == pytest.approx(run.hold_equity, rel=1e-12)


GAS = {"gas": {"swap_units": 100, "slippage_revert_units": 70, "deadline_revert_units": 30, "gwei": 1e5}}


def gas_cost(units, price):
    """Quote units of gas at 1e5 gwei, rounded up."""
    return int(np.ceil(units * 10**14 / 1e18 * price * 1e6))


def test_late_order_reverts_and_pays_its_own_gas(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0, 2510.0], seconds=[0, 60]), sides("BH", deadline_s=59.0), frictions=GAS)
    assert outcome_of(run) == Outcome.REVERTED_DEADLINE
    assert run.orders.gas_quote[0] == gas_cost(30, 2510.0)
    assert run.orders.cash[0] == run.opening[0] - gas_cost(30, 2510.0)
    assert run.orders.base[0] == run.opening[1]
    assert run.orders.paid[0] == run.orders.out[0] == 0


def test_order_on_its_deadline_still_executes(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0, 2500.0], seconds=[0, 60]), sides("BH", deadline_s=60.0), frictions=GAS)
    assert outcome_of(run) == Outcome.FILLED


@pytest.mark.parametrize(("slippage_bps", "outcome"), [(49.0, Outcome.REVERTED_SLIPPAGE), (51.0, Outcome.FILLED)])
def test_slippage_is_measured_from_the_quote_at_decision(run_of, make_frame, sides, slippage_bps, outcome):
    frame = make_frame([2500.0, 2500.0 / 0.995], liquidity=10**21)
    run = run_of(frame, sides("BH", 0.5, slippage_bps=slippage_bps), frictions=GAS)
    assert outcome_of(run) == outcome
    units = 100 if outcome == Outcome.FILLED else 70
    assert run.orders.gas_quote[0] == gas_cost(units, 2500.0 / 0.995)
    if outcome == Outcome.REVERTED_SLIPPAGE:
        assert (run.orders.paid[0], run.orders.sqrt_after[0]) == (0, frame.sqrt_price_x96[1])


def test_seller_reverts_when_the_price_fell(run_of, make_frame, sides, pools):
    for pool in pools.values():
        frame = make_frame([2500.0, 2480.0], pool=pool)
        run = run_of(frame, sides("SH", 0.5, slippage_bps=50.0))
        assert outcome_of(run) == Outcome.REVERTED_SLIPPAGE


def test_risk_caps_the_slippage(run_of, make_frame, sides):
    frame = make_frame([2500.0, 2510.0])
    loose, capped = (
        run_of(frame, sides("BH", 0.5, slippage_bps=500.0), risk={"max_slippage_bps": cap}) for cap in (None, 10.0)
    )
    assert (outcome_of(loose), outcome_of(capped)) == (Outcome.FILLED, Outcome.REVERTED_SLIPPAGE)


def test_partial_mode_fills_up_to_the_limit_and_returns_the_rest(run_of, make_frame, sides, pools):
    for pool, falls in ((pools["token1"], True), (pools["token0"], False)):
        frame = make_frame([2500.0, 2500.0], liquidity=10**16, pool=pool)
        run = run_of(
            frame,
            sides("BH", 1.0, slippage_bps=100.0),
            frictions=GAS_OFF | {"on_slippage": "partial"},
            capital={"quote_value": 1e6},
        )
        orders = run.orders
        assert outcome_of(run) == Outcome.PARTIAL
        spent = orders.paid[0] + orders.fee[0]
        assert 0 < spent < orders.amount_in[0]
        assert orders.cash[0] == run.opening[0] - spent
        # The price moved by 1%, its square root by half of that.
        ratio = orders.sqrt_after[0] / frame.sqrt_price_x96[1]
        assert (ratio if falls else 1 / ratio) == pytest.approx(0.99**0.5, rel=1e-9)
        reconcile(run)


def test_partial_mode_reverts_where_the_price_is_past_the_limit(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0, 2530.0]), sides("BH", slippage_bps=100.0), frictions={"on_slippage": "partial"})
    assert outcome_of(run) == Outcome.REVERTED_SLIPPAGE


def test_buyer_without_quote(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0] * 2), sides("BH"), capital={"base_share": 1.0})
    assert outcome_of(run) == Outcome.INSUFFICIENT_BALANCE
    assert not run.orders.sent[0]
    assert run.orders.gas_quote[0] == run.orders.gas_base[0] == 0


def test_empty_pool_at_decision_and_at_landing(run_of, make_frame, sides):
    decided = run_of(make_frame([2500.0] * 2, liquidity=[0, 10**19]), sides("BH"))
    landed = run_of(make_frame([2500.0] * 2, liquidity=[10**19, 0]), sides("BH"))
    assert outcome_of(decided) == outcome_of(landed) == Outcome.NO_LIQUIDITY
    assert decided.orders.gas_quote[0] == 0  # never sent
    assert landed.orders.gas_quote[0] > 0  # a transaction that failed


def test_seller_without_quote_pays_gas_from_base(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0] * 2), sides("SH", 1.0), capital={"base_share": 1.0}, frictions=GAS)
    orders = run.orders
    assert orders.amount_in[0] == run.opening[1] - 100 * 10**14  # the gas is kept back
    assert outcome_of(run) == Outcome.FILLED
    # The sale itself brought quote, and quote pays first.
    assert orders.gas_quote[0] == gas_cost(100, 2500.0)
    assert orders.gas_base[0] == 0


def test_reverted_sale_without_quote_pays_gas_from_base(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0, 2400.0]), sides("SH", 0.5), capital={"base_share": 1.0}, frictions=GAS)
    assert outcome_of(run) == Outcome.REVERTED_SLIPPAGE
    assert (run.orders.gas_quote[0], run.orders.gas_base[0]) == (0, 70 * 10**14)
    assert run.orders.base[0] == run.opening[1] - 70 * 10**14
    reconcile(run)


def test_flat_gas_is_the_same_for_every_transaction(run_of, make_frame, sides):
    flat = {"gas": {"flat_quote": 1.5}}
    filled = run_of(make_frame([2500.0] * 2), sides("BH"), frictions=flat)
    late = run_of(make_frame([2500.0] * 2, seconds=[0, 600]), sides("BH"), frictions=flat)
    assert filled.orders.gas_quote[0] == late.orders.gas_quote[0] == 1_500_000
    assert outcome_of(late) == Outcome.REVERTED_DEADLINE


def test_the_dearest_gas_that_the_config_allows(run_of, make_frame, sides):
    """100,000 gwei make 12 ether a swap, more than fits into 63 bits of wei."""
    run = run_of(make_frame([2500.0] * 2), sides("BH"), frictions={"gas": {"gwei": 1e5}}, capital={"quote_value": 1e6})
    assert run.orders.gas_quote[0] == 12 * 2500 * 10**6


def test_orders_in_flight_do_not_spend_the_same_balance(run_of, make_frame, sides):
    """Two buys of everything before the first has landed: the second has nothing left to offer."""
    frame = make_frame([2500.0] * 5)
    run = run_of(frame, sides("BBHHH", 1.0), frictions=GAS_OFF | {"latency": {"swaps": 3}})
    assert [outcome_of(run, 0), outcome_of(run, 1)] == [Outcome.FILLED, Outcome.INSUFFICIENT_BALANCE]
    half = run_of(frame, sides("BBHHH", 0.5), frictions=GAS_OFF | {"latency": {"swaps": 3}}).orders
    assert half.amount_in[0] == 2 * half.amount_in[1] == 2_500 * 10**6
    assert min(half.cash) >= 0


def test_sale_in_flight_does_not_bind_quote(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0] * 5), sides("SBHHH", 1.0), frictions=GAS_OFF | {"latency": {"swaps": 3}})
    assert run.orders.amount_in[1] == run.opening[0]


def test_fee_of_the_config_replaces_the_pools(run_of, make_frame, sides):
    frame = make_frame([2500.0] * 2)
    free, dear = (run_of(frame, sides("BH"), frictions=GAS_OFF | {"fee_pips": pips}).orders for pips in (0, 10_000))
    assert free.fee[0] <= 1  # the unit that rounding leaves
    assert dear.fee[0] == pytest.approx(dear.amount_in[0] * 0.01, abs=2)
    assert dear.out[0] < free.out[0]


def test_fill_that_leaves_the_known_range_is_marked(run_of, make_frame, sides):
    frame = make_frame([2500.0] * 2, liquidity=10**16)
    small, large = (
        run_of(frame, sides("BH", size, slippage_bps=9000.0), frictions=GAS_OFF, capital={"quote_value": 1e5})
        for size in (1e-6, 1.0)
    )
    assert (bool(small.orders.left_range[0]), bool(large.orders.left_range[0])) == (False, True)


def test_pair_of_the_config_must_be_the_tapes(make_frame):
    pool = make_frame([2500.0]).pool
    check_pair("ETH/USDC", pool)
    check_pair("weth/usdc", pool)
    check_pair(None, pool)
    with pytest.raises(ConfigError, match="WETH/USDC"):
        check_pair("BTC/USDC", pool)
