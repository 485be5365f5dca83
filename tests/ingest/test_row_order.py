"""Rows of one second: put right where one order chains, and never touched where the prices do not decide."""

from dataclasses import replace

import numpy as np
import pytest
from lives import Life

from rook_bench.execution.ticks import sqrt_price_at_tick
from rook_bench.ingest.row_order import LONGEST, mend_order

NOTE = "put into the only order in which their prices chain"


def bare(frame, at=None):
    """The tape as a log without positions gives it."""
    columns = {"history": None, "log_index": None, "tx_index": None, "block": None, "tx_hash": None}
    return replace(frame, **columns, at=frame.at if at is None else at)


def shuffled(frame, order):
    """The tape without positions, its rows in another order, its times in place."""
    return replace(bare(frame).take(np.asarray(order)), at=frame.at)


def rows_of(frame):
    columns = (frame.sqrt_price_x96, frame.amount0, frame.amount1, frame.liquidity)
    return list(zip(*(list(column) for column in columns), frame.tick.tolist(), strict=True))


def calm(seed, blocks):
    """A pool with one wide position and these numbers of swaps in its blocks, all of different sizes."""
    life = Life(seed, depth=10**18)
    for count in blocks:
        life.next_block()
        for _ in range(count):
            life.swap(
                life.random.random() < 0.5 + (life.state.tick - life.home) / 400, life.random.randint(10**6, 10**9)
            )
    return life


@pytest.mark.parametrize("seed", range(5))
def test_every_shuffled_second_is_put_right(seed):
    """Each second opens from where the one before it ended, which may have been moved itself."""
    blocks = [1, 3, 5, 2, 1, 7, 4, 2]
    frame = calm(seed, blocks).frame()
    rng = np.random.default_rng(seed)
    ends = np.cumsum(blocks)
    order = np.concatenate([start + rng.permutation(count) for start, count in zip(ends - blocks, blocks, strict=True)])
    moved = order != np.arange(len(order))
    seconds = len({str(frame.at[row]) for row in np.flatnonzero(moved)})
    mixed = shuffled(frame, order)
    mended = mend_order(mixed)
    assert rows_of(mended) == rows_of(frame)
    assert mended.notes == (*frame.notes, f"{moved.sum()} rows of {seconds} seconds {NOTE}")
    np.testing.assert_array_equal(mended.at, mixed.at)


def test_every_column_moves_with_its_row(dynamic_life):
    frame = dynamic_life.frame()
    seconds = frame.at.astype("datetime64[s]")
    first = next(
        row
        for row in range(1, len(frame) - 1)
        if seconds[row] == seconds[row + 1]
        and seconds[row - 1] != seconds[row]
        and (row + 2 == len(frame) or seconds[row + 2] != seconds[row])
        and len({frame.liquidity[other] for other in (row - 1, row, row + 1)}) == 1
        and frame.fee_pips[row] != frame.fee_pips[row + 1]
    )
    order = np.arange(len(frame))
    order[[first, first + 1]] = [first + 1, first]
    frame = replace(frame, gas_price=np.arange(len(frame), dtype=np.int64))
    mended = mend_order(shuffled(frame, order))
    assert mended.notes[-1] == f"2 rows of 1 seconds {NOTE}"
    np.testing.assert_array_equal(mended.fee_pips, frame.fee_pips)
    np.testing.assert_array_equal(mended.gas_price, frame.gas_price)


def there_and_back(times):
    """One swap, then in one second this many swaps between the same two prices."""
    life = Life(1, depth=10**18)
    low, high = sqrt_price_at_tick(life.home - 3) + 5, sqrt_price_at_tick(life.home) + 7
    life.swap(True, 1 << 100, high)
    life.next_block()
    for turn in range(times):
        life.swap(turn % 2 == 0, 1 << 100, low if turn % 2 == 0 else high)
    return life.frame()


def test_a_second_with_two_orders_that_chain_is_left_alone():
    """Down, up, down, up between two prices: which of the equal swaps came first nobody can tell."""
    frame = there_and_back(4)
    for order in ([0, 1, 3, 2, 4], [0, 2, 1, 4, 3], [0, 1, 2, 3, 4]):
        mixed = shuffled(frame, order)
        assert mend_order(mixed) is mixed
    mixed = shuffled(frame[:3], [0, 2, 1])  # down and up once: one order only
    assert rows_of(mend_order(mixed)) == rows_of(frame[:3])


def test_a_second_with_a_crossing_is_left_alone():
    """Without a tick map a swap that crosses follows from nothing."""
    life = Life(1, depth=10**18)
    life.mint(life.home - 20, life.home + 20, 10**18)
    life.swap(True, 10**6)
    life.next_block()
    life.swap(True, 10**6)
    life.swap(True, 1 << 100, sqrt_price_at_tick(life.home - 40))
    life.swap(True, 10**6)
    assert life.crossed == [0, 0, 1, 0]
    mixed = shuffled(life.frame(), [0, 3, 1, 2])
    assert mend_order(mixed) is mixed


def test_a_second_too_long_to_search_is_left_alone():
    for count, mends in ((LONGEST, True), (LONGEST + 1, False)):
        frame = calm(3, [1, count]).frame()
        mixed = shuffled(frame, [0, *range(count, 0, -1)])
        assert (rows_of(mend_order(mixed)) == rows_of(frame)) is mends
        assert (mend_order(mixed) is mixed) is not mends


def test_the_first_second_of_a_tape_is_left_alone():
    """Nothing is known of the price before it."""
    frame = calm(4, [3, 3]).frame()
    mixed = shuffled(frame, [1, 0, 2, 3, 4, 5])
    assert mend_order(mixed) is mixed


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: {"log_index": np.arange(len(frame), dtype=np.int64)},
        lambda frame: {"rounded": {"sqrt_price_x96": "float64"}},
        lambda frame: {"amount0": None},
        lambda frame: {"amount1": None},
    ],
    ids=["log index", "rounded", "no amount0", "no amount1"],
)
def test_tapes_that_say_their_order_or_can_not_be_priced_are_returned_as_they_are(change):
    mixed = shuffled(calm(5, [1, 4]).frame(), [0, 4, 2, 3, 1])
    assert mend_order(mixed) is not mixed
    other = replace(mixed, **change(mixed))
    assert mend_order(other) is other
