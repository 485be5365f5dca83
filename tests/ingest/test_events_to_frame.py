"""Events in the order of the chain, each once; those that can't be a tape are refused by name."""

import pytest
from lives import changed, table

from rook_bench.core import InputError
from rook_bench.execution.ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from rook_bench.ingest.events_to_frame import in_order


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


def bared(events, *names):
    """The events without these columns."""
    return [{name: value for name, value in event.items() if name not in names} for event in events]


@pytest.mark.parametrize(
    "missing", [(), ("tx_hash",), ("block",), ("tx_index",)], ids=["all", "no hash", "no block", "no index"]
)
def test_repeats_are_dropped_by_hash_or_by_block(life, missing):
    events = bared(life.events, *missing)
    repeated = [*events[120:], *events[:200]]
    order, repeats = in_order(table(repeated))
    assert repeats == 80
    assert len(order) == len(events)
    if "block" not in missing:
        assert order.equals(table(events))


def test_one_hash_with_two_log_indices_is_two_events(life):
    """A transaction may swap twice, and a log index comes again in every block."""
    events = [event | {"tx_hash": f"{event['block']:064x}"} for event in life.events]
    order, repeats = in_order(table(events))
    assert (len(order), repeats) == (len(events), 0)


def test_without_a_log_index_nothing_is_a_repeat(life):
    events = bared(life.events, "log_index")
    order, repeats = in_order(table([*events[:50], *events[:50]]))
    assert (len(order), repeats) == (100, 0)


def test_rows_of_one_time_keep_their_order_where_nothing_places_them(life):
    events = bared(life.events, "log_index", "block", "tx_index")
    order, _ = in_order(table(events))
    assert order.equals(table(events))


def test_one_file_without_hashes_beside_one_with_them(life):
    """Two layouts of one log: what both know, block and log index, tells that they are the same events."""
    order, repeats = in_order(table([*life.events[:300], *bared(life.events[200:], "tx_hash")]))
    assert repeats == 100
    assert len(order) == len(life.events)
