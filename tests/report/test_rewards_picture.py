"""The picture of rewards: its finding is in its title, and a critic that foretells nothing is drawn too."""

import numpy as np
import pytest

from rook_bench.report.charts.rewards import Foretold, Learnt, _picture, draw_rewards

RNG = np.random.default_rng(0)
REWARDS = {"BUY 5%": RNG.normal(-5, 20, 500), "SELL 5%": RNG.normal(-6, 20, 500)}
FORECAST = np.linspace(-30, 30, 12)
FORETOLD = Foretold(FORECAST, 0.9 * FORECAST, np.full(12, 2.0))


@pytest.mark.parametrize(
    ("foretold", "learnt", "title", "band"),
    [
        (FORETOLD, Learnt(0.9, 0.05, 0.85, 5.6, True), "Mark-outs follow forecasts at 0.90 ± 0.05; an order costs 5.6 bps", True),
        (FORETOLD, Learnt(0.1, 0.05, 0.05, 5.6, True), "Mark-outs follow forecasts at 0.10 ± 0.05; an order costs 5.6 bps", False),
        (FORETOLD, Learnt(-0.1, 0.1, 0.0, 5.6, True), "No edge found: an order costs 5.6 bps", False),
        (FORETOLD, Learnt(0.9, 0.1, 0.0, 5.6, False), "Too short to tell: an order costs 5.6 bps", False),
        (None, Learnt(np.nan, np.nan, 0.0, 5.6, True), "No edge found", False),
    ],
)  # fmt: skip
def test_it_says_what_was_found(foretold, learnt, title, band):
    picture = _picture(REWARDS, foretold, learnt)
    assert picture.title.startswith(title)
    assert ("outside the grey band" in picture.caption) == band
    left, right = picture.figure.axes
    assert [label.get_text() for label in left.get_xticklabels()] == list(REWARDS)
    assert bool(right.patches) == band
    assert bool(right.texts) == (foretold is None or band)


def test_the_points_are_the_groups():
    right = _picture(REWARDS, FORETOLD, Learnt(0.9, 0.05, 0.85, 5.6, True)).figure.axes[1]
    points = right.containers[0].lines[0]
    np.testing.assert_allclose(points.get_xdata(), FORECAST)
    np.testing.assert_allclose(points.get_ydata(), 0.9 * FORECAST)


def test_it_is_a_png_and_always_the_same():
    first, second = (draw_rewards(REWARDS, FORETOLD, Learnt(0.9, 0.05, 0.85, 5.6, True)) for _ in range(2))
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert first == second
