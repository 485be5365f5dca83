"""Sizers and filters row by row; a refusal keeps the name of its filter."""

import numpy as np
import pytest

from rook_bench.core import InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.risk import Limits, RiskConfig, apply_risk


@pytest.fixture(scope="module")
def view(tape):
    return MarketView.whole(tape)


@pytest.fixture(scope="module")
def decisions(tape):
    rng = np.random.default_rng(0)
    return DecisionTape.from_sides(rng.integers(0, 3, len(tape)), 0.1, confidence=rng.random(len(tape)))


def permitted(view, decisions, **config):
    return apply_risk(RiskConfig.parse(config, where="test"), view, decisions)


def test_sizers(view, decisions):
    acts = decisions.size > 0
    np.testing.assert_array_equal(permitted(view, decisions).fraction, decisions.size)
    assert (permitted(view, decisions, sizer="fixed:0.25").fraction == 0.25).all()
    scaled = permitted(view, decisions, sizer="confidence").fraction
    np.testing.assert_allclose(scaled[acts], 0.1 * decisions.confidence[acts])
    target = permitted(view, decisions, sizer={"name": "volatility-target", "target_bps": 2.0, "maximum": 0.2}).fraction
    volatility = view["volatility"][acts][5:] * 1e4
    np.testing.assert_allclose(target[acts][5:], np.minimum(0.1 * 2.0 / volatility, 0.2))
    assert permitted(view, decisions, sizer="fixed:0.25", max_order_fraction=0.1).fraction.max() == 0.1


def test_confidence_sizing_needs_a_confidence(view, decisions, tape):
    silent = DecisionTape.from_sides(decisions.side, 0.1)
    with pytest.raises(InputError, match="states no confidence"):
        permitted(view, silent, sizer="confidence")


def test_each_filter_names_itself_and_the_first_wins(view, decisions):
    found = permitted(view, decisions, filters=["confidence_threshold:0.5", "market_hours:start=0,end=11"])
    unsure = decisions.confidence < 0.5
    late = view.at_index.hour.to_numpy() > 11
    assert found.filter_names == ("confidence_threshold", "market_hours")
    np.testing.assert_array_equal(found.refused_by == 0, unsure)
    np.testing.assert_array_equal(found.refused_by == 1, late & ~unsure)


def test_no_confidence_does_not_pass_a_threshold(view, decisions):
    silent = DecisionTape.from_sides(decisions.side, 0.1)
    assert (permitted(view, silent, filters=["confidence_threshold:0.0"]).refused_by == 0).all()


def test_hours_may_run_over_midnight(view, decisions):
    night = permitted(view, decisions, filters=["market_hours:start=22,end=4"]).refused_by < 0
    hour = view.at_index.hour.to_numpy()
    np.testing.assert_array_equal(night, (hour >= 22) | (hour <= 4))


def test_bounds_on_the_market(view, decisions):
    middle = float(np.median(view["volatility"]))
    low = permitted(view, decisions, filters=[{"name": "volatility_bounds", "minimum": middle}]).refused_by < 0
    np.testing.assert_array_equal(low, (view["volatility"] >= middle) & (view["volatility"] <= 0.05))
    heavy = float(np.quantile(view["liquidity_impact"], 0.9))
    light = permitted(view, decisions, filters=[f"liquidity_impact:{heavy}"]).refused_by < 0
    assert light.mean() == pytest.approx(0.9, abs=0.01)


def test_ledger_limits_are_handed_to_the_loop(view, decisions):
    found = permitted(view, decisions, filters=["cooldown:60", "trades_per_day:5", "drawdown_stop:0.1", "cooldown:90"])
    assert found.limits == Limits(cooldown_s=90.0, trades_per_day=5, drawdown_stop=0.1)
    assert (found.refused_by < 0).all()


def test_the_slippage_cap_tightens_and_never_loosens(view, decisions):
    assert permitted(view, decisions, max_slippage_bps=20).slippage_bps.max() == 20
    assert permitted(view, decisions, max_slippage_bps=500).slippage_bps.max() == 50
