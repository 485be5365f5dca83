"""The filter that refuses ranges of blocks."""

import numpy as np
import pytest

from rook_bench.core import InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.view import MarketView
from rook_bench.replay import ReplayConfig, replay
from rook_bench.risk.filters import blackout


@pytest.fixture(scope="module")
def swaps():
    return simulate(200, np.random.default_rng(1))


def allowed(frame, *ranges):
    tape = DecisionTape.from_sides(np.zeros(len(frame), dtype=np.int8), 0.1)
    return blackout(blocks=ranges)(MarketView.whole(frame), tape)


def test_both_ends_are_inside(swaps):
    first, last = int(swaps.block[20]), int(swaps.block[40])
    expected = (swaps.block < first) | (swaps.block > last)
    np.testing.assert_array_equal(allowed(swaps, (first, last)), expected)
    np.testing.assert_array_equal(allowed(swaps, (first, last), (last, last + 1)), expected & (swaps.block != last + 1))
    assert allowed(swaps).all()
    assert allowed(swaps, (int(swaps.block[-1]) + 1, 10**12)).all()
    assert not allowed(swaps, (0, 10**12)).any()


def test_orders_are_refused_by_name(swaps):
    block = int(swaps.block[100])
    config = ReplayConfig.model_validate({"risk": {"filters": [{"name": "blackout", "blocks": [[0, block]]}]}})
    orders = replay(swaps, "random:0.9", config).orders
    early = swaps.block[orders.row] <= block
    assert set(orders.rejected_by[early]) == {"blackout"}
    assert "blackout" not in set(orders.rejected_by[~early])


def test_a_tape_without_blocks(swaps):
    from dataclasses import replace

    bare = replace(swaps, block=None, tx_index=None, log_index=None, history=None)
    assert allowed(bare).all()
    with pytest.raises(InputError, match="no block numbers"):
        allowed(bare, (1, 2))


@pytest.mark.parametrize("bad", [[[5]], [["a", 2]], [[-1, 2]], 7])
def test_what_is_no_range(swaps, bad):
    config = ReplayConfig.model_validate({"risk": {"filters": [{"name": "blackout", "blocks": bad}]}})
    with pytest.raises((InputError, InputError.__base__)):
        replay(swaps, "hold", config)
