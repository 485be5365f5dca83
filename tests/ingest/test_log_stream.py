"""Several files, folders, pools and faults."""

import json

import pytest

from rook_bench.core import InputError
from rook_bench.ingest.log_stream import stream_events
from rook_bench.ingest.read import read_swaps
from rook_bench.ingest.recognise import recognise
from rook_bench.market.events import concat
from rook_bench.market.pool import known_pool

POOL = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
OTHER = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8"


def two_pools(rows):
    return [
        row | {"contract_address": OTHER if index % 3 == 0 else POOL.upper().replace("0X", "0x")}
        for index, row in enumerate(rows)
    ]


def test_chunks_make_the_same_table(rows_of, write):
    path = write("logs.jsonl", rows_of("etherscan"))
    stream = stream_events([path], rows=7)
    tables = list(stream)
    assert len(tables) == 6
    assert concat(tables).equals(concat(list(stream_events([path]))))
    assert concat(list(stream)).equals(concat(tables)), "a stream may be read again"
    assert stream.notes[-1].startswith("30 swap events, 5 mint events, 4 burn events, 1 initialize events in 40 rows")


def test_files_of_several_layouts_that_overlap(rows_of, write, blocks):
    rows = rows_of("dune", "swap")
    write("a.csv", rows[:20])
    write("b.json", rows_of("etherscan", "swap")[10:])
    write("c.parquet", rows_of("cryo_binary"))
    frame = read_swaps(blocks.parent)
    assert len(frame) == 30
    assert any("repeated events dropped" in note for note in frame.notes)
    alone = read_swaps(blocks.parent / "c.parquet")
    assert (frame.sqrt_price_x96, frame.amount0, frame.amount1) == (alone.sqrt_price_x96, alone.amount0, alone.amount1)


def test_a_folder_names_what_it_did_not_read(rows_of, write, tmp_path):
    write("swaps.csv", rows_of("dune", "swap"))
    write("readme.csv", [{"a": 1}])
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden.csv").write_text("a\n1\n")
    stream = stream_events([tmp_path])
    assert stream.notes == [
        "not read, for they are no logs: notes.txt (the columns match no known layout); "
        "readme.csv (the columns match no known layout)",
        stream.notes[-1],
    ]
    assert sum(map(len, stream)) == 30
    (tmp_path / "swaps.csv").unlink()
    with pytest.raises(InputError, match=r"holds no core_features\.csv, no tape\.json and no log file"):
        stream_events([tmp_path])


def test_a_log_of_several_pools_needs_an_address(rows_of, write):
    path = write("dune.csv", two_pools(rows_of("dune", "swap")))
    with pytest.raises(
        InputError, match=rf"holds 2 pools: {POOL} \(20 swaps\), {OTHER} \(10 swaps\); choose with --pool ADDRESS"
    ):
        read_swaps(path)
    assert len(read_swaps(path, address=OTHER.upper().replace("0X", "0x"))) == 10
    assert len(read_swaps(path, known_pool(OTHER))) == 10
    frame = read_swaps(path, address=POOL)
    assert (len(frame), frame.pool) == (20, known_pool(POOL))
    with pytest.raises(InputError, match=rf"no swap of pool 0x1234.*it holds {POOL}"):
        read_swaps(path, address="0x1234")
    stream = stream_events([path], address=OTHER)
    assert {name for table in stream for name in table["pool"].to_pylist()} == {OTHER}
    assert stream.swaps == {POOL: 20, OTHER: 10}


def test_at_most_five_pools_are_listed(rows_of, write):
    rows = [row | {"contract_address": f"0x{index % 7:040x}"} for index, row in enumerate(rows_of("dune", "swap"))]
    with pytest.raises(InputError, match="holds 7 pools") as caught:
        read_swaps(write("dune.csv", rows))
    assert str(caught.value).count("swaps)") == 5
    assert "and 2 more" in str(caught.value)


def test_a_pool_that_nobody_knows(rows_of, write):
    rows = [row | {"contract_address": "0x" + "12" * 20} for row in rows_of("dune", "swap")]
    path = write("dune.csv", rows)
    with pytest.raises(InputError, match="pool 0x1212.* is not known.*--pool FILE"):
        read_swaps(path)
    pool = known_pool(POOL).model_copy(update={"address": "0x" + "12" * 20})
    assert read_swaps(path, pool).pool == pool


