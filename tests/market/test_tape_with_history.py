"""Tapes on disk: old ones are the same data as ever, and a liquidity history comes back fact for fact."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from lives import Life, changed

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.market.history import LiquidityHistory
from rook_bench.market.pool import Pool
from rook_bench.market.tape_file import read_tape, write_tape
from rook_bench.tapecheck.repricing import known_depth, reprice

EXACT = ("sqrt_price_x96", "liquidity", "amount0", "amount1")
SMALL = {"tick": "<i4", "fee_pips": "<i4", "block": "<i8", "tx_index": "<i8", "log_index": "<i8", "gas_price": "<i8"}
KEY = b"rook_bench_tape"


def hash_by_hand(path):
    """The data's identity, from the columns of the file alone (its history left out)."""
    table = pq.ParquetFile(path).read()
    facts = json.loads(table.schema.metadata[KEY])
    if "event" in table.column_names:
        table = table.filter(np.asarray(table["event"].to_numpy(zero_copy_only=False) == "swap"))
    parts = {"at": table["at"].to_numpy().astype("<M8[ns]").tobytes()}
    for name in EXACT:
        values = table[name].to_pylist()
        parts[name] = b"".join(int(value).to_bytes(32, "little", signed=True) for value in values)
    for name, dtype in SMALL.items():
        if name in table.column_names:
            parts[name] = table[name].to_numpy().astype(dtype).tobytes()
    if "tx_hash" in table.column_names:
        parts["tx_hash"] = b"".join(value[::-1] for value in table["tx_hash"].to_pylist())
    digest = hashlib.sha256(Pool(**facts["pool"]).model_dump_json().encode())
    for name in sorted(parts):
        digest.update(f"\0{name}\0".encode() + parts[name])
    digest.update(json.dumps(facts["rounded"], sort_keys=True).encode())
    return digest.hexdigest()


def with_version(path, version):
    """The same file with another version in its metadata."""
    table = pq.ParquetFile(path).read()
    facts = json.loads(table.schema.metadata[KEY]) | {"version": version}
    pq.write_table(table.replace_schema_metadata({KEY: json.dumps(facts).encode()}), path)


@pytest.mark.parametrize("which", ["life", "dynamic_life"])
def test_a_tape_of_the_first_version_is_the_same_data(which, tmp_path, request):
    frame = replace(request.getfixturevalue(which).frame(), history=None)
    path = tmp_path / "tape.parquet"
    write_tape(frame, path)
    with_version(path, 1)
    again = read_tape(path)
    assert again.history is None
    assert again.data_hash == frame.data_hash == hash_by_hand(path)


def test_the_sample_is_the_data_its_columns_say(root):
    path = root / "data" / "sample.parquet"
    frame = read_tape(path)
    assert replace(frame, history=None).data_hash == hash_by_hand(path)


def test_a_version_to_come_is_refused(life, tmp_path):
    path = tmp_path / "tape.parquet"
    write_tape(life.frame(), path)
    with_version(path, 3)
    with pytest.raises(InputError, match="tape version 3 is not 2"):
        read_tape(path)


def kept(frame, tmp_path):
    write_tape(frame, tmp_path / "tape.parquet")
    again = read_tape(tmp_path / "tape.parquet")
    assert again.data_hash == frame.data_hash
    assert again.history.to_bytes() == frame.history.to_bytes()
    return again


def test_changes_after_the_last_swap_are_kept(tmp_path):
    life = Life(6).wander(20)
    life.some_liquidity()
    life.mint(life.home - 70, life.home + 30, 12_345)
    again = kept(life.frame(), tmp_path)
    assert [change for change in again.history.changes() if change[0] == 20][-1] == (
        20,
        life.home - 70,
        life.home + 30,
        12_345,
    )


def test_a_log_from_the_middle_keeps_what_it_does_not_know(life, tmp_path):
    frame = life.frame(life.events[life.swaps[150] :])
    again = kept(frame, tmp_path)
    assert (again.history.complete, again.history.start) == (False, None)
    assert known_depth(again) is None
    np.testing.assert_array_equal(reprice(again).kind, reprice(frame).kind)


def test_a_part_keeps_its_snapshot_and_the_state_it_starts_from(life, tmp_path):
    again = kept(life.frame()[200:300], tmp_path)
    before = life.states[199]
    assert again.history.snapshot().by_tick == before.ticks
    assert (again.history.start.sqrt_price, again.history.start.tick, again.history.start.liquidity) == (
        before.sqrt_price,
        before.tick,
        before.liquidity,
    )
    assert any(net < 0 for _, net in before.ticks.values())
    assert reprice(again).exact.all()


def test_a_tick_whose_net_cancels_is_kept(tmp_path):
    life = Life(7)
    life.mint(life.home - 50, life.home, 10**16)
    life.mint(life.home, life.home + 50, 10**16)
    life.wander(10, liquidity=0.0)
    part = life.frame()[5:]
    again = kept(part, tmp_path)
    assert again.history.snapshot().by_tick[life.home] == (2 * 10**16, 0)
    assert reprice(again).exact.all()


def test_a_history_without_ticks_and_changes_is_still_one(life, tmp_path):
    empty = LiquidityHistory.of(complete=False, start=None)
    again = kept(replace(life.frame(), history=empty), tmp_path)
    assert len(again.history.ticks) == len(again.history.before_row) == 0


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("complete", lambda history: False),
        ("start", lambda history: replace(history.start, tick=history.start.tick + 1)),
        ("delta", lambda history: ExactInts.of([history.delta[0] + 1, *list(history.delta)[1:]])),
        ("tick_lower", lambda history: history.tick_lower + 10),
        ("tick_upper", lambda history: history.tick_upper + 10),
        ("before_row", lambda history: history.before_row + 1),
        ("ticks", lambda history: history.ticks + 10),
        ("gross", lambda history: ExactInts.of(value + 1 for value in history.gross)),
        ("net", lambda history: ExactInts.of(value + 1 for value in history.net)),
    ],
)
def test_every_fact_of_a_history_is_part_of_the_identity(life, column, change):
    frame = life.frame()[200:300]
    other = replace(frame, history=replace(frame.history, **{column: change(frame.history)}))
    assert other.data_hash != frame.data_hash


def test_one_unit_in_one_mint_is_other_data(life):
    place = next(place for place, event in enumerate(life.events) if event["event"] == "mint")
    delta = life.events[place]["liquidity_delta"]
    assert life.frame(changed(life.events, place, liquidity_delta=delta + 1)).data_hash != life.frame().data_hash
