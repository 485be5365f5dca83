"""A plugin can look at the market and at the decisions; it can't change them."""

import numpy as np
import pytest

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.features import FEATURES
from rook_bench.market.view import MarketView
from rook_bench.replay import ReplayConfig, replay


@pytest.fixture(scope="module")
def view(make_frame):
    labels = {"label_side": np.array(["BUY", "HOLD", "SELL"], dtype=object)}
    return MarketView.whole(make_frame([100.0, 101.0, 102.0], labels=labels), labels=True)


@pytest.mark.parametrize("name", [*FEATURES, "at", "avg_price_10", "total_transactions"])
def test_columns(view, name):
    column = view[name]
    with pytest.raises(ValueError, match="read-only"):
        column[0] = column[1]
    with pytest.raises(ValueError, match="read-only"):
        column.sort()


def test_tables_are_copies(view):
    table = view.features()
    before = view["price"].copy()
    table.loc[0, "price"] = -1.0
    np.testing.assert_array_equal(view["price"], before)
    np.testing.assert_array_equal(view.features()["price"], before)


def test_labels(view):
    with pytest.raises(ValueError, match="read-only"):
        view.labels()["label_side"][0] = "SELL"


def test_a_source_can_not_turn_back_the_clock(registered, short_tape):
    """A source that writes to what it sees fails, instead of changing the tape for those after it."""

    def vandal():
        """Writes over the times of the swaps."""

        def decide(view):
            view["at"][:] = view["at"][0]
            return DecisionTape.from_sides(np.full(len(view), Side.HOLD), 0.0)

        return decide

    before = short_tape.at.copy()
    with pytest.raises(ValueError, match="read-only"):
        replay(short_tape, registered(vandal, whole_tape=True), fresh=True)
    np.testing.assert_array_equal(short_tape.at, before)


def test_a_filter_can_not_change_the_decisions(short_tape):
    from rook_bench.plugins import risk_filter

    with risk_filter.isolated():

        @risk_filter
        def forger():
            """Turns every wish into the largest one."""

            def allow(view, decisions):
                decisions.size[:] = np.where(decisions.size > 0, 1.0, 0.0)
                return np.ones(len(decisions), bool)

            return allow

        config = ReplayConfig.parse({"risk": {"filters": ["forger"]}}, where="test")
        with pytest.raises(ValueError, match="read-only"):
            replay(short_tape, "random:0.3", config, fresh=True)
