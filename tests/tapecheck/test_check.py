"""The tape check names planted faults."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core.exact import ExactInts
from rook_bench.ingest.read import read_swaps
from rook_bench.market.tape_file import write_tape
from rook_bench.tapecheck.check import check_tape, describe


@pytest.fixture(scope="module")
def steady(tape):
    """The longest stretch of equal liquidity, so that every pair is testable."""
    liquidity = tape.liquidity.limbs
    same = np.append((liquidity[1:] == liquidity[:-1]).all(axis=1), False)
    ends = np.flatnonzero(~same) + 1
    starts = np.concatenate([[0], ends[:-1]])
    longest = int(np.argmax(ends - starts))
    assert ends[longest] - starts[longest] > 20
    return tape[starts[longest] : ends[longest]]


def test_a_clean_tape_chains(tape):
    check = check_tape(tape)
    assert check.chained_share == 1.0
    assert check.implied_fee == pytest.approx(0.0005, abs=1e-12)
    assert (check.duplicates, check.reordered, check.zero_liquidity, check.dust_opening) == (0, 0, 0, 0)


def test_a_kept_check_is_nobodys_to_change(tape):
    frame = tape[:50]
    first = check_tape(frame)
    first.notes.append("mine")
    first.unknown["swaps"] = "mine"
    assert check_tape(frame) == check_tape(replace(frame)) != first


def test_a_missing_swap_breaks_one_pair(steady):
    rows = np.delete(np.arange(len(steady)), 10)
    before, after = check_tape(steady), check_tape(steady.take(rows))
    assert before.pairs - before.pairs_chained == 0
    assert after.pairs - after.pairs_chained == 1


def test_a_changed_amount_breaks_one_pair(steady):
    amounts = list(steady.amount0)
    amounts[10] += 1 + abs(amounts[10]) // 10**6
    check = check_tape(replace(steady, amount0=ExactInts.of(amounts)))
    assert check.pairs - check.pairs_chained == 1


def test_a_flipped_sign_breaks_one_pair(steady):
    amounts = list(steady.amount0)
    amounts[10] = -amounts[10]
    check = check_tape(replace(steady, amount0=ExactInts.of(amounts)))
    assert check.pairs - check.pairs_chained == 1


def test_swapped_rows_of_one_second_are_named(steady):
    rows = np.arange(len(steady))
    rows[[10, 11]] = [11, 10]
    one_second = replace(steady, at=np.full(len(steady), steady.at[0]), block=None, tx_index=None, log_index=None)
    assert check_tape(one_second).reordered == 0
    assert check_tape(one_second.take(rows)).reordered >= 1


def test_a_repeated_row_is_counted(steady):
    rows = np.sort(np.append(np.arange(len(steady)), 10))
    assert check_tape(steady.take(rows)).duplicates == 1


def test_what_a_log_can_not_tell_is_unknown_and_not_zero(tape):
    check = check_tape(replace(tape, amount0=None, amount1=None, block=None, tx_index=None, log_index=None))
    for name in ("pairs", "chained_share", "implied_fee", "reordered", "same_block"):
        assert getattr(check, name) is None
        assert check.unknown[name]
    assert ("reprice", "unknown: the log carries no amounts") in describe(check)
    assert "reprice   unknown: the log carries no amounts\n" in str(check)


def test_a_dust_opening_is_found(tape):
    liquidity = list(tape.liquidity)
    liquidity[:7] = [10**9] * 7
    assert check_tape(replace(tape, liquidity=ExactInts.of(liquidity))).dust_opening == 7


def test_a_tape_keeps_everything_on_disk(tape, tmp_path):
    write_tape(tape, tmp_path / "t.parquet")
    again = read_swaps(tmp_path / "t.parquet")
    assert again.data_hash == tape.data_hash
    assert again.pool == tape.pool


def test_a_tape_keeps_labels_and_recorded_features_in_any_order(tape, tmp_path):
    rng = np.random.default_rng(0)
    labels = {
        "label_size": rng.random(len(tape)),
        "label_side": np.array(["BUY", "HOLD", "SELL"], dtype=object)[rng.integers(0, 3, len(tape))],
        "label_rule": np.array(["A", "B"], dtype=object)[rng.integers(0, 2, len(tape))],
    }
    recorded = {"price_change": rng.random(len(tape)), "volatility": rng.random(len(tape))}
    whole = replace(tape, labels=labels, recorded=recorded, recorded_volume=rng.random(len(tape)))
    write_tape(whole, tmp_path / "t.parquet")
    again = read_swaps(tmp_path / "t.parquet")
    assert again.data_hash == whole.data_hash
    assert again.data_hash != tape.data_hash
