"""The tick map at any row, whatever part of the tape one holds."""

from dataclasses import replace

import pytest
from lives import MINT, Life, table, without

from rook_bench.core import InputError
from rook_bench.ingest.events_to_frame import follow, in_order
from rook_bench.ingest.row_order import mend_order
from rook_bench.market.events import BURN, INITIALIZE
from rook_bench.market.history import TickWalk
from rook_bench.market.tape_file import read_tape, write_tape
from rook_bench.tapecheck.repricing import known_depth, reprice


def test_the_map_at_every_row_is_the_pools_own(life):
    walk = TickWalk(life.frame().history)
    for row, state in enumerate(life.states):
        found = walk.at(row)
        assert (found.by_tick, found.pairs) == (state.ticks, state.map.pairs)


@pytest.mark.parametrize(("first", "last"), [(0, 400), (0, 10), (37, 210), (210, 211), (390, 400)])
def test_a_part_of_the_tape_knows_what_the_whole_knows(life, first, last):
    part = life.frame()[first:last]
    assert reprice(part).exact.all()
    walk = TickWalk(known_depth(part))
    for row in range(last - first):
        assert walk.at(row).by_tick == life.states[first + row].ticks


def test_rows_that_do_not_follow_each_other_have_no_history(life):
    frame = life.frame()
    assert frame[::2].history is None


def test_the_history_is_part_of_the_datas_identity(life):
    frame = life.frame()
    assert frame.data_hash != replace(frame, history=None).data_hash
    assert frame.data_hash == life.frame().data_hash


def test_a_log_from_the_middle_of_a_pools_life_knows_the_positions_opened_inside(life):
    cut = life.swaps[100]
    frame = life.frame(life.events[cut:])
    assert not frame.history.complete
    assert known_depth(frame) is None
    found, bare = reprice(frame), reprice(replace(frame, history=None))
    assert found.exact[found.testable].all()
    assert found.exact.sum() > bare.exact.sum()


def test_a_burn_of_what_was_never_minted_is_refused_by_name(life):
    burned = next(event for event in life.events if event["event"] == BURN)
    ends = (burned["tick_lower"], burned["tick_upper"])
    mints = [
        place
        for place, event in enumerate(life.events)
        if event["event"] == MINT and (event["tick_lower"], event["tick_upper"]) == ends
    ]
    with pytest.raises(InputError, match="an earlier mint is missing from the log"):
        life.frame(without(life.events, *mints))


def test_positions_off_the_spacing_point_at_the_metadata(life):
    pool = life.pool.model_copy(update={"tick_spacing": 60})
    with pytest.raises(InputError, match="is not on the tick spacing 60"):
        other = Life(3)
        other.pool, other.events = pool, life.events
        other.frame()


def test_following_the_events_gives_the_state_after_each(life):
    for row in (0, 57, 399):
        events, _ = in_order(table(life.events[: life.swaps[row] + 1]))
        state = follow(None, events, life.pool)
        expected = life.states[row]
        assert (state.sqrt_price, state.tick, state.liquidity) == (
            expected.sqrt_price,
            expected.tick,
            expected.liquidity,
        )
        assert state.ticks == expected.ticks
    assert follow(None, table([event for event in life.events if event["event"] != INITIALIZE]), life.pool) is None


def test_events_repeat_and_come_in_any_order(life):
    shuffled = life.events[200:] + life.events[:250]
    frame = life.frame(shuffled)
    assert any("repeated events dropped" in note for note in frame.notes)
    assert replace(frame, notes=()).data_hash == life.frame().data_hash


def test_tapes_keep_history_hashes_fees_and_gas_prices(life, dynamic_life, tmp_path):
    import numpy as np

    for frame in (life.frame(), dynamic_life.frame(), life.frame()[100:150]):
        frame = replace(frame, gas_price=np.arange(len(frame), dtype=np.int64) * 10**9)
        write_tape(frame, tmp_path / "tape.parquet")
        again = read_tape(tmp_path / "tape.parquet")
        assert again.data_hash == frame.data_hash
        assert again.history.complete
        assert again.history.start == frame.history.start
        assert again.tx_hash == frame.tx_hash
        assert (again.fee_pips is None) == (frame.fee_pips is None)


# Order inside a second.


def shuffled(frame, rows):
    """A tape without log indices, with these rows of one second in this order."""
    import numpy as np

    at = frame.at.copy()
    at[min(rows) : max(rows) + 1] = at[min(rows)]
    order = np.arange(len(frame))
    order[sorted(rows)] = rows
    bare = replace(frame, history=None, log_index=None, tx_index=None, block=None, tx_hash=None, at=at)
    return bare.take(order)


def test_rows_of_a_second_are_put_into_the_only_order_that_chains(tape):
    seen = 0
    for first in range(100, 1900, 7):
        rows = [first + 2, first, first + 1]
        liquidity = {tape.liquidity[row] for row in (first - 1, *rows)}
        if len(liquidity) > 1 or len(set(tape.at[first - 1 : first + 4].tolist())) < 5:
            continue
        mixed = shuffled(tape, rows)
        mended = mend_order(mixed)
        assert list(mended.sqrt_price_x96) == list(tape.sqrt_price_x96)
        assert "3 rows of 1 seconds" in mended.notes[-1]
        assert mend_order(mended) is mended
        rounded = replace(mixed, rounded={"amount0": "float"})
        assert mend_order(rounded) is rounded
        seen += 1
    assert seen >= 5


def test_rows_that_chain_in_no_order_stay_where_they_are(tape):
    from rook_bench.core.exact import ExactInts

    first = next(
        row
        for row in range(100, 1900)
        if len({tape.liquidity[other] for other in range(row - 1, row + 3)}) == 1
        and len(set(tape.at[row - 1 : row + 4].tolist())) == 5
    )
    amounts = list(tape.amount0)
    amounts[first + 1] += 10**9
    broken = shuffled(replace(tape, amount0=ExactInts.of(amounts)), [first + 2, first, first + 1])
    assert mend_order(broken) is broken