def test_order_in_the_file_does_not_matter(rows_of, write):
    rows = rows_of("dune", "swap")
    assert read_swaps(write("a.csv", rows)).data_hash == read_swaps(write("b.csv", rows[::-1])).data_hash


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("sqrtPriceX96", "", "column 'sqrtPriceX96' is missing at row 8"),
        ("sqrtPriceX96", "12ab", r"column 'sqrtPriceX96' is not a whole number \(12ab\) at row 8"),
        ("sqrtPriceX96", str(2**160), "column 'sqrtPriceX96' is beyond 160 bits at row 8"),
        ("liquidity", str(2**128), "column 'liquidity' is beyond 128 bits at row 8"),
        ("amount0", str(10**80), "column 'amount0' is beyond 252 bits at row 8"),
        ("tick", "1.5", r"column 'tick' is not a whole number \(1.5\) at row 8"),
        ("tick", "", "column 'tick' is missing at row 8"),
        ("evt_block_number", "x", "column 'evt_block_number' is not a whole number"),
        ("evt_block_time", "yesterday", r"column 'evt_block_time' is not a time \(yesterday\) at row 8"),
        ("evt_tx_hash", "0xabc", r"column 'evt_tx_hash' is not 32 bytes of hex \(0xabc\) at row 8"),
        ("contract_address", "0xabc", r"column 'contract_address' is not an address \(0xabc\) at row 8"),
    ],
)
def test_a_bad_value_is_named_by_column_and_row_of_the_file(column, value, message, rows_of, write):
    rows = rows_of("dune", "swap")
    rows[7][column] = value
    with pytest.raises(InputError, match=message) as caught:
        list(
            stream_events(
                [write("dune.csv", [{name: str(cell) for name, cell in row.items()} for row in rows])], rows=5
            )
        )
    assert "dune.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda row: row | {"data": row["data"][:-2]}, "not whole words of 32 bytes at row 3; is the file cut off"),
        (lambda row: row | {"data": row["data"][:-64]}, "data of a Swap event is not 5 words of 32 bytes at row 3"),
        (lambda row: row | {"data": row["data"][:-1] + "z"}, "not hexadecimal at row 3"),
        (lambda row: row | {"data": "0x" + "7f" * 160}, "beyond [0-9]+ bits at row 3"),
        (lambda row: row | {"data": "0x"}, "not 5 words of 32 bytes at row 3"),
    ],
)
def test_damaged_words_are_named_by_row(harm, message, rows_of, write):
    rows = rows_of("etherscan", "swap")
    rows[2] = harm(rows[2])
    with pytest.raises(InputError, match=message):
        list(stream_events([write("logs.json", rows)]))


def test_a_mint_without_topics(rows_of, write):
    rows = rows_of("etherscan", "mint")
    rows[1]["topics"] = rows[1]["topics"][:2]
    with pytest.raises(InputError, match="Mint event lacks topics.* at row 2"):
        list(stream_events([write("logs.json", rows)]))


def test_cut_off_answers_and_logs_without_swaps(rows_of, write, tmp_path):
    text = json.dumps(rows_of("etherscan"))
    (tmp_path / "cut.json").write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match="is not JSON"):
        read_swaps(tmp_path / "cut.json")
    with pytest.raises(InputError, match="the file holds no rows"):
        read_swaps(write("none.json", {"result": []}))
    with pytest.raises(InputError, match="holds no Swap event"):
        read_swaps(write("mints.json", rows_of("etherscan", "mint")))


def test_blocks_that_do_not_cover_the_log(rows_of, write, known):
    write("blocks.csv", [{"block_number": known[0]["block"], "timestamp": 1736000000}])
    with pytest.raises(InputError, match="blocks file lacks block [0-9]+; add the block times"):
        read_swaps(write("logs.csv", rows_of("cryo_hex")))
    with pytest.raises(InputError, match="holds times of blocks, no swaps"):
        read_swaps(write("blocks.csv", [{"block_number": 1, "timestamp": 2}]))


def test_other_files_are_no_logs(tmp_path, write, rows_of, tape):
    from rook_bench.market.tape_file import write_tape

    write_tape(tape[:5], tmp_path / "tape.parquet")
    with pytest.raises(InputError, match="is no log of events but tape"):
        stream_events([write("dune.csv", rows_of("dune", "swap")), tmp_path / "tape.parquet"])


@pytest.mark.parametrize(
    ("layout", "kind", "missing", "near"),
    [
        ("dune", "swap", "evt_index", "dune_swaps"),
        ("etherscan", "swap", "data", "etherscan_logs"),
        ("the_graph", "swap", "sqrtPriceX96", "the_graph_swaps"),
        ("v3_polars", "mint", "type_of_event", "v3_polars_positions"),
        ("eth_defi", "swap", "timestamp", "eth_defi_swaps"),
        ("allium", "swap", "liquidity_pool_address", "allium_events"),
        ("cryo_hex", "swap", "topic0", "cryo_logs"),
        ("cryo_events", "swap", "event__tick", "cryo_swap_events"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest_layout(layout, kind, missing, near, rows_of):
    columns = [name for name in rows_of(layout, kind)[0] if name != missing]
    with pytest.raises(InputError, match=f"missing column '{missing}'.*looks like {near}"):
        recognise(columns, where="x")


def test_a_log_of_an_unnamed_pool_is_that_of_the_address(rows_of, write):
    path = write("events.csv", rows_of("demeter_raw"))
    with pytest.raises(InputError, match="does not say which pool"):
        read_swaps(path)
    assert read_swaps(path, known_pool(POOL)).pool == known_pool(POOL)
    stream = stream_events([path], address=POOL)
    assert {name for table in stream for name in table["pool"].to_pylist()} == {POOL}


def test_tapes_of_a_log_are_joined_with_their_hashes(rows_of, write):
    from rook_bench.market.join import join_swaps

    frame = read_swaps(write("logs.json", rows_of("etherscan", "swap")))
    joined = join_swaps([frame[15:], frame[:20]])
    assert joined.data_hash == frame.data_hash
    assert joined.tx_hash is not None
    assert joined.gas_price is not None
