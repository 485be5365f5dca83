"""What the tape check must find on the two public data sets, and what their layouts must agree on."""

import numpy as np
import pytest

from rook_bench.core import InputError
from rook_bench.execution.amm import swap_exact_in
from rook_bench.execution.ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE, tick_at_sqrt_price
from rook_bench.ingest.read import read_swaps
from rook_bench.market.tape_file import write_tape
from rook_bench.tapecheck.check import check_tape

pytestmark = pytest.mark.real

SMALL_POOL, LARGE_POOL = "0x8ad5", "0x88e6"


def log_of(folder, pool, ending):
    return next(folder.glob(f"*{pool}*{ending}"))


def test_rook_sample_does_not_chain_as_a_whole(rook_frame):
    check = check_tape(rook_frame)
    assert (check.swaps, check.pairs, check.pairs_chained) == (10_000, 7064, 3001)
    assert check.implied_fee == pytest.approx(0.0005, abs=5e-7)
    assert check.same_time == 1511
    assert check.tolerance == 1e-3
    assert set(check.rounded) == {"sqrt_price_x96", "amount0", "amount1"}
    assert check.reordered > 0  # the order inside a second is not reliable
    assert check.dust_opening > 0
    assert check.dust_largest_move == pytest.approx(0.22, abs=0.01)
    assert check.same_block is None
    assert "same_block" in check.unknown


def test_rook_prices_are_human_and_signs_are_the_pools(rook_frame):
    assert 2500 < np.median(rook_frame.price) < 3500
    # The pool's ETH falls when its price rises: amounts have the pool's sign, not the swapper's.
    rises = np.diff(rook_frame.price) > 0
    deep = np.diff(rook_frame.liquidity.to_floats()) == 0
    left = rook_frame.amount0.negative()[1:]
    assert (left == rises)[deep].mean() > 0.75


def test_the_large_pool_chains(day_frame):
    check = check_tape(day_frame)
    assert (check.swaps, check.pairs, check.pairs_chained) == (6046, 5403, 5402)
    assert check.implied_fee == pytest.approx(0.0005, abs=1e-12)
    assert check.tolerance == 1e-9
    assert check.rounded == {}
    assert check.same_block / check.swaps == pytest.approx(0.34, abs=0.01)
    assert (check.duplicates, check.reordered, check.dust_opening) == (0, 0, 0)


def test_the_small_pool_chains(day_folder):
    check = check_tape(read_swaps(log_of(day_folder, SMALL_POOL, ".raw.csv")))
    assert (check.swaps, check.pairs, check.pairs_chained) == (267, 234, 234)
    assert check.implied_fee == pytest.approx(0.003, abs=1e-12)


@pytest.mark.parametrize("pool", [SMALL_POOL, LARGE_POOL])
def test_raw_and_decoded_logs_hold_the_same_swaps(day_folder, pool):
    raw, decoded = (read_swaps(log_of(day_folder, pool, ending)) for ending in (".raw.csv", ".tick.csv"))
    assert raw.data_hash == decoded.data_hash
    assert raw.pool == decoded.pool
    for name in ("sqrt_price_x96", "liquidity", "amount0", "amount1"):
        assert getattr(raw, name) == getattr(decoded, name), name


def test_bars_are_not_swaps(day_folder):
    with pytest.raises(InputError, match=r"missing column|no known layout"):
        read_swaps(log_of(day_folder, LARGE_POOL, ".minute.csv"))


def test_every_recorded_tick_belongs_to_its_price(day_frame):
    assert [tick_at_sqrt_price(price) for price in day_frame.sqrt_price_x96] == day_frame.tick.tolist()


def test_exact_input_swaps_execute_bit_for_bit(day_frame):
    """4,708 of the pairs are exact-input swaps: the pool maths gives price and both amounts to the unit."""
    rows = list(zip(day_frame.sqrt_price_x96, day_frame.liquidity, day_frame.amount0, day_frame.amount1, strict=True))
    exact = 0
    for (before, depth, *_), (after, liquidity, amount0, amount1) in zip(rows, rows[1:], strict=False):
        if liquidity != depth or after == before:
            continue
        falls = amount0 > 0
        spent, limit = (amount0, MIN_SQRT_PRICE + 1) if falls else (amount1, MAX_SQRT_PRICE - 1)
        price, taken, out, fee = swap_exact_in(before, liquidity, spent, 500, falls, limit)
        exact += (price, taken + fee, -out) == (after, spent, amount1 if falls else amount0)
    assert exact == 4708


def test_a_tape_of_the_day_keeps_every_unit(day_frame, tmp_path):
    write_tape(day_frame, tmp_path / "day.parquet")
    assert read_swaps(tmp_path / "day.parquet").data_hash == day_frame.data_hash
