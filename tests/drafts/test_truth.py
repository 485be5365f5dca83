"""What is true of a row, and the rules applied to verdicts: the same rules, by way of words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import ConfigError, Side
from rook_bench.dataset.rules import MEAN_REVERSION_HISTORY, Rules, apply_rules
from rook_bench.drafts.truth import RULED_BY, UNKNOWN, Columns, side_of, true_levels, turned
from rook_bench.language.draft import Draft, Question, Step
from rook_bench.language.template import load_template
from rook_bench.market.view import MarketView

DRAFT = load_template("codes").draft


def table(rng, rows, near):
    """Features about the bounds, at them now and then."""
    spread = {"volume": 10, "volatility": 1e-3, "volume_ratio": 3, "price_deviation": 2e-3, "momentum_10": 1e-3,
              "liquidity_impact": 20, "impact_bps": 5}  # fmt: skip
    columns = {name: rng.normal(size=rows) * spread[name] for name in RULED_BY}
    for name in ("volume", "volatility", "volume_ratio", "liquidity_impact", "impact_bps"):
        columns[name] = np.abs(columns[name])
    for name, bounds in near.items():
        at = rng.random(rows) < 0.2
        columns[name] = np.where(at, rng.choice(bounds, size=rows), columns[name])
    return Columns(columns, rows)


@given(
    seed=st.integers(0, 10_000),
    order=st.booleans(),
    impact=st.sampled_from([None, 5.0]),
    bps=st.sampled_from([None, 2.0]),
)
def test_rules_see_in_verdicts_what_they_see_in_numbers(seed, order, impact, bps):
    first, second = (1.5, 1.3) if order else (1.3, 1.5)
    rules = Rules(
        mr_price_deviation_threshold=1e-3, mr_volume_multiplier=first, breakout_volume_threshold=second,
        breakout_volatility_threshold=6e-4, breakout_price_momentum=5e-4, max_volatility_threshold=2e-3,
        min_volatility_threshold=1e-4, max_liquidity_impact=impact, max_impact_bps=bps,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    near = {"volatility": [1e-4, 6e-4, 2e-3], "volume_ratio": [1.3, 1.5], "price_deviation": [1e-3, -1e-3],
            "momentum_10": [5e-4, -5e-4]}  # fmt: skip
    features = table(rng, 200, near)
    at = pd.date_range("2024-01-01", periods=200, freq="37min", tz="UTC")
    levels = true_levels(DRAFT, rules, features)
    expected = apply_rules(rules, features, at).side[MEAN_REVERSION_HISTORY:]  # silent on a tape's first rows
    np.testing.assert_array_equal(side_of(DRAFT, rules, levels, features, at)[MEAN_REVERSION_HISTORY:], expected)


def test_levels_by_hand():
    step = Step(show="x", words=["a", "b", "c", "d"], questions=[Question(feature="price_deviation", below=[-2.0], above=[1.0, 3.0])])  # fmt: skip
    values = {"price_deviation": np.array([-3.0, -2.0, 1.0, 1.5, 3.0, 3.5, np.nan])}
    levels = true_levels(Draft(steps=[step]), Rules(), Columns(values, 7))
    assert levels[:, 0].tolist() == [0, 1, 1, 2, 2, 3, UNKNOWN]


def test_what_no_rule_asks_need_not_be_known():
    rules = Rules(max_liquidity_impact=5.0, max_impact_bps=None)
    columns = {name: np.full(3, 0.5) for name in RULED_BY} | {"impact_bps": np.full(3, np.nan)}
    assert (true_levels(DRAFT, rules, Columns(columns, 3)) != UNKNOWN).all()
    columns["liquidity_impact"] = np.full(3, np.nan)
    assert (true_levels(DRAFT, rules, Columns(columns, 3))[:, 1] == UNKNOWN).all()


def test_a_bound_that_no_rules_have_is_refused_with_the_near_name():
    step = DRAFT.steps[3].model_copy(
        update={"questions": [Question(feature="price_deviation", below=["-mr_price_threshold"], above=[1.0])]}
    )
    with pytest.raises(ConfigError, match="mr_price_threshold.*did you mean 'mr_p"):
        true_levels(Draft(steps=[step]), Rules(), Columns({"price_deviation": np.zeros(2)}, 2))


def test_the_deciding_verdict_turns_the_side(tape):
    rules = Rules.from_file("data_driven")
    view = MarketView.whole(tape)
    levels = true_levels(DRAFT, rules, view)
    rows = np.flatnonzero((levels >= 0).all(axis=1))
    features, at = Columns.of(view, rows), view.at_index[rows]
    found = turned(DRAFT, rules, levels[rows], features, at)
    np.testing.assert_array_equal(found.chosen, side_of(DRAFT, rules, levels[rows], features, at))
    able = found.step != UNKNOWN
    assert able.mean() > 0.5
    changed = levels[rows].copy()
    changed[able, found.step[able]] = found.level[able]
    np.testing.assert_array_equal(side_of(DRAFT, rules, changed, features, at)[able], found.side[able])
    assert (found.side[able] != found.chosen[able]).all()
    trades = found.chosen != Side.HOLD
    assert able[trades].all()  # every trade has a check without which it would not be
