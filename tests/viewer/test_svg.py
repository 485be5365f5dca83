"""Drawings for whoever runs no script."""

import math
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.report.panes import Line, Pane
from rook_bench.viewer.svg import moments, svg, ticks

NONE = np.empty(0, "datetime64[ns]")
AT = np.datetime64("2025-01-01", "ns") + np.arange(5) * np.timedelta64(60, "s")
SPAN = (1735689600.0, 1735689840.0)


def drawn(lines, marks=None, order=lambda row: f"/run/x/row/{row}"):
    text = svg(Pane("net equity", "%", 2, 200, AT, lines, marks, "its").to_json(NONE), SPAN, order)
    return ElementTree.fromstring(text), text


def test_lines_are_steps_and_fills_lead_to_their_orders():
    marks = np.array([[1, 0, 1], [3, 2, -1]])
    root, _ = drawn([Line("a", "#000", np.arange(5.0)), Line("b", "#111", np.ones(5), "--")], marks)
    paths = [path for path in root.iter("path") if path.get("class") == "line"]
    assert [path.get("d").count("H") for path in paths] == [4, 4]
    assert paths[1].get("stroke-dasharray") == "6 4"
    links = {link.get("href"): link.get("aria-label") for link in root.iter("a")}
    assert links == {"/run/x/row/0": "BUY of row 0", "/run/x/row/2": "SELL of row 2"}


def test_a_fill_without_a_page_leads_nowhere():
    root, _ = drawn([Line("a", "#000", np.arange(5.0))], np.array([[1, 0, 1]]), lambda row: None)
    assert not list(root.iter("a"))
    assert [path.get("class") for path in root.iter("path")] == ["line", "buy"]


def test_names_from_outside_are_text():
    root, text = drawn([Line("<script>alert(1)</script>", "#000", np.arange(5.0)), Line('" onload="x', "", np.ones(5))])
    assert "<script" not in text
    assert not any("onload" in element.attrib for element in root.iter())


def test_a_missing_value_breaks_the_line():
    root, _ = drawn([Line("a", "#000", np.array([1.0, 2.0, np.nan, 3.0, 4.0]))])
    (path,) = (path for path in root.iter("path") if path.get("class") == "line")
    assert path.get("d").count("M") == 2


def test_what_nobody_can_reach_does_not_stretch_the_scale():
    near = Line("a", "#000", np.array([0.0, 1.0, 0.5, 0.2, 1.0]))
    _, text = drawn([near, Line("foresight", "#aaa", np.arange(5.0) * 1e6, apart=True)])
    assert ">1%<" in text
    assert "000,000" not in text


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9), st.integers(1, 9))
def test_ticks_are_round_and_inside(low, width, most):
    high = low + width
    found = ticks(low, high, most)
    assert len(found) <= 2 * most + 2
    assert all(low - 1e-6 * width <= tick <= high + 1e-6 * width for tick in found)
    steps = np.diff(found)
    if len(steps):
        size = 10 ** math.floor(math.log10(steps[0] * 1.000001))
        assert min(abs(steps[0] / size - round_one) for round_one in (1, 2, 5)) < 1e-3
        np.testing.assert_allclose(steps, steps[0], rtol=1e-4)


@pytest.mark.parametrize(
    ("seconds", "pattern"), [(5, "%H:%M:%S"), (3600, "%H:%M"), (86_400, "%H:%M"), (86_400 * 400, "%d %b %y")]
)
def test_times_are_round_and_few(seconds, pattern):
    found, said = moments(1735689601.0, 1735689601.0 + seconds)
    assert said == pattern
    assert 2 <= len(found) <= 8
    assert found == sorted(found)
