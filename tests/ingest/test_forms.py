"""One log in the forms that people have it in: units of time, encodings, separators, envelopes, names, signs."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import InputError
from rook_bench.ingest.importing import explain_layouts, read_input
from rook_bench.ingest.log_stream import stream_events
from rook_bench.ingest.read import read_swaps
from rook_bench.ingest.text_columns import negated, times, whole
from rook_bench.market.pool import USDC, WETH, Pool

POOL = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
OTHER = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8"


@pytest.fixture
def swaps(rows_of):
    """Rows of v3-polars' swaps, as a table of text."""
    return pd.DataFrame(rows_of("v3_polars", "swap")).astype(str)


@pytest.fixture
def expected(swaps, tmp_path):
    """The tape that they are."""
    swaps.to_csv(tmp_path / "plain.csv", index=False)
    return read_swaps(tmp_path / "plain.csv")


def same(frame, expected):
    """Whether two frames hold the same swaps at the same times."""
    for name in ("at", "sqrt_price_x96", "liquidity", "amount0", "amount1", "block", "log_index"):
        mine, theirs = getattr(frame, name), getattr(expected, name)
        assert (
            mine == theirs if name in ("sqrt_price_x96", "liquidity", "amount0", "amount1") else (mine == theirs).all()
        )
    return True


# Times.


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("form", ["{}", "{}.0", "{:#x}"])
def test_time_since_1970_in_any_unit(swaps, expected, tmp_path, unit, scale, form):
    seconds = pd.to_datetime(swaps["block_timestamp"], utc=True).astype("datetime64[ns, UTC]").astype("int64") // 10**9
    swaps["block_timestamp"] = [form.format(int(value) * scale) for value in seconds]
    swaps.to_csv(tmp_path / "x.csv", index=False)
    assert same(read_swaps(tmp_path / "x.csv"), expected)


def column(*texts):
    return pd.Series(texts, name="at", dtype=str)


def test_fractions_of_a_second_are_kept():
    assert times(column("1704412823.25", "1704412823.250000001"), "x").tolist() == [
        1704412823250000000, 1704412823250000001,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("1704412823", "1704412823000"), "is in another unit than the rows before (1704412823000) at row 2"),
        (("1704412823000", "1704412823"), "is in another unit than the rows before"),
        (("7289654823", "7289654824"), "is outside of 2015 to 2100 (7289654823) at row 1"),  # the year 2201
        (("0", "1"), "is outside of 2015 to 2100"),
        (("-5",), "is outside of 2015 to 2100"),
        (("20240105",), "is outside of 2015 to 2100"),
        (("1704412823", ""), "is missing at row 2"),
        (("1704412823", "soon"), "is not a time (soon) at row 2"),
        (("01/05/2024 00:00:23",), "the day and the month could change places"),
        (("1899-12-30T00:00:00",), "is outside of 2015 to 2100"),
        (("2201-01-01T00:00:00Z",), "is outside of 2015 to 2100"),
    ],
)
def test_what_is_no_time_is_refused(texts, words):
    with pytest.raises(InputError) as error:
        times(column(*texts), "x")
    assert words in str(error.value)


def test_a_tape_can_not_hold_the_year_2201(make_frame):
    with pytest.raises(InputError, match="the time is outside of 2015 to 2100 at swap 1"):
        make_frame([2000.0, 2001.0], start=np.datetime64("2201-01-01T00:00:00", "ns"))


# Encodings, separators, numbers.


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
def test_encodings_of_windows(swaps, expected, tmp_path, encoding, packed, kind):
    text = {
        "csv": swaps.to_csv(index=False),
        "json": swaps.to_json(orient="records"),
        "jsonl": swaps.to_json(orient="records", lines=True),
    }[kind]
    path = tmp_path / (f"x.{kind}.gz" if packed else f"x.{kind}")
    path.write_bytes(gzip.compress(text.encode(encoding)) if packed else text.encode(encoding))
    assert same(read_swaps(path), expected)


def test_another_encoding_is_named(tmp_path):
    (tmp_path / "x.csv").write_bytes("address,prix_à_l'époque\n1,2\n".encode("latin-1"))
    with pytest.raises(InputError, match="the text is not UTF-8.*save it again as UTF-8"):
        read_swaps(tmp_path / "x.csv")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators(swaps, expected, tmp_path, separator):
    swaps.to_csv(tmp_path / "x.csv", index=False, sep=separator)
    assert same(read_swaps(tmp_path / "x.csv"), expected)


