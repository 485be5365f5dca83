"""What a decision may see, and what it is told where it asks for something else."""

import numpy as np
import pytest

from rook_bench.core import UnknownName
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source, risk_filter
from rook_bench.replay import ReplayConfig, replay


def test_names_are_what_can_be_asked_for(short_tape):
    view = MarketView.whole(short_tape)
    assert {"at", "price", "volume", "volatility", "avg_price_50"} <= set(view.names)
    assert view.names == sorted(view.names)
    for name in view.names:
        assert view[name].shape == (len(short_tape),)


def test_a_column_is_the_same_in_whichever_order_it_is_asked_for(short_tape):
    first, second = MarketView.whole(short_tape), MarketView.whole(short_tape)
    conditions_first = second["avg_price_50"]
    for name in first.names:
        np.testing.assert_array_equal(first[name], second[name])
    np.testing.assert_array_equal(conditions_first, first["avg_price_50"])


@pytest.mark.parametrize("rows", [1, 7, 300, 500])
def test_head_is_the_view_as_it_was(short_tape, rows):
    view = MarketView.whole(short_tape)
    head = view.head(rows)
    assert len(head) == min(rows, 300)
    np.testing.assert_array_equal(head["price"], view["price"][:rows])
    assert head.now == short_tape.at[len(head) - 1]


def test_an_unknown_column_names_the_line_that_asked(short_tape):
    view = MarketView.whole(short_tape)
    with pytest.raises(UnknownName) as caught:
        view["prise"]
    line = caught.traceback[0].lineno + 1
    assert str(caught.value) == f"{__file__}:{line}: unknown column 'prise'; did you mean 'price'?"


def test_in_a_plugin_file(short_tape, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from rook_bench import Decision, decision_source, risk_filter\n\n"
        "@decision_source\ndef mine():\n    '''.'''\n    def decide(view):\n"
        "        return Decision.hold(str(view['prise']))\n    return decide\n\n"
        "@risk_filter\ndef checked():\n    '''.'''\n    return lambda view, decisions: view['volatilty'] > 0\n"
    )
    config = ReplayConfig.parse({"risk": {"filters": [f"{path}@checked"]}}, where="test")
    with decision_source.isolated(), risk_filter.isolated():
        with pytest.raises(UnknownName, match=r"mine\.py:7: unknown column 'prise'; did you mean 'price'\?"):
            replay(short_tape, f"{path}@mine")
        with pytest.raises(UnknownName, match=r"mine\.py:13: .*did you mean 'volatility'\?"):
            replay(short_tape, "hold", config)
