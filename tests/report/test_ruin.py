"""A source that lost nearly all is called ruined: no mean per day, no interval and no axis speaks for it."""

import re

import numpy as np
import pytest

from rook_bench.metrics import analyse, intervals
from rook_bench.replay import ReplayConfig, replay
from rook_bench.report.charts.canvas import NoPicture, style
from rook_bench.report.charts.equity import equity
from rook_bench.report.comparison import comparison
from rook_bench.report.entries import make_entries
from rook_bench.report.headline import headline
from rook_bench.report.topics.difference import difference

DEAR = {"frictions": {"gas": {"flat_quote": 150.0}}}


@pytest.fixture(scope="module")
def ruined(tape):
    return analyse(replay(tape, "random:0.9", ReplayConfig.parse(DEAR, where="test")))


def test_it_is_said_first(ruined, analyses):
    (entry,) = make_entries([ruined])
    assert entry.ruined
    assert "random:0.9 is ruined and loses 9" in headline([entry])["findings"][0]
    assert not any(entry.ruined for entry in make_entries(analyses))


def test_no_loss_exceeds_the_whole(ruined):
    assert -1 < ruined.estimates["excess_return"].value < -RUIN
    assert intervals(ruined.sampled, ruined.estimates) == {}
    entry = make_entries([ruined])[0]
    rows = {row.name: cells[0] for _, rows in comparison([entry])["groups"] for row, cells in rows}
    shown = [rows[name].text for name in ("total_return", "excess_return", "max_drawdown")]
    assert all(abs(float(re.sub(r"[^\d.]", "", text))) <= 100 for text in shown)


RUIN = 0.8


@pytest.mark.parametrize("first", [True, False])
def test_a_mean_per_day_says_nothing_of_money_that_is_gone(ruined, analyses, first):
    order = [ruined, *analyses[:2]] if first else [*analyses[:2], ruined]
    entries = make_entries(order)
    told = difference(entries)
    (table, *_) = told.tables
    with style():
        picture = told.draw[0]()
    if first:
        assert told.lead.startswith("random:0.9 is ruined: random:0.9 ends at")
        assert isinstance(picture, NoPicture)
        assert all(cells[1].text == "undefined" for _, cells in table.rows)
    else:
        assert "ruined" not in told.lead
        assert table.rows[0][1][1].text != "undefined"
        assert table.rows[1][1][1].text == "undefined"
        assert "random:0.9 is ruined" in table.rows[1][1][1].why
        notes = " ".join(text.get_text() for text in picture.figure.texts)
        assert "Not shown, because it is ruined: random:0.9" in notes.replace("\n", " ")


def test_one_that_lost_all_does_not_flatten_the_others(ruined, analyses):
    entries = make_entries([*analyses[:2], ruined])
    with style():
        (picture,) = equity(entries)
    low, high = picture.figure.axes[0].get_ylim()
    assert low > -20
    assert "random:0.9 leaves the scale at the bottom" in picture.caption
    assert any("(off the scale)" in text.get_text() for text in picture.figure.axes[0].texts)
    with style():
        (alone,) = equity(make_entries([ruined, analyses[1]]))
    assert alone.figure.axes[0].get_ylim()[0] < -90
    assert np.isfinite(high)