@pytest.mark.parametrize("group", [",", "'", " ", "\u00a0", "\u202f", "."])
def test_digits_in_threes(swaps, expected, tmp_path, group):
    for name in ("amount0", "amount1", "liquidity", "sqrtPriceX96"):
        swaps[name] = [f"{int(value):,}".replace(",", group) for value in swaps[name]]
    swaps.to_csv(tmp_path / "x.csv", index=False, sep=";")
    assert same(read_swaps(tmp_path / "x.csv"), expected)


def test_what_may_be_a_decimal_point_is_no_thousand():
    assert whole("1.234") is None
    assert whole("1,234") == 1234
    assert whole("1,23") is None
    assert whole("1,234.5") is None
    assert whole("12,34,567") is None


def test_the_other_sign_keeps_every_digit():
    text = pd.Series(["12", "-12", "+7", "0", "", str(2**200), "1.5e30"], dtype=str)
    assert negated(text).tolist() == ["-12", "12", "-7", "0", "", f"-{2**200}", "-1.5e30"]


# Undecoded logs.


@pytest.fixture
def node(rows_of):
    """Swaps as a node answers them."""
    return rows_of("node_timed")


def write_json(path, rows):
    path.write_text(json.dumps(rows))
    return path


def test_hexadecimal_without_0x(node, tmp_path):
    expected = read_swaps(write_json(tmp_path / "a.json", node))
    bare = [
        row | {name: row[name].removeprefix("0x") for name in ("data", "transactionHash", "address")}
        | {"topics": [topic.removeprefix("0x") for topic in row["topics"]]}
        for row in node
    ]  # fmt: skip
    assert same(read_swaps(write_json(tmp_path / "b.json", bare)), expected)


def test_envelopes_of_a_subscription(node, tmp_path):
    expected = read_swaps(write_json(tmp_path / "a.json", node))
    lines = [
        json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0x9ce", "result": row}})
        for row in node
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(lines))
    assert same(read_swaps(tmp_path / "b.jsonl"), expected)


@pytest.fixture
def etl(node):
    """The same as ethereum-etl writes it."""
    return pd.DataFrame(
        {
            "log_index": [str(int(row["logIndex"], 16)) for row in node],
            "transaction_hash": [row["transactionHash"] for row in node],
            "transaction_index": [str(int(row["transactionIndex"], 16)) for row in node],
            "address": [row["address"] for row in node],
            "data": [row["data"] for row in node],
            "topics": [",".join(row["topics"]) for row in node],
            "block_number": [str(int(row["blockNumber"], 16)) for row in node],
            "block_timestamp": [str(int(row["blockTimestamp"], 16)) for row in node],
        }
    )


def test_the_address_of_each_row_counts_and_not_the_files_name(node, etl, tmp_path):
    expected = read_swaps(write_json(tmp_path / "a.json", node))
    path = tmp_path / f"{POOL}.csv"
    etl.to_csv(path, index=False)
    assert same(read_swaps(path), expected)
    # Every third row is another pool's: said, and never added to this one.
    mixed = etl.assign(address=[OTHER if row % 3 == 2 else POOL for row in range(len(etl))])
    mixed.to_csv(path, index=False)
    with pytest.raises(InputError, match="the log holds 2 pools"):
        read_swaps(path)
    stream = stream_events([path], address=OTHER)
    list(stream)
    assert set(stream.swaps) == {POOL, OTHER}


def test_without_times_it_is_said_how_to_bring_them(etl, tmp_path):
    etl.drop(columns="block_timestamp").to_csv(tmp_path / "logs.csv", index=False)
    with pytest.raises(InputError, match="carries no times and no blocks file is beside it; add the block times"):
        read_swaps(tmp_path / "logs.csv")
    blocks = etl[["block_number", "block_timestamp"]].drop_duplicates()
    blocks.rename(columns={"block_timestamp": "timestamp"}).to_csv(tmp_path / "blocks.csv", index=False)
    assert len(read_swaps(tmp_path / "logs.csv")) == (etl["topics"].str.startswith("0xc42079")).sum()


# Reorganisations.


