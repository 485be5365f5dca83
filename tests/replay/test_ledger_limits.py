"""Limits that need the ledger: each refuses what it says, and keeps its name."""

import numpy as np
import pytest

from rook_bench.execution.outcome import Outcome
from rook_bench.replay.ledger import balances_by_row

FREE = {"gas": {"gwei": 0.0}, "fee_pips": 0}


def refusals(run):
    return run.orders.rejected_by.tolist()


def test_trades_per_day(run_of, make_frame, sides):
    hours = np.array([0, 1, 2, 11.9, 12.1, 13, 14])  # from noon: midnight after the fourth
    frame = make_frame([2500.0] * 7, seconds=hours * 3600)
    run = run_of(frame, sides("B" * 7, 0.01, deadline_s=1e9), risk={"filters": ["trades_per_day:2"]})
    assert refusals(run) == ["", "", "trades_per_day", "trades_per_day", "", "", "end_of_tape"]


def test_no_trades_per_day(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0] * 3), sides("BBB"), risk={"filters": ["trades_per_day:0"]})
    assert refusals(run) == ["trades_per_day", "trades_per_day", "end_of_tape"]


def test_orders_that_were_never_sent_do_not_count(run_of, make_frame, sides):
    frame = make_frame([2500.0] * 4, liquidity=[0, 10**19, 10**19, 10**19])
    run = run_of(frame, sides("BBBH", 0.1), risk={"filters": ["trades_per_day:1"]})
    assert refusals(run) == ["", "", "trades_per_day"]
    assert run.orders.outcome[0] == Outcome.NO_LIQUIDITY


def test_cooldown(run_of, make_frame, sides):
    frame = make_frame([2500.0] * 6, seconds=[0, 30, 59, 60, 100, 200])
    run = run_of(frame, sides("BBBBBH", 0.01, deadline_s=1e9), risk={"filters": ["cooldown:60"]})
    assert refusals(run) == ["", "cooldown", "cooldown", "", "cooldown"]


def test_position_limit(run_of, make_frame, sides):
    frame = make_frame([2500.0] * 8)
    limits = {"filters": [{"name": "position_limit", "max_base_share": 0.8, "min_base_share": 0.1}]}
    run = run_of(frame, sides("BBBHSSSH", 0.5), frictions=FREE, risk=limits)
    # 50% base; +25% = 75%; +12.5% would be 87.5%; then 75% -> 37.5% -> 18.75% -> would be 9.4%.
    assert refusals(run) == ["", "position_limit", "position_limit", "", "", "position_limit"]


def test_pool_limit(run_of, make_frame, sides):
    frame = make_frame([2500.0] * 8)
    run = run_of(frame, sides("BBBHSSSH", 0.5), frictions=FREE, risk={"filters": ["pool_limit:0.3"]})
    # Half of the quote is a quarter of all; then 37.5% would be bought; from 75% to 37.5%, which is 12.5% sold.
    assert refusals(run) == ["", "pool_limit", "pool_limit", "", "pool_limit", "pool_limit"]


def test_exposure_limit_lets_every_sale_pass(run_of, make_frame, sides):
    frame = make_frame([2500.0] * 8)
    run = run_of(frame, sides("BBSHBSSH", 0.5), frictions=FREE, risk={"filters": ["exposure_limit:0.8"]})
    assert refusals(run) == ["", "exposure_limit", "", "", "", ""]


def test_limits_of_a_pool_count_orders_in_flight(run_of, make_frame, sides):
    frame, late = make_frame([2500.0] * 12), FREE | {"latency": {"swaps": 6}}
    for name in ("pool_limit:0.2", "exposure_limit:0.7"):
        run = run_of(frame, sides("BBBBHHHHHHHH", 0.3), frictions=late, risk={"filters": [name]})
        _, base = balances_by_row(run)
        assert 0 < (run.orders.rejected_by == name.split(":")[0]).sum() < 4
        assert base[-1] * 2500.0 < 7_001.0


