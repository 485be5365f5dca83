"""Every picture is written, of one size, and says something where there is nothing to draw."""

import struct
from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.report import write_report
from rook_bench.report.charts import CHARTS, pictures
from rook_bench.report.charts.canvas import round_step, style
from rook_bench.report.charts.drawdown import deepest, under_water
from rook_bench.report.entries import COLOURS, make_entries

NAMES = {
    "equity",
    "drawdown",
    "waterfall",
    "actions",
    "distribution",
    "confusion",
    "markouts",
    "confidence",
    "reliability",
    "difference",
    "disagreement",
    "reliability-profitable",
    "coverage",
    "edge",
    "sweeps",
    "filters",
    "regimes",
}


def size_of(png):
    """Width and height, from the PNG's own header."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize(
    ("folder", "more"),
    [
        ("comparison_folder", {"waterfall-momentum", "waterfall-random-0.16", "actions-momentum"}),
        ("idle_folder", set()),
    ],
)
def test_all_pictures_are_written(folder, more, request):
    written = {path.stem: path.read_bytes() for path in request.getfixturevalue(folder).glob("*.png")}
    assert set(written) == NAMES | more
    for png in written.values():
        assert size_of(png) == (1600, 900)
        assert len(png) > 5000


def test_same_input_same_bytes(analyses, comparison_folder):
    with style():
        again = {picture.name: picture.to_png() for picture in CHARTS[0](make_entries(analyses))}
    assert again["equity"] == (comparison_folder / "equity.png").read_bytes()


def test_nothing_to_draw_is_said_in_the_picture(idle):
    with style():
        empty = {picture.name: picture for picture in pictures(make_entries([idle])) if picture.empty}
    assert set(empty) == {
        *("actions", "confusion", "markouts", "confidence", "reliability", "difference", "disagreement"),
        *("reliability-profitable", "coverage", "edge", "sweeps", "filters", "regimes"),
    }
    for picture in empty.values():
        written = " ".join(text.get_text() for text in picture.figure.texts).replace("\n", " ")
        assert picture.empty in written
    assert "no order was made" in empty["actions"].empty


def test_titles_state_the_numbers(entries):
    with style():
        titles = {picture.name: picture.title for picture in pictures(entries)}
    fills = entries[0].fills
    assert "net:" in titles["equity"]
    assert f"{fills:,}" in titles["actions"]
    assert "Five minutes after momentum" in titles["markouts"]
    assert "% of rows" in titles["distribution"]


def test_style_leaves_no_trace(analyses, tmp_path):
    before = dict(mpl.rcParams)
    write_report(analyses[:1], tmp_path, title="Once")
    assert dict(mpl.rcParams) == before


def test_nothing_is_cut_off(analyses, renamed):
    """All that is drawn lies inside the picture, and no legend over the title or the axes."""
    long = [renamed(analysis, f"lora:{'long_name_' * 9}{index}") for index, analysis in enumerate(analyses)]
    for chosen in (analyses, long, analyses[:1]):
        with style():
            for picture in pictures(make_entries(chosen)):
                picture.to_png()
                figure = picture.figure
                box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
                assert 0 <= box.x0 <= box.x1 <= width, picture.name
                assert 0 <= box.y0 <= box.y1 <= height, picture.name
                title = figure.texts[0].get_window_extent()
                for legend in figure.legends:
                    place = legend.get_window_extent()
                    assert place.x1 <= figure.bbox.x1, picture.name
                    others = [title, *(axes.bbox for axes in figure.axes)]
                    assert not any(place.overlaps(other) for other in others), picture.name


def test_more_sources_than_colours(analyses, renamed, tmp_path):
    many = [renamed(analyses[0], f"source-{index}") for index in range(len(COLOURS) + 2)]
    shown = make_entries(many)
    assert len({(entry.colour, entry.dash) for entry in shown}) == len(many)
    write_report(many, tmp_path, title="Many")
    assert all(size_of(path.read_bytes()) == (1600, 900) for path in tmp_path.glob("*.png"))


@pytest.mark.parametrize("swaps", [2, 5])
def test_tiny_tapes(tape, swaps, tmp_path):
    found = [analyse(replay(tape[:swaps], source)) for source in ("always-buy", "hold")]
    write_report(found, tmp_path, title="Tiny")
    assert {path.stem for path in tmp_path.glob("*.png")} >= NAMES


def test_only_reverts(make_frame, sides, run_of, tmp_path):
    """A run whose every order reverts has no fills, and its reverts are drawn."""
    frame = make_frame([2000.0, 2100.0, 2200.0, 2300.0], blocks=[1, 2, 3, 4])
    run = run_of(frame, sides("BBBH", slippage_bps=1.0))
    analysis = analyse(run)
    assert analysis.outcomes["REVERTED_SLIPPAGE"] == 3
    with style():
        picture = next(picture for picture in pictures(make_entries([analysis])) if picture.name == "actions")
    assert picture.empty is None
    assert "3 reverts" in picture.title


def test_thousands_of_fills_are_thinned(tape, sides, run_of):
    analysis = analyse(run_of(tape, sides("BS" * (len(tape) // 2), size=0.01)))
    with style():
        picture = next(picture for picture in pictures(make_entries([analysis])) if picture.name == "actions")
        marks = sum(len(collection.get_offsets()) for collection in picture.figure.axes[0].collections)
    assert marks < 250
    assert f"{int((analysis.run.orders.filled & analysis.run.orders.buys).sum()):,} buys" in picture.title


def test_thinned_drawdown_keeps_its_depth():
    equity = np.cumprod(1 + np.random.default_rng(3).normal(0, 1e-3, 50_000))
    at = np.datetime64("2025-01-01", "ns") + np.arange(len(equity)) * np.timedelta64(12, "s")
    depth = under_water(equity)
    when, values = deepest(at, depth)
    assert len(values) < 1300
    assert values.min() == depth.min()
    assert (np.diff(when) > np.timedelta64(0)).all()
    assert (when[0], when[-1]) == (at[0], at[-1])


@pytest.fixture
def stating(tape, run_of):
    """Analyses on a labelled tape by the confidence that each of 300 decisions states."""
    labels = {"label_side": np.array(["HOLD", "BUY", "HOLD"] * 100, dtype=object)}
    frame = replace(tape[:300], labels=labels)

    def make(*confidences):
        decisions = [DecisionTape.from_sides(np.full(300, Side.HOLD), 0.0, confidence=level) for level in confidences]
        return [analyse(run_of(frame, stated)) for stated in decisions]

    return make


def reliability_of(analyses):
    with style():
        return next(picture for picture in pictures(make_entries(analyses)) if picture.name == "reliability")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.8, 1.0, "states a confidence of 0.90 on average and is the label on 66.7% of decisions: too sure"),
        (0.1, 0.3, "a confidence of 0.20 on average and is the label on 66.7% of decisions: not sure enough"),
        (0.62, 0.7, "66.7% of decisions: right on average"),
    ],
)
def test_reliability_says_which_way_it_errs(stating, low, high, words):
    picture = reliability_of(stating(np.tile([low, high], 150)))
    assert picture.empty is None
    assert words in picture.title
    assert "calibration error" in picture.title
    assert "n = 300" in picture.caption


def test_reliability_has_a_panel_per_source_that_varies(stating, renamed):
    """At most four; those left out are named, and so are those that say nothing or always the same."""
    varying = np.linspace(0.0, 1.0, 300)
    found = stating(*[varying] * 5, 0.5, np.nan)
    named = [renamed(analysis, f"source-{index}") for index, analysis in enumerate(found)]
    picture = reliability_of(named)
    assert [axes.get_title(loc="left") for axes in picture.figure.axes[:4]] == [f"source-{k}" for k in range(4)]
    assert len(picture.figure.axes) == 8
    note = picture.figure.texts[1].get_text().replace("\n", " ")
    assert "always the same: source-5, source-6." in note
    assert "No room for: source-4." in note
    counts = [bar.get_height() for bar in picture.figure.axes[4].patches]
    assert counts == [30] * 10


def test_reliability_is_not_cut_off(stating, renamed):
    varying = [np.linspace(0.0, 1.0, 300), np.repeat([0.0, 1.0], 150), np.full(300, 0.5) + np.eye(1, 300)[0] * 0.5]
    found = stating(*varying, varying[0])
    long = [renamed(analysis, f"lora:{'long_name_' * 9}{index}") for index, analysis in enumerate(found)]
    for count in range(1, 5):
        picture = reliability_of(long[:count])
        with style():
            picture.to_png()
        box, (width, height) = picture.figure.get_tightbbox(), picture.figure.get_size_inches()
        assert 0 <= box.x0 <= box.x1 <= width
        assert 0 <= box.y0 <= box.y1 <= height
        names = [axes._left_title.get_window_extent() for axes in picture.figure.axes[:count]]
        for left, right in pairwise(names):
            assert left.x1 < right.x0
        note = picture.figure.texts[1].get_window_extent()
        assert not any(note.overlaps(axes.get_tightbbox()) for axes in picture.figure.axes)


def test_reliability_needs_labels_and_a_confidence_that_varies(idle, stating):
    assert reliability_of([idle]).empty == "The tape carries no labels to hold a confidence against."
    assert reliability_of(stating(0.5, np.nan)).empty == "No source states a confidence that varies."


@pytest.mark.parametrize("span", [0.0, 59.0, 28_588.0, 86_400.0, 400 * 86_400.0])
def test_stretches_are_round_and_few(span):
    step = round_step(span, 90)
    assert span / step <= 90
    assert step >= 1
