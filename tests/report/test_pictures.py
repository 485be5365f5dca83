"""Every picture that has something to show is written, of one size; of the others the page says why not."""

import struct
from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.report import write_report
from rook_bench.report.charts.canvas import (
    NoPicture,
    Picture,
    end_labels,
    legend_grid,
    round_step,
    spread,
    style,
)
from rook_bench.report.charts.drawdown import deepest, under_water
from rook_bench.report.charts.equity import equity
from rook_bench.report.charts.waterfall import GAIN_COLOUR, LOSS_COLOUR, waterfall
from rook_bench.report.entries import COLOURS, make_entries
from rook_bench.report.pictures import pictures
from rook_bench.report.topics import topics

ALWAYS = {"equity", "drawdown", "waterfall", "distribution"}
"""Drawn whatever the runs did."""


def drawn(entries):
    """Every picture of a report, and every reason why one is missing, by name; call it inside `style`."""
    return {picture.name: picture for draw in pictures(entries, topics(entries)) for picture in draw()}


def size_of(png):
    """Width and height, from the PNG's own header."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


@pytest.mark.parametrize(
    ("folder", "more"),
    [
        (
            "comparison_folder",
            {
                *(
                    "actions",
                    "actions-momentum",
                    "waterfall-momentum",
                    "waterfall-random-0.16",
                    "markouts",
                    "confidence",
                ),
                *("difference", "edge", "sweeps", "regimes"),
            },
        ),
        ("idle_folder", set()),
    ],
)
def test_pictures_with_something_to_show_are_written(folder, more, request):
    written = {path.stem: path.read_bytes() for path in request.getfixturevalue(folder).glob("*.png")}
    assert set(written) == ALWAYS | more
    for png in written.values():
        assert size_of(png) == (1600, 900)
        assert len(png) > 5000


def test_same_input_same_bytes(analyses, comparison_folder):
    with style():
        (again,) = equity(make_entries(analyses))
        assert again.to_png() == (comparison_folder / "equity.png").read_bytes()


def test_nothing_to_draw_is_said_on_the_page(idle, idle_folder):
    with style():
        missing = {name: found for name, found in drawn(make_entries([idle])).items() if isinstance(found, NoPicture)}
    # The questions say in their answers why there is no picture.
    assert set(missing) == {"actions", "confusion", "markouts", "confidence", "reliability"}
    page = (idle_folder / "report.html").read_text(encoding="utf-8")
    for name, found in missing.items():
        place = page.split(f'<div id="picture-{name}"')[1].split("</div>")[0]
        assert found.heading in place
        assert found.sentence in place
    assert "no order was made" in missing["actions"].sentence


def test_titles_state_the_numbers(entries):
    with style():
        found = drawn(entries)
    titles = {name: picture.title for name, picture in found.items() if isinstance(picture, Picture)}
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
            for picture in drawn(make_entries(chosen)).values():
                if isinstance(picture, NoPicture):
                    continue
                picture.figure.draw_without_rendering()
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
    assert {path.stem for path in tmp_path.glob("*.png")} >= ALWAYS


def test_only_reverts(make_frame, sides, run_of, tmp_path):
    """A run whose every order reverts has no fills, and its reverts are drawn."""
    frame = make_frame([2000.0, 2100.0, 2200.0, 2300.0], blocks=[1, 2, 3, 4])
    run = run_of(frame, sides("BBBH", slippage_bps=1.0))
    analysis = analyse(run)
    assert analysis.outcomes["REVERTED_SLIPPAGE"] == 3
    with style():
        picture = drawn(make_entries([analysis]))["actions"]
    assert "3 reverts" in picture.title


def test_thousands_of_fills_are_thinned(tape, sides, run_of):
    analysis = analyse(run_of(tape, sides("BS" * (len(tape) // 2), size=0.01)))
    with style():
        picture = drawn(make_entries([analysis]))["actions"]
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
        return drawn(make_entries(analyses))["reliability"]


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
    assert reliability_of([idle]).sentence == "The tape carries no labels to hold a confidence against."
    assert reliability_of(stating(0.5, np.nan)).sentence == "No source states a confidence that varies."


@pytest.mark.parametrize("span", [0.0, 59.0, 28_588.0, 86_400.0, 400 * 86_400.0])
def test_stretches_are_round_and_few(span):
    step = round_step(span, 90)
    assert span / step <= 90
    assert step >= 1


# A source's place and colour.


def test_the_equity_legend_is_in_the_order_of_the_tables(analyses, renamed):
    found = [renamed(analyses[place % 4], f"source-{place}") for place in (3, 0, 2, 1, 5)]
    entries = make_entries(found)
    with style():
        (picture,) = equity(entries)
    (legend,) = picture.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [entry.short for entry in entries]
    lines = picture.figure.axes[0].lines[1:]  # the first is zero
    assert [line.get_color() for line in lines] == [entry.colour for entry in entries]


def test_a_legend_of_two_rows_is_read_row_by_row(analyses, renamed):
    entries = make_entries([renamed(analyses[0], f"a-rather-long-name-of-source-{place}") for place in range(5)])
    names = [entry.short for entry in entries]
    assert legend_grid(names) == (2, 3)
    with style():
        (picture,) = equity(entries)
        picture.to_png()
        texts = picture.figure.legends[0].get_texts()

    def place(text):
        box = text.get_window_extent()
        return -round(box.y0), box.x0

    read = [text.get_text() for text in sorted(texts, key=place)]
    assert read[:5] == names


def test_one_source_needs_no_legend(analyses):
    with style():
        (picture,) = equity(make_entries(analyses[:1]))
    assert picture.figure.legends == []


def test_a_name_pushed_from_its_line_keeps_a_connector():
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    end_labels(axes, [(0.1, "far", "red"), (0.5, "low", "green"), (0.501, "high", "blue")])
    arrows = {text.get_text(): text.arrow_patch for text in axes.texts}
    assert arrows["far"] is None
    assert arrows["low"] is None
    assert arrows["high"] is not None
    assert axes.texts[-1].xy == (1.0, 0.501)


def test_names_are_spread_within_the_axes():
    assert spread([0.1, 0.5], 0.1) == [0.1, 0.5]
    assert spread([0.5, 0.5, 0.52], 0.1) == pytest.approx([0.5, 0.6, 0.7])
    assert spread([0.95, 1.0, 1.0], 0.1) == pytest.approx([0.8, 0.9, 1.0])


@pytest.mark.parametrize(
    ("signals", "said"),
    [((5, 3), ["signal"]), ((5, -3), ["signal gained", "signal lost"]), ((-5, -3), ["signal lost"])],
)
def test_a_loss_is_never_green(analyses, signals, said):
    """In the picture of all sources a signal that lost is orange and hatched, one that gained is green."""
    entries = make_entries([with_signal(analysis, signal) for analysis, signal in zip(analyses, signals, strict=False)])
    with style():
        picture = waterfall(entries)[0]
    (legend,) = picture.figure.legends
    looks = dict(zip((text.get_text() for text in legend.get_texts()), legend.legend_handles, strict=True))
    assert [name for name in looks if name.startswith("signal")] == said
    if "signal lost" in looks:
        assert to_hex(looks["signal lost"].get_facecolor()).upper() == LOSS_COLOUR
        assert looks["signal lost"].get_hatch()
    bars = picture.figure.axes[0].patches
    greens = {np.sign(bar.get_width()) for bar in bars if to_hex(bar.get_facecolor()).upper() == GAIN_COLOUR}
    assert greens == ({1.0} if max(signals) > 0 else set())


def with_signal(analysis, percent):
    """An analysis whose trades gained so many percent of the opening value."""
    parts = analysis.attribution
    return replace(analysis, attribution=replace(parts, signal=parts.opening * percent // 100))
