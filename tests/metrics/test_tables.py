"""What a notebook gets of a run adds up: to the ledger, to the attribution, to the metrics, whatever was assumed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rook_bench.core import Side
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.execution.outcome import Outcome
from rook_bench.metrics.attribution import attribute
from rook_bench.metrics.markouts import markouts
from rook_bench.metrics.tables import decision_table, equity_table, fill_table, trade_table
from rook_bench.metrics.trading import realised_gains
from rook_bench.replay import ReplayConfig

TABLES = {"equity": equity_table, "decisions": decision_table, "fills": fill_table, "trades": trade_table}
ROWS = 90


def wishes(seed, rows=ROWS):
    """Buys, sells, holds and answers that could not be read, of every size and patience."""
    rng = np.random.default_rng(seed)
    side = rng.choice([Side.BUY, Side.HOLD, Side.SELL, UNPARSED], rows, p=[0.35, 0.2, 0.35, 0.1])
    return DecisionTape.from_sides(
        side,
        rng.choice([0.01, 0.3, 1.0], rows),
        slippage_bps=rng.choice([1.0, 20.0, 5000.0], rows),
        deadline_s=rng.choice([0.0, 20.0, 300.0], rows),
    )


@st.composite
def assumptions(draw):
    on_slippage = draw(st.sampled_from(["revert", "partial"]))
    gas = st.sampled_from([{"gwei": 0.0}, {"gwei": 1.0}, {"gwei": 900.0}, {"flat_quote": 7.5}])
    return {
        "capital": {
            "quote_value": draw(st.sampled_from([30.0, 1e4, 5e6])),
            "base_share": draw(st.sampled_from([0.0, 0.5, 1.0])),
        },
        "frictions": {
            "latency": draw(st.sampled_from([{"swaps": 0}, {"swaps": 1}, {"blocks": 2}, {"seconds": 30.0}])),
            "gas": draw(gas),
            "on_slippage": on_slippage,
            "mev": "none" if on_slippage == "partial" else draw(st.sampled_from(["none", "typical", "worst"])),
        },
    }


def assert_adds_up(run):
    """Every sum and every count that one table shares with another, or with a metric."""
    frame, orders = run.frame, run.orders
    equity, decisions, fills, trades = (make(run) for make in TABLES.values())
    unit = 1.0 / frame.pool.quote.unit
    near = {"rel": 1e-9, "abs": 2 * unit}

    # One unit for what is rounded down at the last price, and what float64 loses.
    tolerance = 2 * unit + 1e-12 * (run.equity[-1] + run.hold_equity[-1] + fills["pnl"].abs().sum())
    assert abs(fills["pnl"].sum() - (run.equity[-1] - run.hold_equity[-1])) <= tolerance

    parts = attribute(run).in_quote()
    for name in ("fee", "impact", "mev"):
        assert fills[name].sum() == pytest.approx(parts[name], **near)
    filled = fills["outcome"].isin(["FILLED", "PARTIAL"]).to_numpy(dtype=bool)
    assert fills["gas"][filled].sum() == pytest.approx(parts["gas"], **near)
    assert fills["gas"][~filled].sum() == pytest.approx(parts["reverts"], **near)
    assert (fills["cost"] == fills["fee"] + fills["impact"] + fills["mev"] + fills["gas"]).all()
    assert not fills[["fee", "mev", "gas"]].lt(0).any(axis=None)
    assert (fills.loc[~filled, ["base", "quote", "fee", "impact", "mev"]] == 0).all(axis=None)
    assert fills.loc[~filled, "paid_price"].isna().all()
    assert filled.sum() == orders.filled.sum()
    assert len(fills) == len(run.landed)
    assert fills.index.is_monotonic_increasing
    assert (fills["decided_at"] <= fills.index).all()

    np.testing.assert_array_equal(trades["pnl"], realised_gains(run))
    assert len(trades) == (fills["side"].eq("SELL").to_numpy(dtype=bool) & filled).sum()
    assert (trades["holding"] >= pd.Timedelta(0)).all()
    assert (trades["entry_at"] + trades["holding"] == trades.index).all()
    np.testing.assert_allclose(trades["entry_price"] * trades["base"], trades["cost"], rtol=1e-12)
    np.testing.assert_allclose(trades["exit_price"] * trades["base"], trades["proceeds"], rtol=1e-12, atol=1e-12)

    np.testing.assert_array_equal(decisions["side"].isna(), run.decided.tape.side == UNPARSED)
    wished = decisions["side"].isin(["BUY", "SELL"]).to_numpy(dtype=bool)
    np.testing.assert_array_equal(decisions["outcome"].notna(), wished)
    assert (decisions["rejected_by"].notna() == decisions["outcome"].eq("REJECTED").fillna(False)).all()
    assert decisions["outcome"].isin(["FILLED", "PARTIAL"]).sum() == filled.sum()

    np.testing.assert_array_equal(equity["equity"], run.equity)
    np.testing.assert_allclose(equity["cash"] + equity["base"] * equity["price"], equity["equity"], rtol=1e-12)
    for table in (equity, decisions):
        assert table.index.equals(frame.at_index)
    for table in (equity, decisions, fills, trades):
        assert str(table.index.tz) == "UTC"
    assert str(fills["decided_at"].dtype) == str(trades["entry_at"].dtype) == "datetime64[ns, UTC]"


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), assumptions())
def test_the_tables_add_up(run_of, tape, seed, config):
    start = seed % (len(tape) - ROWS)
    run = run_of(tape[start : start + ROWS], wishes(seed), ReplayConfig.parse(config, where="test"))
    assert_adds_up(run)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.sampled_from([0.05, 1.0, 40.0]))
def test_the_tables_add_up_where_the_base_is_token0_and_fills_cross_ticks(run_of, dynamic_life, seed, base_value):
    frame = dynamic_life.frame()
    start = seed % (len(frame) - ROWS)
    part = frame[start : start + ROWS]
    config = {"capital": {"quote_value": base_value * float(part.price[0])}, "frictions": {"gas": {"flat_quote": 0.0}}}
    assert_adds_up(run_of(part, wishes(seed), ReplayConfig.parse(config, where="test")))


@pytest.fixture(scope="module")
def rough(run_of, tape):
    """A run in which all that is rare happens: several landings on a row, reverts, partial fills, gas from base."""
    config = {
        "capital": {"quote_value": 2e5, "base_share": 1.0},
        "frictions": {"gas": {"gwei": 200.0}, "latency": {"seconds": 40.0}, "on_slippage": "partial"},
    }
    run = run_of(tape[:600], wishes(7, 600), ReplayConfig.parse(config, where="test"))
    rows = [order.row for order in run.landed]
    assert len(set(rows)) < len(rows)
    seen = {Outcome(code) for code in run.orders.outcome.tolist()}
    assert {Outcome.FILLED, Outcome.PARTIAL, Outcome.REVERTED_SLIPPAGE, Outcome.REVERTED_DEADLINE} <= seen
    assert any(order.gas_base for order in run.landed)
    return run


def test_a_rough_run_adds_up(rough):
    assert_adds_up(rough)


def test_a_run_under_searchers_adds_up(run_of, tape):
    config = {"capital": {"quote_value": 5e6}, "frictions": {"mev": "typical", "gas": {"gwei": 0.1}}}
    run = run_of(tape[:300], wishes(3, 300), ReplayConfig.parse(config, where="test"))
    assert fill_table(run)["mev"].sum() > 0
    assert_adds_up(run)


def test_each_row_of_fills_is_the_transaction_that_landed(rough):
    fills, frame = fill_table(rough), rough.frame
    for (at, row), order in zip(fills.iterrows(), rough.landed, strict=True):
        assert at == frame.at_index[order.row]
        assert row["decided_at"] == frame.at_index[order.decided_row]
        assert row["side"] == ("BUY" if order.buys else "SELL")
        assert row["price"] == frame.price[order.row]
        spent, got = order.taken + order.fee, order.out
        base, quote = (got, spent) if order.buys else (spent, got)
        assert (row["base"], row["quote"]) == (base / frame.pool.base.unit, quote / frame.pool.quote.unit)
        if base:
            cash = (order.cash_before - order.cash) / frame.pool.quote.unit * (1 if order.buys else -1)
            paid_from_base = order.gas_base / frame.pool.base.unit * frame.price[order.row]
            all_in = cash + paid_from_base if order.buys else cash - paid_from_base
            # All that left the wallet, or came, over the base that changed hands; gas is rounded to a unit.
            assert row["paid_price"] == pytest.approx(all_in / row["base"], rel=1e-9, abs=2e-6 / row["base"])


def test_costs_without_friction_are_nothing_and_the_price_paid_is_the_pools(run_of, make_frame, sides):
    frame = make_frame([2000.0, 2010.0, 2020.0, 2030.0], liquidity=10**24)
    frictions = {"gas": {"gwei": 0.0}, "fee_pips": 0, "latency": {"swaps": 0}}
    run = run_of(frame, sides("BSHH", 0.1), frictions=frictions)
    fills = fill_table(run)
    np.testing.assert_allclose(fills["paid_price"], fills["price"], rtol=1e-6)
    assert fills["cost"].abs().max() < 1e-4


def test_mark_outs_are_the_metrics_mark_outs(run_of, tape, sides):
    run = run_of(tape[:300], sides("BHSBSH" * 50, 0.05))
    fills = fill_table(run, markouts_s=(12, 300, 900))
    for found in markouts(run, (12, 300, 900)):
        members = fills if found.side == "BOTH" else fills[fills["side"] == found.side]
        column = members[f"markout_{found.horizon_s}s_bps"]
        assert column.mean() == pytest.approx(found.net.value, rel=1e-9)
        assert column.notna().sum() == found.net.n > 20


def test_a_sale_whose_gas_ate_up_the_proceeds_has_no_mark_out(rough):
    fills = fill_table(rough)
    eaten = fills[fills["paid_price"] <= 0]
    assert len(eaten) > 0
    assert eaten.filter(like="markout").isna().all(axis=None)


def test_mark_outs_end_with_the_tape(run_of, make_frame, sides):
    frame = make_frame([2000.0, 2000.0, 2020.0, 2020.0], seconds=[0, 60, 120, 180])
    fills = fill_table(run_of(frame, sides("BHSH", 0.1)), markouts_s=(60, 120, 121))
    first = fills.iloc[0]
    assert first["markout_60s_bps"] == pytest.approx((2020.0 / first["paid_price"] - 1) * 1e4, rel=1e-9)
    assert np.isfinite(first["markout_120s_bps"])
    assert np.isnan(first["markout_121s_bps"])
    assert fills.iloc[1][["markout_60s_bps", "markout_120s_bps"]].isna().all()


def test_an_answer_that_could_not_be_read_is_missing_and_no_hold(run_of, short_tape):
    text = ["SELL", "BUY", "what?", "nothing now"]
    tape = DecisionTape.from_sides(np.array([Side.SELL, Side.BUY, UNPARSED, Side.HOLD] * 75), 0.1)
    run = run_of(short_tape, replace(tape, raw_text=np.array(text * 75, dtype=object)))
    table = decision_table(run)
    assert table["side"].head(4).tolist()[:2] == ["SELL", "BUY"]
    assert table["side"].isna().sum() == 75
    assert (table["side"] == "HOLD").sum() == 75
    assert table["outcome"].isna().sum() == 150
    assert table["answer"].tolist() == text * 75
    assert "answer" not in decision_table(run_of(short_tape, tape))


def test_labels_stand_beside_the_decisions(run_of, short_tape, sides):
    label = np.array(["BUY", "HOLD", "SELL"] * 100, dtype=object)
    run = run_of(replace(short_tape, labels={"label_side": label}), sides("BHS" * 100))
    table = decision_table(run)
    assert (table["label"] == table["side"]).all()
    assert "label" not in decision_table(run_of(short_tape, sides("BHS" * 100)))


def test_what_a_filter_refused_names_the_filter(run_of, short_tape, sides):
    risk = {"filters": [{"name": "trades_per_day", "maximum": 2}]}
    table = decision_table(run_of(short_tape, sides("B" * 300, 0.01), risk=risk))
    assert table["rejected_by"].value_counts().to_dict() == {"trades_per_day": 297, "end_of_tape": 1}
    assert (table["outcome"] == "REJECTED").sum() == 298


@pytest.mark.parametrize("name", TABLES)
def test_a_run_without_trades_has_the_same_columns(run_of, short_tape, sides, rough, name):
    empty, full = TABLES[name](run_of(short_tape, sides("H" * 300))), TABLES[name](rough)
    assert len(empty) == (300 if name in ("equity", "decisions") else 0)
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
    assert (empty.index.name, empty.index.dtype) == (full.index.name, full.index.dtype)


def test_one_swap_is_a_tape(run_of, short_tape, sides):
    run = run_of(short_tape[:1], sides("B"))
    assert [len(make(run)) for make in TABLES.values()] == [1, 1, 0, 0]


def test_trades_are_sales_against_their_average_cost(run_of, make_frame, sides):
    """Bought at 2000 and at 2200 in equal parts, sold at 2300 in two halves: by hand."""
    frame = make_frame([2000.0, 2200.0, 2300.0, 2300.0], seconds=[0, 100, 200, 300], liquidity=10**24)
    frictions = {"gas": {"gwei": 0.0}, "fee_pips": 0, "latency": {"swaps": 0}}
    capital = {"quote_value": 10_000.0, "base_share": 0.0}
    size = np.array([0.4, 2200 * 2 / 6000, 0.5, 1.0])  # 2 base for 4,000 of 10,000, and 2 for 4,400 of the 6,000 left
    trades = trade_table(run_of(frame, sides("BBSS", size), frictions=frictions, capital=capital))
    np.testing.assert_allclose(trades["base"], [2.0, 2.0], rtol=1e-6)
    np.testing.assert_allclose(trades["entry_price"], 2100.0, rtol=1e-6)
    np.testing.assert_allclose(trades["exit_price"], 2300.0, rtol=1e-6)
    np.testing.assert_allclose(trades["pnl"], 400.0, rtol=1e-4)
    np.testing.assert_allclose(trades["return"], 200 / 2100, rtol=1e-4)
    start = frame.at_index[0]
    bought = start + pd.Timedelta(seconds=50)  # half at 0 s, half at 100 s
    assert (abs(trades["entry_at"] - bought) < pd.Timedelta(milliseconds=1)).all()
    assert trades.index.tolist() == [start + pd.Timedelta(seconds=200), start + pd.Timedelta(seconds=300)]
