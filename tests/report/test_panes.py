"""A page's lines are thinner than the runs', and lose no extreme, no mark and no hole."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.report.panes import Line, Pane, as_block, extremes, middles

START = np.datetime64("2025-01-01", "ns")


def clock(count, step=12):
    return START + np.arange(count) * np.timedelta64(step, "s")


def test_a_line_of_many_points_keeps_its_ends_and_every_extreme():
    values = np.random.default_rng(3).normal(0, 1, 50_000).cumsum()
    places = extremes([values], 200)
    assert len(places) <= 202
    assert (places[0], places[-1]) == (0, len(values) - 1)
    for start in range(0, 50_000, 500):
        here = values[places[(places >= start) & (places < start + 500)]]
        assert (here.min(), here.max()) == (values[start : start + 500].min(), values[start : start + 500].max())
    assert extremes([values[:200]], 200).tolist() == list(range(200))


@given(st.integers(1, 700), st.integers(1, 90), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_lines_together(count, most, lines, seed):
    rng = np.random.default_rng(seed)
    values = [rng.normal(size=count).cumsum() for _ in range(lines)]
    places = extremes(values, most)
    assert (np.diff(places) > 0).all()
    assert {0, count - 1} <= set(places.tolist())
    assert len(places) <= max(most, 2 * lines) + 2 * lines + 2
    for line in values:
        assert (line[places].min(), line[places].max()) == (line.min(), line.max())


def test_marks_stay_where_they_were():
    values = np.random.default_rng(5).normal(size=5_000)
    marks = np.array([[17, 16, 1], [18, 17, -1], [4_321, 4_320, 1]])
    thin = Pane("price", "", 6, 190, clock(5_000), [Line("price", "", values)], marks, "rules").thinned(100)
    assert len(thin.at) < 120
    told = thin.to_json(np.empty(0, "datetime64[ns]"))
    for (place, row, side), (index, *rest) in zip(marks.tolist(), told["marks"], strict=True):
        assert rest == [row, side]
        assert told["lines"][0]["values"][index] == pytest.approx(values[place], rel=1e-6)
        assert told["at"][index] == (clock(5_000)[place] - np.datetime64(0, "s")) / np.timedelta64(1, "s")


def test_a_hole_is_a_break_and_moves_the_marks_after_it():
    at = clock(10)
    at[5:] += np.timedelta64(2, "D")
    marks = np.array([[4, 4, 1], [5, 5, -1], [9, 9, 1]])
    told = Pane("price", "", 6, 190, at, [Line("price", "", np.arange(10.0))], marks, "x").to_json(
        middles(at, np.array([5]))
    )
    values = told["lines"][0]["values"]
    assert values == [0, 1, 2, 3, 4, None, 5, 6, 7, 8, 9]
    assert [values[index] for index, *_ in told["marks"]] == [4, 5, 9]
    assert told["at"] == sorted(told["at"])


def test_what_is_no_number_is_null_and_no_text_ends_the_block():
    hostile = "</script><script>alert(1)"
    line = Line(hostile, "#000", np.array([1.0, np.nan, np.inf]))
    block = as_block(Pane("x", "%", 2, 100, clock(3), [line]).to_json(clock(0)))
    assert "<" not in block
    assert json.loads(block)["lines"][0]["values"] == [1.0, None, None]
    assert json.loads(block)["lines"][0]["name"] == hostile
