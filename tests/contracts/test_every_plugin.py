"""What every plugin has to keep to, whoever wrote it."""

from pathlib import Path

import numpy as np
import pytest

from rook_bench.core import Estimate
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.metrics.clock import Clock, Sampled
from rook_bench.plugins import Registry, decision_source, metric, risk_filter, sizer
from rook_bench.replay import replay
from rook_bench.risk import Limits
from rook_bench.sources import Source
from rook_bench.sources.lookahead import check_source
from rook_bench.sources.saved import write_decisions

EVERY = [(kind, plugin.name) for kind, registry in Registry.kinds.items() for plugin in registry]
STRATEGIES = sorted((Path(__file__).resolve().parents[2] / "strategies").glob("*.py"))


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda value: value)
def test_says_what_it_is(kind, name):
    plugin = Registry.kinds[kind].get(name)
    assert plugin.summary.endswith((".", ")")), "the first line of the docstring is shown in listings"
    assert plugin.spec(**{key: "x" for key, p in plugin.parameters.items() if p.default is p.empty}).sha256


def test_strategies_are_found():
    assert STRATEGIES
    for path in STRATEGIES:
        assert decision_source.get(f"{path}@{path.stem}").name == path.stem


@pytest.fixture(scope="module")
def labelled(tape):
    from dataclasses import replace

    from rook_bench.dataset.rules import Rules, apply_rules
    from rook_bench.market.features import compute_features

    rules = Rules(mr_price_deviation_threshold=0.001, mr_volume_multiplier=1.5, min_volatility_threshold=0.0)
    decided = apply_rules(rules, compute_features(tape), tape.at_index)
    labels = {
        "label_side": np.array(["BUY", "HOLD", "SELL"], dtype=object)[decided.side],
        "label_size": decided.size,
        "label_slippage_bps": decided.slippage_bps,
        "label_deadline_s": decided.deadline_s,
    }
    return replace(tape, labels=labels)[:600]


@pytest.fixture(scope="module")
def references(labelled, tmp_path_factory, mini_adapter):
    saved = tmp_path_factory.mktemp("saved") / "decisions.parquet"
    tape = DecisionTape.from_sides(np.ones(len(labelled)), 0.0)
    write_decisions(tape, saved, {"data_hash": labelled.data_hash})
    special = {"recorded": f"recorded:{saved}", "lora": f"lora:{mini_adapter}", "base": f"base:{mini_adapter}"}
    names = [plugin.name for plugin in decision_source]
    return [special.get(name, name) for name in names] + [f"{path}@{path.stem}" for path in STRATEGIES]


def test_sources_answer_alike_validly_and_without_touching_the_market(labelled, references):
    before = labelled.data_hash
    for reference in references:
        source = Source.parse(reference)
        first, second = source.ask(labelled, 3), source.ask(labelled, 3)
        assert len(first) == len(labelled), reference
        assert first.to_bytes() == second.to_bytes(), reference
    fresh = type(labelled)(**{name: getattr(labelled, name) for name in labelled.__dataclass_fields__})
    assert fresh.data_hash == before


def test_sources_do_not_look_ahead(labelled, references):
    for reference in references:
        source = Source.parse(reference)
        found = check_source(source, labelled, source.ask(labelled))
        expected = "declared" if source.unreachable else "unchecked" if source.recorded else "clean"
        assert found.status == expected, f"{reference}: {found.detail}"


def test_what_a_view_shows_can_not_be_written(labelled):
    view = MarketView.whole(labelled)
    for name in ("price", "volatility", "avg_price_50", "current_liquidity"):
        with pytest.raises(ValueError, match="read-only"):
            view[name][0] = 1.0


def test_sizers_and_filters_answer_for_every_row(labelled):
    view = MarketView.whole(labelled)
    decisions = Source.parse("random:0.5").ask(labelled)
    for plugin in sizer:
        fraction = plugin.build()(view, decisions)
        assert fraction.shape == (len(labelled),), plugin.name
        assert ((fraction >= 0) & (fraction <= 1)).all(), plugin.name
    for plugin in risk_filter:
        built = plugin.build()
        if not isinstance(built, Limits):
            allowed = built(view, decisions)
            assert allowed.shape == (len(labelled),), plugin.name
            assert allowed.dtype == bool, plugin.name


def test_metrics_say_a_number_or_why_not(labelled):
    for reference in ("hold", "always-buy", "random:0.3"):
        sampled = Sampled(replay(labelled, reference), Clock())
        for plugin in metric:
            estimate = plugin.factory(sampled)
            assert isinstance(estimate, Estimate), plugin.name
            assert estimate.unit == plugin.traits["unit"], plugin.name
            assert estimate.defined or estimate.undefined_because, plugin.name
