"""The kill switch on disk, and what throws it."""

import math
import os

import pytest

from rook_bench.core import ConfigError, InputError
from rook_bench.live.switch import REQUEST, THROWN, Bounds, Switch, drawdown, reverts_in_a_row
from rook_bench.workbench.live import default_bounds


def test_thrown_once_and_lifted_with_a_reason(tmp_path):
    switch = Switch(tmp_path)
    assert switch.thrown is None
    assert switch.throw("drawdown", "a is 12% below").reason == "drawdown"
    assert switch.throw("reverts", "another thing") is None  # the first reason stays
    assert Switch(tmp_path).thrown.what == "a is 12% below"
    assert switch.lifted() is None
    switch.ask_to_lift("looked into it")
    assert switch.thrown is not None  # until the session takes it up
    assert switch.lifted() == "looked into it"
    assert switch.thrown is None
    assert os.listdir(tmp_path) == []
    assert switch.lifted() is None


def test_what_can_not_be_read_was_thrown(tmp_path):
    (tmp_path / THROWN).write_text("{half")
    assert Switch(tmp_path).thrown.reason == "unreadable"
    (tmp_path / REQUEST).write_text("[]")
    assert Switch(tmp_path).lifted() is None


def test_nothing_to_lift(tmp_path):
    with pytest.raises(InputError, match="nothing was killed there"):
        Switch(tmp_path).ask_to_lift("why not")


@pytest.mark.parametrize(
    ("before", "outcomes", "after"),
    [
        (0, [], 0),
        (0, ["REVERTED_SLIPPAGE", "REVERTED_DEADLINE"], 2),
        (2, ["REJECTED", "REVERTED_SLIPPAGE"], 3),  # what was never sent says nothing
        (4, ["FILLED"], 0),
        (4, ["PARTIAL", "REVERTED_SLIPPAGE"], 1),
    ],
)
def test_reverts_in_a_row(before, outcomes, after):
    assert reverts_in_a_row(before, [{"outcome": outcome} for outcome in outcomes]) == after


def test_drawdown():
    assert drawdown(90.0, 100.0) == pytest.approx(0.1)
    assert math.isnan(drawdown(90.0, math.nan))
    assert math.isnan(drawdown(math.nan, math.nan))


@pytest.mark.parametrize("bad", [{"max_drawdown": 0}, {"max_drawdown": 2}, {"max_reverts": 0}, {"max_reorg": -1}])
def test_bounds_that_can_not_be(bad):
    with pytest.raises(ConfigError):
        Bounds.parse(bad, where="bounds")


def test_clocks_are_watched_but_on_a_chain_of_this_machine():
    assert default_bounds(1, 12.0).max_silence_s == 600
    assert default_bounds(8453, 2.0).max_silence_s == 120
    assert default_bounds(31337, 12.0) == Bounds()