def reorganised(node, block, *, mined_again=True):
    """A log as a subscription tells it: a block is taken back, and its logs are mined again a place later in another."""
    rows = [entry | {"removed": False, "blockHash": f"0xaa{entry['blockNumber']}"} for entry in node]
    ours = [place for place, row in enumerate(rows) if row["blockNumber"] == block]
    after = [rows[place] | {"removed": True} for place in ours]
    if mined_again:
        for place in ours:
            later = hex(int(rows[place]["logIndex"], 16) + 1)
            after.append(rows[place] | {"blockHash": f"0xbb{block}", "logIndex": later})
    return [*rows[: ours[-1] + 1], *after, *rows[ours[-1] + 1 :]], len(ours)


@pytest.mark.parametrize("rows_of_a_chunk", [1, 7, 100_000])
@pytest.mark.parametrize("mined_again", [True, False])
def test_what_was_taken_back_is_not_there(node, tmp_path, rows_of_a_chunk, mined_again):
    swaps = [row for row in node if row["topics"][0].startswith("0xc42079")]
    block = swaps[12]["blockNumber"]
    told, count = reorganised(swaps, block, mined_again=mined_again)
    stream = stream_events([write_json(tmp_path / "a.json", told)], rows=rows_of_a_chunk)
    places = [(event["block"], event["log_index"]) for table in stream for event in table.to_pylist()]
    before = [int(row["logIndex"], 16) for row in swaps if row["blockNumber"] == block]
    here = [index for number, index in places if number == int(block, 16)]
    assert here == ([index + 1 for index in before] if mined_again else [])
    assert len(places) == len(swaps) - (0 if mined_again else count)
    assert f"left out {2 * count} records of logs that a reorganisation took back" in stream.notes


def test_what_comes_back_to_the_chain_stays(node, tmp_path):
    swaps = [row | {"removed": False, "blockHash": row["blockNumber"]} for row in node]
    back_and_forth = [*swaps, swaps[3] | {"removed": True}, swaps[3]]
    expected = read_swaps(write_json(tmp_path / "a.json", swaps))
    assert same(read_swaps(write_json(tmp_path / "b.json", back_and_forth)), expected)


def test_a_reorganisation_that_nobody_notes_is_refused(node, tmp_path):
    rows = [row | {"blockHash": row["blockNumber"]} for row in node]
    rows.append(rows[-1] | {"blockHash": "0xother", "logIndex": hex(int(rows[-1]["logIndex"], 16) + 1)})
    with pytest.raises(InputError, match="comes with two hashes.*reorganised while it was logged"):
        read_swaps(write_json(tmp_path / "a.json", rows))


# What a row is of.


@pytest.mark.parametrize("name", ["chain", "chain_id", "blockchain"])
def test_two_chains_are_no_one_log(swaps, expected, tmp_path, name):
    swaps[name] = "ethereum"
    swaps.to_csv(tmp_path / "x.csv", index=False)
    assert same(read_swaps(tmp_path / "x.csv"), expected)
    swaps.loc[5:, name] = "base"
    swaps.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(InputError, match=f"column '{name}' tells of two chains, ethereum and base"):
        read_swaps(tmp_path / "x.csv")


def test_an_id_of_v4_is_never_read_past(swaps, tmp_path):
    swaps["pool_id"] = "0x" + "21" * 32
    swaps.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(InputError, match="column 'pool_id' tells a v4 pool row by row"):
        read_swaps(tmp_path / "x.csv")


@pytest.fixture
def dune_v4(rows_of):
    """Dune's table of the PoolManager: v3's swaps of the known pool, as v4 would have told them."""
    table = pd.DataFrame(rows_of("dune", "swap")).astype(str)
    return table.assign(
        contract_address="0x000000000004444c5dc75cb358380d2e3de08a90", id="0x" + "21" * 32, fee="500",
        amount0=negated(table["amount0"]), amount1=negated(table["amount1"]),
    )  # fmt: skip


MANAGER = Pool(
    address="0x000000000004444c5dc75cb358380d2e3de08a90", protocol="v4", token0=USDC, token1=WETH, base_is_token0=False
)