def test_position_limit_counts_orders_in_flight(run_of, make_frame, sides):
    """Bounds hold after the order, also when several are on their way at once."""
    frame = make_frame([2500.0] * 12)
    run = run_of(
        frame,
        sides("BBBBHHHHHHHH", 0.3),
        frictions=FREE | {"latency": {"swaps": 6}},
        risk={"filters": [{"name": "position_limit", "max_base_share": 0.7}]},
    )
    cash, base = balances_by_row(run)
    share = base * frame.price / (cash + base * frame.price)
    assert share.max() < 0.701


def test_drawdown_stop_is_for_good(run_of, make_frame, sides):
    frame = make_frame([2500.0, 2500.0, 1500.0, 1500.0, 2600.0, 2600.0])
    run = run_of(frame, sides("HBHBBH", 0.5), frictions=FREE, risk={"filters": ["drawdown_stop:0.2"]})
    assert refusals(run) == ["", "drawdown_stop", "drawdown_stop"]


def test_drawdown_stop_also_sees_falls_between_decisions(run_of, make_frame, sides):
    """The fall and the recovery both happen while the source holds; trading stays stopped."""
    frame = make_frame([2500.0, 2500.0, 1500.0, 2600.0, 2600.0, 2600.0])
    run = run_of(frame, sides("BHHHBH", 0.5), frictions=FREE, risk={"filters": ["drawdown_stop:0.2"]})
    assert refusals(run) == ["", "drawdown_stop"]


def test_drawdown_below_the_stop_changes_nothing(run_of, make_frame, sides):
    frame = make_frame([2500.0, 2300.0, 2500.0, 2500.0])
    run = run_of(frame, sides("HBBH", 0.5), frictions=FREE, risk={"filters": ["drawdown_stop:0.2"]})
    assert refusals(run) == ["", ""]


def test_cost_aware_minimum_refuses_small_and_large(run_of, make_frame, sides):
    """Gas makes a small order dear, impact a large one; one in between costs the fee."""
    frame = make_frame([2500.0] * 2, liquidity=3 * 10**17)
    config = {
        "capital": {"quote_value": 1e6},
        "frictions": {"gas": {"flat_quote": 1.0}},
        "risk": {"filters": ["cost_aware_minimum:15"]},
    }
    refused = [
        refusals(run_of(frame, sides("BH", size, slippage_bps=5000.0), **config))[0] for size in (1e-4, 0.01, 1.0)
    ]
    assert refused == ["cost_aware_minimum", "", "cost_aware_minimum"]


def test_cost_aware_minimum_is_the_stated_share(run_of, make_frame, sides):
    """Fee 5 bps and 1 USDC of gas on 5,000 USDC: 7 bps and hardly any impact."""
    frame = make_frame([2500.0] * 2, liquidity=10**22)
    for limit, expected in ((6.9, "cost_aware_minimum"), (7.1, "")):
        run = run_of(
            frame,
            sides("SH", 1.0),
            frictions={"gas": {"flat_quote": 1.0}},
            risk={"filters": [f"cost_aware_minimum:{limit}"]},
        )
        assert refusals(run) == [expected]


def test_refused_orders_move_nothing(run_of, make_frame, sides):
    run = run_of(make_frame([2500.0] * 4), sides("BSBH"), risk={"filters": ["trades_per_day:0"]})
    assert (run.orders.outcome == Outcome.REJECTED).all()
    assert set(run.orders.cash) == {run.opening[0]}
    assert set(run.orders.base) == {run.opening[1]}
    assert not run.orders.sent.any()
    assert run.equity == pytest.approx(run.hold_equity, rel=1e-12)


def test_the_first_filter_to_refuse_is_named(run_of, make_frame, sides):
    decisions = sides("BBBH", 0.1, confidence=0.3)
    filters = ["volatility_bounds:minimum=0.5,maximum=1", "confidence_threshold:0.6", "trades_per_day:0"]
    frame = make_frame([2500.0] * 4)
    assert set(refusals(run_of(frame, decisions, risk={"filters": filters}))) == {"volatility_bounds"}
    assert set(refusals(run_of(frame, decisions, risk={"filters": filters[1:]}))) == {"confidence_threshold"}
    assert set(refusals(run_of(frame, decisions, risk={"filters": filters[2:]}))) == {"trades_per_day"}
