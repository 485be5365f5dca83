"""Rules fitted to a pool's training rows, and what is said of rules that don't suit it."""

import json
import re

import numpy as np
import pytest
from pairs import DAI, USDC, pool_of, rewritten

from rook_bench.core import ConfigError, InputError, RookError
from rook_bench.dataset.fit_rules import RuleFit, rules_of
from rook_bench.dataset.prepare import prepare
from rook_bench.dataset.rule_cautions import rule_cautions
from rook_bench.dataset.rules import Rules, apply_rules
from rook_bench.dataset.splits import SplitPlan, split_rows
from rook_bench.market.features import compute_features
from rook_bench.market.simulation.simulate import Simulation, simulate
from rook_bench.sources.lookahead import scramble_future

BOTH = ("mean-reversion", "breakout")


@pytest.fixture(scope="module")
def stable():
    """DAI/USDC at a fee of 0.01% and ticks one apart, which moves by a few bps a day."""
    calm = Simulation(
        fee_pips=100, volatility_per_day=4e-4, jump_std_bps=1.0, median_arbitrage_cost_usd=0.5, largest_impact_bps=3.0
    )
    home = simulate(1200, np.random.default_rng(7), calm)
    return rewritten(home, pool_of(DAI, USDC, base_first=True, fee_pips=100, spacing=1), base_per=2270.0)


@pytest.mark.parametrize("which", ["tape", "stable"])
@pytest.mark.parametrize("kinds", [BOTH, ("mean-reversion",), ("breakout",)])
@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_fitted_rules_trade_at_the_wanted_rate(which, kinds, rate, request):
    tape = request.getfixturevalue(which)
    rows = split_rows(len(tape), SplitPlan()).train
    features = compute_features(tape)
    rules = RuleFit(kinds, rate).fit(features, rows)
    labels = apply_rules(rules, features, tape.at_index)
    fired = labels.reason[rows].astype(str)
    assert labels.trades[rows].mean() == pytest.approx(rate, rel=0.1, abs=2 / len(rows))
    for kind, name in (("mean-reversion", "MEAN_REVERSION"), ("breakout", "BREAKOUT")):
        share = np.char.startswith(fired, name).mean()
        assert share == pytest.approx(rate / len(kinds) if kind in kinds else 0.0, rel=0.15, abs=2 / len(rows))
    assert np.isin(fired, ["VOLATILITY_FILTER", "LIQUIDITY_FILTER"]).mean() < 0.02
    assert "MARKET_HOURS" not in fired


def test_nothing_but_the_training_rows_is_looked_at(tape):
    rows = split_rows(len(tape), SplitPlan()).train
    changed = scramble_future(tape, int(rows[-1]) + 1, np.random.default_rng(0))
    fits = [RuleFit(BOTH).fit(compute_features(frame), rows) for frame in (tape, changed)]
    assert fits[0] == fits[1]


@pytest.mark.parametrize(
    ("reference", "rate", "message"),
    [
        ("fit:mean-reversal", None, "fit:mean-reversal: unknown rule 'mean-reversal'; did you mean 'mean-reversion'"),
        ("fit:breakout,breakout", None, "a rule is named twice"),
        ("fit:breakout", 0.0, "target-action-rate: 0 is no share that rules can trade at"),
        ("fit:breakout", 0.7, "0.7 is no share that rules can trade at; give more than 0 and at most 0.5"),
        ("data_driven", 0.1, "target-action-rate: it is for rules that are fitted; give --rules fit:mean-reversion"),
        ("data_drive", None, "no such file"),
    ],
)
def test_what_can_not_be_fitted_is_one_line(reference, rate, message):
    with pytest.raises(RookError) as caught:
        rules_of(reference, rate)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_references(tmp_path):
    assert rules_of("fit:") == RuleFit(BOTH, 0.1)
    assert rules_of("fit:breakout", 0.3) == RuleFit(("breakout",), 0.3)
    assert rules_of("data_driven") == Rules.from_file("data_driven")
    assert rules_of(Rules()) == Rules()
    with pytest.raises(ConfigError):
        rules_of(Rules(), 0.1)


