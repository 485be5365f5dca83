"""How it went over time: nothing of a short tape, and of a long one what pandas says."""

import numpy as np
import pytest

from rook_bench.market.simulation.simulate import simulate
from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.report.charts.canvas import Picture, style
from rook_bench.report.entries import make_entries
from rook_bench.report.topics.periods import over_time


@pytest.fixture(scope="module")
def long_tape():
    """Ten weeks of the simulated pool: its own hours, stretched."""
    from dataclasses import replace

    tape = simulate(3000, np.random.default_rng(4))
    at = tape.at[0] + (tape.at - tape.at[0]) * 140
    return replace(tape, at=at, breaks=())


@pytest.fixture(scope="module")
def entries(long_tape):
    return make_entries([analyse(replay(long_tape, source)) for source in ("momentum", "random:0.05")])


def test_a_short_tape_has_no_such_part(analyses):
    assert over_time(make_entries(analyses)) is None


def test_months_weeks_days_and_falls(entries):
    topic = over_time(entries)
    tables = {table.caption: table for table in topic.tables}
    assert list(tables) == ["By month", "By week", "By day", "The deepest falls of momentum"]
    months = tables["By month"]
    assert months.columns == ("Month", "momentum", "random:0.05", "hold the opening mix")
    run = entries[0].run
    last = {}
    for at, value in zip(run.frame.at, run.equity, strict=True):
        last[str(at.astype("datetime64[M]"))] = value
    assert [name for name, _ in months.rows] == list(last)
    values = [run.hold_equity[0], *last.values()]
    for place, (_, cells) in enumerate(months.rows):
        told = float(cells[0].text.replace("\N{MINUS SIGN}", "-").rstrip("%"))
        assert told == pytest.approx(100 * (values[place + 1] / values[place] - 1), abs=0.006)
    assert months.rows[0][1][0].small == ("a part of it",)
    assert f"of {len(months.rows)} months" in topic.lead


def test_what_rolls_is_drawn(entries):
    (draw,) = over_time(entries).draw
    with style():
        picture = draw()
    assert isinstance(picture, Picture)
    assert len(picture.figure.axes) == 2
    assert all(np.isfinite(line.get_ydata()).all() for axes in picture.figure.axes for line in axes.lines)