def test_dunes_table_of_the_pool_manager(dune_v4, rows_of, tmp_path):
    pd.DataFrame(rows_of("dune", "swap")).astype(str).to_csv(tmp_path / "v3.csv", index=False)
    dune_v4.to_csv(tmp_path / "v4.csv", index=False)
    frame = read_swaps(tmp_path / "v4.csv", MANAGER)
    assert same(frame, read_swaps(tmp_path / "v3.csv"))
    assert frame.pool.address == "0x" + "21" * 32
    assert set(frame.fee_pips.tolist()) == {500}
    two = dune_v4.assign(id=["0x" + ("21" if row % 2 else "7e") * 32 for row in range(len(dune_v4))])
    two.to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(InputError, match="the log holds 2 pools.*write one of them as the metadata's address"):
        read_swaps(tmp_path / "two.csv", MANAGER)
    chosen = MANAGER.model_copy(update={"address": "0x" + "7e" * 32})
    assert len(read_swaps(tmp_path / "two.csv", chosen)) == (len(two) + 1) // 2


# Names of columns.


@pytest.mark.parametrize(
    "names",
    [
        {"address": "pool_address", "block_timestamp": "timestamp", "sqrtPriceX96": "sqrt_price_x96"},
        {"block_timestamp": "block_time", "transaction_hash": "tx_hash", "sqrtPriceX96": "sqrtPrice"},
        {"block_number": "blockNumber", "log_index": "logIndex", "transaction_hash": "transactionHash"},
        {"transaction_index": None, "sqrtPriceX96": "sqrt_price_x96", "tick": "current_tick"},
    ],
)
def test_the_usual_names_of_columns(swaps, expected, tmp_path, names):
    gone = [name for name, other in names.items() if other is None]
    swaps.drop(columns=gone).rename(columns=names).to_csv(tmp_path / "x.csv", index=False)
    frame = read_swaps(tmp_path / "x.csv")
    assert same(frame, expected)
    assert "read by the usual names of its columns: no known layout" in frame.notes


def test_all_but_the_pool_is_read_where_the_pool_is_given(swaps, expected, tmp_path):
    bare = swaps.drop(columns="address")
    bare.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(InputError, match="does not say which pool it is from; pass its metadata with --pool FILE"):
        read_swaps(tmp_path / "x.csv")
    assert same(read_input(tmp_path / "x.csv", POOL), expected)
    bare.to_csv(tmp_path / f"scraped-{POOL}.csv", index=False)
    assert same(read_swaps(tmp_path / f"scraped-{POOL}.csv"), expected)


# What is not read is said.


def test_unknown_events_are_counted_and_named(rows_of, write):
    rows = rows_of("allium")
    swaps = sum(row["event"] == "swap" for row in rows)
    more = [rows[-1] | {"event": "flash"}, rows[-1] | {"event": "flash"}, rows[-1] | {"event": ""}]
    stream = stream_events([write("x.csv", [*rows, *more])])
    list(stream)
    assert sum(stream.swaps.values()) == swaps
    assert "left out 3 rows of other events: 2 of 'flash', 1 of '(empty)'" in stream.notes


def test_events_in_capitals_are_events(rows_of, write):
    rows = [row | {"event": row["event"].capitalize()} for row in rows_of("allium")]
    stream = stream_events([write("x.csv", rows)])
    list(stream)
    assert sum(stream.swaps.values()) == sum(row["event"] == "Swap" for row in rows)


def test_a_folder_says_which_file_and_why(tmp_path):
    (tmp_path / "a.csv").write_text("sqrtPriceX96,liquidity\n1,2\n")
    (tmp_path / "b.json").write_text("[{")
    with pytest.raises(InputError) as error:
        read_swaps(tmp_path)
    assert "a.csv (missing column" in str(error.value)
    assert "b.json (the JSON file is not JSON" in str(error.value)


def test_explained(swaps, tmp_path):
    swaps.drop(columns="tick").to_csv(tmp_path / "x.csv", index=False)
    columns, told = explain_layouts(tmp_path / "x.csv")
    assert columns == [name for name in swaps.columns if name != "tick"]
    assert told["v3_polars_swaps"] == "lacks tick"
    assert told["decoded_swaps"] == "fits"
    assert "lacks" in told["tape"]
    with pytest.raises(InputError, match="is a folder; name one of its files"):
        explain_layouts(tmp_path)


def test_explained_as_json(swaps, command_line, tmp_path):
    swaps.drop(columns="tick").to_csv(tmp_path / "x.csv", index=False)
    code, out, _ = command_line("data", "check", tmp_path / "x.csv", "--explain", "--json")
    assert code == 0
    assert json.loads(out)["layouts"]["v3_polars_swaps"] == "lacks tick"