def test_more_trades_than_rows_that_can_trade_are_refused(tape):
    rows = split_rows(len(tape), SplitPlan()).train
    with pytest.raises(InputError, match=r"breakout could trade on [\d,]+ of the 1,279 training rows, 640 are wanted"):
        RuleFit(("breakout",), 0.5).fit(compute_features(tape), rows)


def test_what_was_fitted_is_written_as_a_rule_file(tape, tmp_path):
    done = prepare(tape, RuleFit(BOTH, 0.1), tmp_path / "p")
    written = tmp_path / "p" / "rules.json"
    assert Rules.from_file(written) == done.applied
    assert json.loads(written.read_text())["max_liquidity_impact"] is None
    again = prepare(tape, Rules.from_file(written), tmp_path / "again")
    assert again.sides == done.sides
    assert not (tmp_path / "again" / "rules.json").exists()


# Cautions.


def cautions_of(rules, tape):
    features = compute_features(tape)
    splits = split_rows(len(tape), SplitPlan())
    return rule_cautions(rules, features, apply_rules(rules, features, tape.at_index), splits)


def test_rules_that_suit_a_pool_are_not_spoken_of(tape):
    rows = split_rows(len(tape), SplitPlan()).train
    lines = cautions_of(RuleFit(BOTH).fit(compute_features(tape), rows), tape)
    # Nothing of its filters and rules; that nothing happens in the calm hour of validation is true all the same.
    assert lines == ["the val split has no BUY or SELL among its 196 rows"]


def test_rules_that_never_fire_are_said_with_quantiles_and_threshold(stable):
    lines = cautions_of(Rules.from_file("data_driven"), stable)
    deviation = np.abs(compute_features(stable)["price_deviation"].dropna())
    assert lines[0].startswith(
        f"MEAN_REVERSION never fires: |price_deviation| is {np.quantile(deviation, 0.5):.3g} in the middle and "
        f"{np.quantile(deviation, 0.99):.3g} at most on 99% of the rows, asked is more than 0.001 at "
    )
    assert lines[1].startswith("BREAKOUT never fires: |momentum_10| is ")
    volatility = compute_features(stable)["volatility"]
    assert f"and volatility above 0.0006 ({np.quantile(volatility, 0.5):.3g} in the middle" in lines[1]
    assert any(line.startswith("the train split has no BUY or SELL among its ") for line in lines)
    assert lines[-1].endswith("--rules fit:mean-reversion,breakout --target-action-rate 0.1")


def test_a_filter_that_takes_nearly_all_rows_is_said_with_quantiles_and_threshold(tape):
    tight = Rules(max_liquidity_impact=1e-6, min_volatility_threshold=0.0, active_hours_start=0, active_hours_end=23)
    impact = compute_features(tape)["liquidity_impact"]
    line = cautions_of(tight, tape)[0]
    assert re.match(r"LIQUIDITY_FILTER takes (9\d\.\d|100\.0)% of the rows: liquidity_impact is ", line)
    assert f"{np.quantile(impact, 0.5):.3g} in the middle" in line
    assert line.endswith("allowed is at most 1e-06")
    bps = tight.model_copy(update={"max_liquidity_impact": None, "max_impact_bps": 1e-6})
    assert any("impact_bps is " in line and "allowed is at most 1e-06" in line for line in cautions_of(bps, tape))


def test_rules_that_hardly_trade_are_counted(tape):
    features = compute_features(tape)
    rare = RuleFit(BOTH, 0.003).fit(features, split_rows(len(tape), SplitPlan()).train)
    lines = cautions_of(rare, tape)
    count = int(apply_rules(rare, features, tape.at_index).trades.sum())
    assert 0 < count < 10, count
    assert f"the rules trade on {count} of 2,000 rows ({count / 2000:.2%})" in lines


def test_impact_in_bps_is_a_rule_of_our_own(tape):
    features = compute_features(tape)
    loose = Rules(
        max_liquidity_impact=None, min_volatility_threshold=0.0, active_hours_start=0, active_hours_end=23,
        max_impact_bps=float(np.quantile(features["impact_bps"], 0.9)),
    )  # fmt: skip
    heavy = apply_rules(loose, features, tape.at_index).reason == "LIQUIDITY_FILTER"
    assert heavy.mean() == pytest.approx(0.1, abs=0.002)
    np.testing.assert_array_equal(heavy, features["impact_bps"] > loose.max_impact_bps)
