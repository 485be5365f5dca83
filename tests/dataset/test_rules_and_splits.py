"""Rules branch by branch, splits, the scaler, and the prepared folder."""

import json

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import InputError
from rook_bench.dataset.prepare import held_out, prepare
from rook_bench.dataset.rules import Rules, apply_rules
from rook_bench.dataset.splits import Scaler, SplitPlan, split_rows
from rook_bench.ingest.read import read_swaps
from rook_bench.market.features import compute_features

RULES = Rules(
    mr_price_deviation_threshold=0.001,
    mr_volume_multiplier=1.5,
    breakout_volatility_threshold=0.0006,
    breakout_volume_threshold=1.3,
    breakout_price_momentum=0.0005,
    min_volatility_threshold=0.0001,
    max_liquidity_impact=10.0,
    active_hours_start=8,
    active_hours_end=20,
)
QUIET = {
    "volume": 1.0,
    "volatility": 0.001,
    "liquidity_impact": 1.0,
    "volume_ratio": 1.0,
    "price_deviation": 0.0,
    "momentum_10": 0.0,
}


@pytest.mark.parametrize(
    ("change", "hour", "row", "rule"),
    [
        ({}, 12, 30, "NO_SIGNAL"),
        ({}, 7, 30, "MARKET_HOURS"),
        ({}, 20, 30, "NO_SIGNAL"),
        ({}, 21, 30, "MARKET_HOURS"),
        ({"volatility": 0.06}, 12, 30, "VOLATILITY_FILTER"),
        ({"volatility": 0.00005}, 12, 30, "VOLATILITY_FILTER"),
        ({"liquidity_impact": 11.0}, 12, 30, "LIQUIDITY_FILTER"),
        ({"price_deviation": -0.002, "volume_ratio": 2.0}, 12, 30, "MEAN_REVERSION_BUY"),
        ({"price_deviation": 0.002, "volume_ratio": 2.0}, 12, 30, "MEAN_REVERSION_SELL"),
        ({"price_deviation": 0.002, "volume_ratio": 1.5}, 12, 30, "NO_SIGNAL"),
        ({"price_deviation": 0.002, "volume_ratio": 2.0}, 12, 19, "NO_SIGNAL"),
        ({"momentum_10": 0.001, "volume_ratio": 1.4}, 12, 30, "BREAKOUT_BUY"),
        ({"momentum_10": -0.001, "volume_ratio": 1.4}, 12, 30, "BREAKOUT_SELL"),
        ({"momentum_10": -0.001, "volume_ratio": 1.4}, 12, 9, "NO_SIGNAL"),
        ({"momentum_10": 0.001, "volume_ratio": 1.4, "volatility": 0.0005}, 12, 30, "NO_SIGNAL"),
        ({"momentum_10": 0.001, "price_deviation": 0.002, "volume_ratio": 2.0}, 12, 30, "MEAN_REVERSION_SELL"),
    ],
)
def test_each_rule(change, hour, row, rule):
    table = pd.DataFrame([QUIET] * row + [QUIET | change])
    at = pd.DatetimeIndex([f"2025-01-01 {hour:02d}:30"] * (row + 1), tz="UTC")
    decided = apply_rules(RULES, table, at)
    assert decided.reason[row] == rule
    decision = decided[row]
    assert decision.side_name == (rule.rpartition("_")[2] if rule.endswith(("BUY", "SELL")) else "HOLD")
    if rule.startswith("BREAKOUT"):
        assert (decision.size, decision.slippage_bps, decision.deadline_s) == (0.08, 30.0, 120.0)
    elif rule.startswith("MEAN"):
        assert (decision.size, decision.slippage_bps, decision.deadline_s) == (0.05, 50.0, 300.0)


def test_splits_are_chronological_and_purged():
    plan = SplitPlan(seq_len=30, purge=100, embargo=5)
    splits = split_rows(2000, plan)
    assert splits.train[0] == 29
    assert splits.val[0] - splits.train[-1] == 1 + 100 + 5
    assert splits.test[0] - splits.val[-1] == 1 + 100 + 5
    assert splits.test[-1] == 1999


def test_a_tape_too_short_is_refused():
    with pytest.raises(InputError, match="use a longer tape"):
        split_rows(200, SplitPlan())


def test_scaler_keeps_a_constant_column():
    values = np.column_stack([np.full(50, 3.7e-9), np.arange(50.0)])
    scaler = Scaler.fit(values)
    assert scaler.scale[0] == 1.0
    np.testing.assert_allclose(scaler.transform(values)[:, 1].std(), 1.0)


def test_the_scaler_does_not_see_validation_or_test(tape, tmp_path):
    """Other swaps after the training rows leave the scaler as it is; the published way does not."""
    from rook_bench.sources.lookahead import scramble_future

    splits = split_rows(len(tape), SplitPlan())
    changed = scramble_future(tape, int(splits.train[-1]) + 1, np.random.default_rng(0))
    loose = Rules(mr_price_deviation_threshold=0.001, min_volatility_threshold=0.0)
    for name, frame in (("a", tape), ("b", changed)):
        prepare(frame, loose, tmp_path / name)
        prepare(frame, loose, tmp_path / f"{name}-rook", compat_rook=True)
    read = lambda name: json.loads((tmp_path / name / "normalization.json").read_text())  # noqa: E731
    assert read("a") == read("b")
    assert read("a-rook") != read("b-rook")
    assert json.loads((tmp_path / "a-rook" / "leaks.json").read_text()).keys() == {
        "normalization",
        "conditions",
        "windows",
        "column_order",
    }
    assert not (tmp_path / "a" / "leaks.json").exists()


@pytest.mark.parametrize("compat", [False, True])
def test_a_prepared_folder_reads_back(tape, tmp_path, compat):
    loose = Rules(mr_price_deviation_threshold=0.001, min_volatility_threshold=0.0)
    done = prepare(tape, loose, tmp_path / "p", windows=True, compat_rook=compat)
    whole, test = read_swaps(tmp_path / "p"), read_swaps(tmp_path / "p" / "test.csv")
    assert len(test) == done.splits["test"]
    np.testing.assert_allclose(whole.price, tape.price, rtol=1e-12)
    np.testing.assert_allclose(test.price, tape.price[-len(test) :], rtol=1e-9)
    np.testing.assert_allclose(test.volume, tape.volume[-len(test) :], rtol=1e-6, atol=1e-12)
    labels = apply_rules(loose, compute_features(tape), tape.at_index)
    assert (test.labels["label_side"] == np.array(["BUY", "HOLD", "SELL"])[labels.side][-len(test) :]).all()


def test_held_out_rows_know_what_came_before(tape):
    loose = Rules(mr_price_deviation_threshold=0.001, min_volatility_threshold=0.0)
    test = held_out(tape, loose)
    whole = compute_features(tape)
    np.testing.assert_array_equal(compute_features(test)["volatility"], whole["volatility"][-len(test) :])
    assert test.amount0 == tape.amount0[len(tape) - len(test) :]
