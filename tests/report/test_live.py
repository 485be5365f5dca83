"""What the live chart is drawn from is what the runs hold, within a size that can be mailed."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from rook_bench.metrics import analyse
from rook_bench.report import live, write_report
from rook_bench.report.entries import make_entries
from rook_bench.report.live import chart_data

needs_library = pytest.mark.skipif(live.chart_css() == "", reason="the report's drawing library is not installed (npm)")


@pytest.fixture
def has_library(monkeypatch, tmp_path):
    """As if the library were installed, so that what it would be given can be looked at."""
    for name in ("uPlot.iife.min.js", "uPlot.min.css", "LICENSE"):
        (tmp_path / name).write_text("/* of a url */;")
    monkeypatch.setattr(live, "HERE", tmp_path)
    monkeypatch.setattr(live, "LIBRARY", ("uPlot.iife.min.js",))


def data_of(analyses):
    return json.loads(chart_data(make_entries(analyses)))


@pytest.mark.usefixtures("has_library")
def test_each_line_is_the_runs_equity(analyses):
    data = data_of(analyses)
    equity, price = data["panes"]
    assert [one["name"] for one in equity["lines"]] == ["momentum", "hold", "random:0.16", "foresight"]
    assert [one["apart"] for one in equity["lines"]] == [False, False, False, True]
    for one, analysis in zip(equity["lines"], analyses, strict=True):
        run = analysis.run
        whole = 100 * (run.equity[[0, *analysis.sampled.rows, -1]] / run.hold_equity[0] - 1)
        np.testing.assert_allclose(one["values"], whole, rtol=1e-4, atol=1e-9)
    at = np.array(equity["at"])
    assert (np.diff(at) >= 0).all()
    assert len(at) == len(equity["lines"][0]["values"])
    assert len(price["marks"]) == int(analyses[0].run.orders.filled.sum())


@pytest.mark.usefixtures("has_library")
def test_of_long_lines_the_extremes_are_kept(analyses, monkeypatch):
    monkeypatch.setattr(live, "POINTS", 60)
    (equity, drawn), price = data_of(analyses[:2])["panes"], analyses[0].run.frame.price
    values = drawn["lines"][0]["values"]
    assert len(values) <= 60 + 4 + len(drawn["marks"])
    assert max(values) == pytest.approx(price.max(), rel=1e-6)
    assert min(values) == pytest.approx(price.min(), rel=1e-6)
    assert values[-1] == pytest.approx(price[-1], rel=1e-6)
    assert len(equity["at"]) <= 60 + 8


@pytest.mark.usefixtures("has_library")
def test_lines_break_where_the_tape_does(run_of, tape, sides):
    at = tape.at.copy()
    at[1000:] += np.timedelta64(3, "D")
    broken = replace(tape, at=at)
    if not len(broken.holes):
        pytest.skip("three days are no hole of this tape")
    equity, price = data_of([analyse(run_of(broken, sides("BS" * (len(tape) // 2), 0.01)))])["panes"]
    assert price["lines"][0]["values"].count(None) == 1
    assert equity["lines"][0]["values"].count(None) == 1
    assert len(equity["at"]) == len(equity["lines"][0]["values"])


@pytest.mark.usefixtures("has_library")
def test_names_from_outside_stay_text(analyses, renamed):
    hostile = "</script><script>alert(1)</script>"
    text = chart_data(make_entries([renamed(analyses[0], hostile)]))
    assert "<" not in text
    assert "script>" in json.loads(text)["panes"][1]["of"]


def test_without_the_library_there_are_pictures(analyses, monkeypatch, tmp_path):
    monkeypatch.setattr(live, "LIBRARY", ())
    live.scripts.cache_clear()
    live.chart_css.cache_clear()
    try:
        write_report(analyses[:1], tmp_path, title="Plain")
    finally:
        live.scripts.cache_clear()
        live.chart_css.cache_clear()
    page = (tmp_path / "report.html").read_text()
    assert page.count("<script") == 1
    assert "uPlot" not in page
    assert 'id="chart"' not in page
    assert 'id="picture-equity"' in page


@needs_library
def test_the_librarys_terms_travel_with_it(comparison_folder):
    page = (comparison_folder / "report.html").read_text()
    assert "Copyright (c) 2022 Leon Sorokin" in page
    assert "WITHOUT WARRANTY OF ANY KIND" in page


@needs_library
def test_it_costs_less_than_half_a_megabyte(comparison_folder):
    page = (comparison_folder / "report.html").read_text()
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.S)
    assert len(scripts) == 4
    assert sum(map(len, scripts)) + len(live.chart_css()) < 300_000


def test_pictures_may_be_left_out(analyses, tmp_path):
    write_report(analyses, tmp_path, title="Plain", with_pictures=False)
    page = (tmp_path / "report.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "trades.csv"]
    assert "<img" not in page
    assert 'href="#pictures"' not in page
    assert 'id="comparison"' in page
    assert (live.chart_css() == "") == ('id="chart"' not in page)
