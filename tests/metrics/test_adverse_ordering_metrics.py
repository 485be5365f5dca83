"""The same decisions under other assumptions about who trades around the orders."""

import pytest

from rook_bench.metrics import analyse
from rook_bench.metrics.attribution import attribute

LEVELS = ("return_without_mev", "return_typical_mev", "return_worst_mev")


@pytest.fixture(scope="module")
def runs(tape, run_of, sides):
    decisions = sides("BHHSH" * (len(tape) // 5), 0.4, slippage_bps=80.0)
    return {
        mev: run_of(tape, decisions, capital={"quote_value": 2e7}, frictions={"mev": mev})
        for mev in ("none", "typical", "worst")
    }


def test_every_run_shows_all_three_levels(runs):
    estimates = {mev: analyse(run).estimates for mev, run in runs.items()}
    shown = {mev: [found[name].value for name in LEVELS] for mev, found in estimates.items()}
    assert shown["none"] == shown["typical"] == shown["worst"]
    without, typical, worst = shown["none"]
    assert without > typical > worst
    for mev, name in zip(runs, LEVELS, strict=True):
        assert estimates[mev]["total_return"].value == estimates[mev][name].value


def test_what_searchers_take_is_a_part_of_the_profit_and_loss(runs):
    parts = {mev: attribute(run) for mev, run in runs.items()}
    assert parts["none"].mev == 0
    for mev in ("typical", "worst"):
        part = parts[mev]
        assert part.mev > 0
        assert part.market + part.signal - part.fee - part.impact - part.mev - part.gas - part.reverts == part.net


def test_a_price_limit_has_no_minimum_output(tape, run_of, sides):
    run = run_of(tape, sides("BS" * (len(tape) // 2), 0.1), frictions={"on_slippage": "partial"})
    estimates = analyse(run).estimates
    assert estimates["return_without_mev"].value == estimates["total_return"].value
    for name in LEVELS[1:]:
        assert "price limit" in estimates[name].undefined_because


def test_no_fills_have_nothing_to_take(tape, run_of, sides):
    estimates = analyse(run_of(tape, sides("H" * len(tape)))).estimates
    assert len({estimates[name].value for name in LEVELS}) == 1
    assert estimates["mev_paid"].value == 0
