"""Events that can't be a tape are refused by name."""

import pytest
from lives import changed

from rook_bench.core import InputError
from rook_bench.execution.amm import MAX_SQRT_PRICE, MIN_SQRT_PRICE


@pytest.mark.parametrize("price", [1, MIN_SQRT_PRICE - 1, MAX_SQRT_PRICE, 2**200])
def test_prices_that_no_pool_can_have_are_refused(life, price):
    events = changed(life.events, life.swaps[7], sqrt_price_x96=price)
    with pytest.raises(InputError, match="no price that a pool can have at swap 8"):
        life.frame(events)


@pytest.mark.parametrize("column", ["sqrt_price_x96", "liquidity", "at"])
def test_swaps_that_lack_what_a_tape_needs_are_refused(life, column):
    events = changed(life.events, life.swaps[7], **{column: None})
    with pytest.raises(InputError, match=f"{column} is missing at swap"):
        life.frame(events)


def test_a_position_without_ticks_is_refused(life):
    place = next(place for place, event in enumerate(life.events) if event["event"] == "mint")
    with pytest.raises(InputError, match="lacks its ticks or its liquidity"):
        life.frame(changed(life.events, place, tick_lower=None))


def test_a_log_without_swaps_is_refused(life):
    with pytest.raises(InputError, match="the log holds no swap"):
        life.frame(life.events[:2])


def test_columns_that_some_rows_lack_are_left_out_and_named(life):
    frame = life.frame(changed(life.events, life.swaps[7], tx_index=None))
    assert frame.tx_index is None
    assert any("tx_index is missing in some rows" in note for note in frame.notes)
