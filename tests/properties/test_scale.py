"""The same market in other units: other decimals, the tokens in the other order, the same decisions and money."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pairs import pool_of, rewritten

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.dataset.fit_rules import RuleFit
from rook_bench.dataset.rules import apply_rules
from rook_bench.language.template import load_template, shipped_templates
from rook_bench.market.features import FEATURES, compute_features
from rook_bench.market.pool import Token
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.view import MarketView
from rook_bench.metrics.attribution import attribute
from rook_bench.replay import ReplayConfig, reconcile
from rook_bench.sources import Source
from rook_bench.tapecheck.check import check_tape

FREE_OF_SCALE = [name for name in FEATURES if name not in ("liquidity_impact", "tick_change")]
"""ROOK's own impact counts raw units, and ticks run the other way where the tokens stand in the other order."""

CONFIG = {
    "risk": {
        "sizer": "decision",
        "filters": ["liquidity_impact:4", "volatility_bounds", "cost_aware_minimum:40", "position_limit"],
    },
    "frictions": {"gas": {"gwei": 20.0}, "chain": "ethereum"},
}
HOME = pool_of(Token(symbol="WETH", decimals=18), Token(symbol="USDC", decimals=6), base_first=False)

decimals = st.sampled_from([(18, 6), (18, 18), (18, 8), (8, 18), (9, 6)])


def result(frame, run_of, decisions):
    """Orders and money in human units."""
    run = run_of(frame, decisions, ReplayConfig.parse(CONFIG, where="test"))
    reconcile(run)
    orders, pool = run.orders, frame.pool
    unit = np.where(orders.buys, float(pool.quote.unit), float(pool.base.unit))
    return orders, orders.amount_in.to_floats() / unit, run.equity, attribute(run).in_quote()


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a tape of another seed is no simpler one
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10**6), digits=decimals, base_first=st.booleans())
def test_other_decimals_and_the_other_order_change_nothing_in_value(run_of, seed, digits, base_first):
    home = simulate(260, np.random.default_rng(seed))
    home = rewritten(home, HOME)
    base, quote = Token(symbol="WETH", decimals=digits[0]), Token(symbol="USDC", decimals=digits[1])
    other = rewritten(home, pool_of(base, quote, base_first=base_first))
    for tape in (home, other):
        check = check_tape(tape)
        assert (check.repricing.exact, check.chained_share) == (len(tape), 1.0)

    mine, theirs = compute_features(home), compute_features(other)
    for name in FREE_OF_SCALE:
        np.testing.assert_allclose(theirs[name], mine[name], rtol=2e-5, atol=1e-7, err_msg=name)

    # Rules fitted to one pool decide alike on the other: no threshold is in units of a pool.
    rows = np.arange(30, 260)
    rules = RuleFit(("mean-reversion", "breakout"), 0.15).fit(mine, rows)
    refitted = RuleFit(("mean-reversion", "breakout"), 0.15).fit(theirs, rows)
    for key, value in rules.model_dump().items():
        same = value if value is None else pytest.approx(value, rel=1e-4)
        assert getattr(refitted, key) == same, key
    decided = apply_rules(rules, mine, home.at_index)
    again = apply_rules(refitted, theirs, other.at_index)
    assert (decided.side != again.side).sum() <= 2  # those whose value lies on the threshold
    assert decided.trades.sum() >= 20

    orders, amounts, equity, parts = result(home, run_of, decided)
    others, other_amounts, other_equity, other_parts = result(other, run_of, decided)
    np.testing.assert_array_equal(orders.outcome, others.outcome)
    np.testing.assert_array_equal(orders.rejected_by, others.rejected_by)
    np.testing.assert_allclose(other_amounts, amounts, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(other_equity, equity, rtol=1e-6)
    for name, value in parts.items():
        assert other_parts[name] == pytest.approx(value, abs=2e-3), name


@pytest.mark.parametrize("name", shipped_templates())
def test_prompts_are_the_same_text(name):
    home = rewritten(simulate(300, np.random.default_rng(3)), HOME)
    for digits, first in (((18, 18), True), ((18, 8), False)):
        base, quote = Token(symbol="WETH", decimals=digits[0]), Token(symbol="USDC", decimals=digits[1])
        other = rewritten(home, pool_of(base, quote, base_first=first))
        texts, others = (load_template(name).render(MarketView.whole(tape)).texts for tape in (home, other))
        same = np.mean([mine == theirs for mine, theirs in zip(texts, others, strict=True)])
        assert same > 0.98, name  # a number may round the other way
        assert texts[-1]


@pytest.mark.parametrize("source", ["momentum:lookback=5,threshold_bps=3", "random:0.3"])
def test_sources_decide_the_same(source):
    home = rewritten(simulate(300, np.random.default_rng(5)), HOME)
    base, quote = Token(symbol="WETH", decimals=8), Token(symbol="USDC", decimals=18)
    other = rewritten(home, pool_of(base, quote, base_first=True))
    mine, theirs = (Source.parse(source).ask(tape, seed=1) for tape in (home, other))
    assert isinstance(mine, DecisionTape)
    np.testing.assert_array_equal(mine.side, theirs.side)
    assert mine.trades.sum() > 30
