"""How much tape there really is: its days, what it is missing, its times held against its blocks."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.gates.checks.evidence import days_of, evidence
from rook_bench.gates.policy import Evidence, load_policy
from rook_bench.market.simulation.simulate import simulate
from rook_bench.metrics import analyse
from rook_bench.replay import replay

NONE = {"min_days": 0, "min_fills": 0}


def checks(frame, **asked):
    found = evidence(Evidence(**NONE | asked), analyse(replay(frame, "hold")))
    return {check.name: (check.status, check.detail) for check in found}


@pytest.fixture(scope="module")
def day():
    """Some 16 hours of swaps."""
    return simulate(4000, np.random.default_rng(2))


def moved(frame, row, days):
    at = frame.at.copy()
    at[row:] += np.timedelta64(round(days * 86_400), "s")
    return replace(frame, at=at, breaks=None)


def test_whole_tapes_pass_what_the_shipped_policy_asks(day):
    asked = load_policy("rook-promotion").evidence
    found = checks(day, **asked.model_dump() | NONE)
    assert {status for status, _ in found.values()} == {"pass"}
    assert set(found) == {
        *("length of tape", "longest gap", "holes of the tape", "times against blocks", "number of fills"),
        "tape re-prices",
    }


def test_a_second_half_dated_four_weeks_later_is_no_month(day):
    torn = moved(day, 2000, 28)
    assert days_of(torn) < 1
    found = checks(torn, min_days=20, max_gap_hours=24, max_hole_share=0.1, max_block_time_error=0.25)
    assert found["length of tape"][0] == "inconclusive"
    assert found["longest gap"] == ("inconclusive", "672.0 hours between two swaps, at most 24 asked")
    assert found["holes of the tape"][0] == "inconclusive"
    assert found["times against blocks"][0] == "inconclusive"


def test_stretched_times_contradict_the_blocks(day):
    """Every block ten times as long: no hole, no gap, and ten times the days."""
    slow = replace(day, at=day.at[0] + (day.at - day.at[0]) * 10)
    assert days_of(slow) == pytest.approx(10 * days_of(day), rel=1e-6)
    found = checks(slow, max_gap_hours=24, max_hole_share=0.1, max_block_time_error=0.25)
    assert [name for name, (status, _) in found.items() if status != "pass"] == ["times against blocks"]
    told = found["times against blocks"][1]
    blocks, times = (float(part.split()[0]) for part in (told.split(" are ")[1], told.split("the times span ")[1]))
    assert times / blocks == pytest.approx(10, rel=0.05)


def test_days_that_hold_no_swap_count_for_nothing(make_frame):
    """One swap a fortnight is a pool's habit and no hole, and three swaps are three days at most."""
    frame = make_frame([2500.0] * 3, seconds=[0, 14 * 86_400, 28 * 86_400])
    assert len(frame.holes) == 0
    assert days_of(frame) == 3.0


def test_a_tape_without_blocks_can_not_tell(make_frame):
    frame = make_frame([2500.0] * 30)
    bare = replace(frame, block=None)
    assert checks(bare, max_block_time_error=0.25)["times against blocks"] == (
        "inconclusive",
        "the log carries no block numbers",
    )
    one = replace(frame, block=np.full(30, 7), log_index=np.arange(30), at=np.full(30, frame.at[0]))
    assert checks(one, max_block_time_error=0.25)["times against blocks"][1] == "all swaps stand in one block"


def test_nothing_is_asked_by_default(day):
    assert set(checks(moved(day, 2000, 28))) == {"length of tape", "number of fills"}
