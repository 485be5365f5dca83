"""What the logs of others hold, event for event."""

from collections import Counter

import pytest

from rook_bench.ingest.log_stream import stream_events
from rook_bench.ingest.read import read_swaps
from rook_bench.market.events import concat

pytestmark = pytest.mark.real

SMALL_POOL, LARGE_POOL = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8", "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"


def log_of(folder, pool, ending):
    return next(folder.glob(f"*{pool}*{ending}"))


@pytest.mark.parametrize(("pool", "counts"), [(LARGE_POOL, (6046, 54, 69, 65)), (SMALL_POOL, (267, 4, 17, 16))])
def test_undecoded_and_decoded_files_of_a_day_are_the_same_events(day_folder, pool, counts):
    raw, decoded = (
        concat(list(stream_events([log_of(day_folder, pool, ending)]))) for ending in (".raw.csv", ".tick.csv")
    )
    assert raw.equals(decoded)
    found = Counter(raw["event"].to_pylist())
    assert tuple(found[kind] for kind in ("swap", "mint", "burn", "collect")) == counts
    assert set(raw["pool"].to_pylist()) == {pool}


def test_a_day_in_small_chunks(day_folder):
    path = log_of(day_folder, LARGE_POOL, ".tick.csv")
    assert concat(list(stream_events([path], rows=500))).equals(concat(list(stream_events([path]))))


def test_the_folder_of_the_day_holds_everything_twice(day_folder):
    frame = read_swaps(day_folder, address=SMALL_POOL)
    assert len(frame) == 267
    assert any("minute.csv" in note for note in frame.notes)
    alone = read_swaps(log_of(day_folder, SMALL_POOL, ".raw.csv"))
    assert frame.data_hash == alone.data_hash


def test_every_pool_of_the_first_days(genesis_folder):
    stream = stream_events([genesis_folder])
    table = concat(list(stream))
    assert Counter(table["event"].to_pylist()) == {"swap": 1001, "mint": 917, "burn": 70, "initialize": 165}
    assert len(stream.swaps) == 90
    assert stream.rounded == {}
    assert table["gas_price"].null_count == 0
    assert all(pool.fee_pips in (500, 3000, 10_000) for pool in stream.pools.values())


def test_a_pool_from_birth_has_a_complete_history(genesis_folder):
    frame = read_swaps(genesis_folder, address=SMALL_POOL)
    assert len(frame) == 107
    assert frame.pool.pair == "WETH/USDC"
    assert frame.history.complete
    assert frame.gas_price is not None
