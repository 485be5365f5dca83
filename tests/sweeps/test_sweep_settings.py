"""A point as a source and a configuration: keys, sizers, filters, sources' own parameters."""

import numpy as np
import pytest

from rook_bench.core import RookError
from rook_bench.market.view import MarketView
from rook_bench.risk import apply_risk
from rook_bench.sweeps.settings import Settings
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.running import named


def settings(config=None, *sources):
    return Settings(BenchConfig.parse(config or {}, where="test"), named(sources or ["momentum"]))


def risk(point, config=None):
    return settings(config).config(point).risk


def test_keys_are_set_and_the_rest_stays():
    found = settings({"capital": {"quote_value": 500.0}}).config({"frictions.gas.gwei": 7, "frictions.fee_pips": 30})
    assert (found.frictions.gas.gwei, found.frictions.fee_pips, found.capital.quote_value) == (7, 30, 500.0)
    assert found.capital.said
    assert "swap_units" not in found.frictions.gas.model_fields_set


def test_what_nobody_set_is_still_the_chains():
    """A point that sets one cost leaves the others to what the pool's chain is known for."""
    found = settings().config({"frictions.fee_pips": 30})
    assert found.frictions.model_fields_set == {"fee_pips"}


def test_latency_is_told_in_the_unit_that_is_varied():
    found = settings({"frictions": {"latency": {"swaps": 3}}}).config({"frictions.latency.seconds": 12})
    assert str(found.frictions.latency) == "12 seconds"


@pytest.mark.parametrize(
    ("point", "sizer"),
    [
        ({"risk.sizer": "fixed:0.2"}, "fixed:0.2"),
        ({"risk.sizer.target_bps": 3}, {"name": "volatility-target", "maximum": "0.3", "target_bps": 3}),
    ],
)
def test_sizers_and_their_parameters(point, sizer):
    assert risk(point, {"risk": {"sizer": "volatility-target:maximum=0.3"}}).sizer == sizer


@pytest.mark.parametrize("path", ["risk.confidence", "risk.confidence_threshold", "risk.confidence_threshold.minimum",
                                  "risk.filters.confidence_threshold.minimum"])  # fmt: skip
def test_a_filter_by_its_name_or_how_it_begins(path):
    assert risk({path: 0.7}).filters == ({"name": "confidence_threshold", "minimum": 0.7},)


def test_a_filter_that_is_there_keeps_its_place_and_its_other_parameters():
    config = {"risk": {"filters": ["cooldown:5", {"name": "volatility_bounds", "maximum": 0.1}, "trades_per_day:9"]}}
    found = risk({"risk.volatility_bounds.minimum": 0.01}, config).filters
    assert found == ("cooldown:5", {"name": "volatility_bounds", "maximum": 0.1, "minimum": 0.01}, "trades_per_day:9")


def test_points_do_not_change_what_they_begin_with():
    one = settings({"risk": {"filters": ["cooldown:5"]}})
    one.config({"risk.cooldown": 60.0, "risk.confidence": 0.5})
    assert one.config({}).risk.filters == ("cooldown:5",)


def test_a_sources_own_parameters_make_another_source():
    one = settings()
    first, again, other = (one.of({"source.lookback": n}).source for n in (5, 5, 9))
    assert first == again != other
    assert [source.reference for _, source in one.sources] == ["momentum:lookback=5", "momentum:lookback=9"]


def test_sources_by_name_and_by_reference():
    one = settings(None, "MINE=momentum:lookback=3", "hold")
    places = [one.of({"source": name}).source for name in ("MINE", "hold", "random:0.1")]
    assert places == [0, 1, 2]
    assert [(name, source.reference) for name, source in one.sources] == [
        ("MINE", "momentum:lookback=3"), ("", "hold"), ("", "random:0.1")]  # fmt: skip


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"frictions.gas.gwie": 1}, r"unknown key 'frictions.gas.gwie'; did you mean 'gwei'"),
        ({"friction.gas.gwei": 1}, r"unknown key 'friction'; did you mean 'frictions'"),
        ({"frictions.gas.gwei": -1}, r"vary frictions.gas.gwei=-1: 'frictions.gas.gwei': a gas price"),
        ({"seed.x": 1}, "seed"),
        ({"risk.confidense": 1}, r"'confidense' is no key of risk and none of its filters"),
        ({"risk.volatility_bounds": 1}, r"which parameter; it has: minimum, maximum"),
        ({"risk.cooldown.secs": 1}, r"cooldown has no parameter 'secs'; it has: seconds"),
        ({"risk.confidence": 2}, r"confidence_threshold"),
        ({"source.lookbak": 1}, r"unknown parameter 'lookbak'; did you mean 'lookback'"),
        ({"source": "momentun"}, r"unknown decision source 'momentun'; did you mean 'momentum'"),
        ({"rook_config.confidence_threshold": 1}, r"no such block"),
        ({"risk.sizer.fraction": 2.0}, r"no parameter 'fraction'"),
    ],
)
def test_what_leads_nowhere_is_said(point, message, tape):
    with pytest.raises(RookError, match=message):
        one = settings()
        asked = one.of(point)
        frame = tape.take(np.arange(50))
        decisions = one.sources[asked.source][1].ask(frame)
        apply_risk(asked.config.risk, MarketView.whole(frame), decisions)
