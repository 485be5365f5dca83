"""The same events, whatever layout they come in."""

import pyarrow as pa
import pytest

from rook_bench.core import InputError
from rook_bench.ingest.log_stream import stream_events
from rook_bench.ingest.read import read_swaps
from rook_bench.market.events import concat

POOL = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
MOVES = ("mint", "burn")


def events_of(*paths, **options):
    return concat(list(stream_events(paths, **options)))


def same(found, wanted):
    found = found.sort_by("log_index")
    for name in wanted.column_names:
        assert found[name].to_pylist() == wanted[name].to_pylist(), name
    assert found.schema.equals(wanted.schema)


@pytest.mark.parametrize("layout", ["demeter_raw", "demeter_tick"])
def test_demeter(layout, rows_of, write, expected):
    kinds = ("initialize", "swap", *MOVES) if layout == "demeter_raw" else ("swap", *MOVES)
    same(events_of(write(f"ethereum-{POOL}.csv", rows_of(layout, *kinds))), expected(kinds))


@pytest.mark.parametrize(("layout", "name"), [("cryo_hex", "logs.csv"), ("cryo_binary", "logs.parquet")])
def test_cryo_logs_take_their_times_from_the_blocks_file(layout, name, rows_of, write, blocks, expected):
    path = write(name, rows_of(layout))
    same(events_of(path), expected())
    elsewhere = path.parent / "else"
    elsewhere.mkdir()
    moved = path.rename(elsewhere / name)
    with pytest.raises(InputError, match="carries no times and no blocks file is beside it; add the block times"):
        events_of(moved)
    same(events_of(moved, blocks), expected())


@pytest.mark.parametrize("layout", ["cryo_events", "cryo_events_binary"])
def test_events_decoded_by_cryo(layout, rows_of, write, blocks, expected):
    for kinds in (("swap",), ("initialize",), ("mint",), ("burn",)):
        path = write(f"{kinds[0]}.parquet", rows_of(layout, *kinds))
        same(events_of(path), expected(kinds))
    same(events_of(blocks.parent), expected())


def test_floats_of_cryo_are_never_taken(rows_of, write, blocks):
    path = write("swaps.parquet", rows_of("cryo_events_f64", "swap"))
    for allow in (False, True):
        with pytest.raises(InputError, match="'amount0' is there as a float only.*--u256-types string"):
            events_of(path, allow_rounded=allow)


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"jsonrpc": "2.0", "id": 1, "result": rows}])
def test_eth_get_logs(wrap, rows_of, write, blocks, expected):
    same(events_of(write("timed.json", wrap(rows_of("node_timed")))), expected())
    same(events_of(write("bare.json", wrap(rows_of("node")))), expected())


def test_logs_that_a_reorganisation_removed(rows_of, write, expected):
    rows = rows_of("node_timed", "swap")
    rows.append(rows[0] | {"removed": True, "logIndex": "0xffff"})
    same(events_of(write("logs.jsonl", rows)), expected(("swap",)))


def test_etherscan(rows_of, write, expected):
    answer = {"status": "1", "message": "OK", "result": rows_of("etherscan")}
    same(events_of(write("logs.json", answer)), expected(lacks=()))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rows: {"data": {"swaps": rows}},
        lambda rows: [{"data": {"swaps": rows[:11]}}, {"data": {"swaps": rows[11:]}}],
        lambda rows: rows[::-1],
    ],
)
def test_the_graph(wrap, rows_of, write, expected):
    path = write("swaps.json", wrap(rows_of("the_graph", "swap")))
    same(events_of(path), expected(("swap",), lacks=("liquidity", "tx_index", "gas_price")))
    stream = stream_events([path])
    list(stream)
    assert stream.pools[POOL].token1.symbol == "WETH"
    assert any("no liquidity" in note for note in stream.notes)


def test_the_graph_without_decimals_of_a_pool_that_is_not_known(rows_of, write):
    rows = [row | {"pool": {"id": "0x" + "12" * 20}} for row in rows_of("the_graph", "swap")]
    with pytest.raises(InputError, match="decimals of token0 of pool 0x1212.*ask the subgraph"):
        events_of(write("swaps.json", rows))


def test_liquidity_that_the_graph_leaves_out_is_implied_and_marked(rows_of, write, known):
    frame = read_swaps(write("swaps.json", rows_of("the_graph", "swap")))
    assert frame.rounded == {"liquidity": frame.rounded["liquidity"]}
    assert "implied" in frame.rounded["liquidity"]
    swaps = [event for event in known if event["event"] == "swap"]
    errors = []
    for row in range(1, len(swaps)):
        if swaps[row]["liquidity"] == swaps[row - 1]["liquidity"]:
            errors.append(abs(frame.liquidity[row] / swaps[row]["liquidity"] - 1))
    assert len(errors) > 10
    assert sorted(errors)[len(errors) // 2] < 1e-6


@pytest.mark.parametrize("layout", ["dune", "dune_iso"])
def test_dune(layout, rows_of, write, expected):
    rows = rows_of(layout, "swap")
    same(events_of(write("dune.csv", rows)), expected(("swap",)))
    answer = {"execution_id": "01", "state": "QUERY_STATE_COMPLETED", "result": {"rows": rows, "metadata": {}}}
    same(events_of(write("dune.json", answer)), expected(("swap",)))


def test_dune_in_lower_case_and_without_transaction_index(rows_of, write, expected):
    rows = [
        {name.lower(): value for name, value in row.items() if name != "evt_tx_index"}
        for row in rows_of("dune", "swap")
    ]
    same(events_of(write("dune.csv", rows)), expected(("swap",), lacks=("tx_index", "gas_price")))


def test_eth_defi(rows_of, write, expected):
    paths = [write(f"uniswap-v3-{kind}.csv", rows_of("eth_defi", kind)) for kind in ("swap", *MOVES)]
    same(events_of(*paths), expected(("swap", *MOVES), lacks=("tx_index", "gas_price")))
    with pytest.raises(InputError, match="name does not say whether it holds mints or burns"):
        events_of(write("positions.csv", rows_of("eth_defi", "mint")))


def test_allium(rows_of, write, expected):
    rows = rows_of("allium")
    rows.append(rows[-1] | {"event": "flash_paid", "log_index": 9999})
    same(events_of(write("allium.csv", rows)), expected(lacks=()))
    upper = [{name.upper(): value for name, value in row.items()} for row in rows]
    same(events_of(write("upper.parquet", upper)), expected(lacks=()))


def test_floats_of_allium_are_refused_by_name(rows_of, write):
    rows = [
        {name: value for name, value in row.items() if name != "token0_amount_raw_str"}
        for row in rows_of("allium", *MOVES)
    ]
    rows = [row | {"token0_amount_raw": 1.234567e30} for row in rows]
    with pytest.raises(InputError, match=r"column 'token0_amount_raw' is rounded.*1\.234567e\+30.*--allow-rounded"):
        events_of(write("allium.parquet", rows))


def test_v3_polars(rows_of, write, expected):
    paths = [
        write("pool_swap_events.parquet", rows_of("v3_polars", "swap")),
        write("pool_mint_burn_events.parquet", rows_of("v3_polars", *MOVES)),
        write("pool_initialize_events.parquet", rows_of("v3_polars", "initialize")),
    ]
    same(events_of(*paths), expected(lacks=()))
    same(events_of(paths[0].parent), expected(lacks=()))


def test_pools_that_a_factory_file_tells(rows_of, write):
    weth, usdc = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
    created = {
        "pool": "0x" + "ab" * 20,
        "token0": usdc,
        "token1": weth,
        "fee": "3000",
        "tickSpacing": "60",
        "block_number": 1,
    }
    strange = created | {"pool": "0x" + "cd" * 20, "token1": "0x" + "34" * 20}
    stream = stream_events([write("factory_pool_created.parquet", [created, strange])])
    assert list(stream) == []
    pool, unnamed = stream.pools["0x" + "ab" * 20], stream.pools["0x" + "cd" * 20]
    assert (unnamed.base.symbol, unnamed.base.decimals) == ("0x3434..3434", 0)  # no decimals are invented
    assert (pool.pair, pool.fee_pips, pool.tick_spacing, pool.base_is_token0) == ("WETH/USDC", 3000, 60, False)


def test_v4_initialisations_tell_their_pool(write):
    from rook_bench.ingest.pool_created import INITIALIZE_V4

    usdc = "0x" + "00" * 12 + "a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
    words = [500, 10, 0, 79228162514264337593543950336 // 10**6 * 17, 12]
    row = {
        "address": "0x" + "04" * 20, "topics": [INITIALIZE_V4, "0x" + "ab" * 32, "0x" + "00" * 32, usdc],
        "data": "0x" + "".join(f"{word:064x}" for word in words), "blockNumber": "0x5", "transactionHash": "0x" + "11" * 32,
        "transactionIndex": "0x0", "logIndex": "0x1", "blockTimestamp": "0x6995d137",
    }  # fmt: skip
    stream = stream_events([write("logs.json", [row])])
    (table,) = list(stream)
    assert table["pool"].to_pylist() == ["0x" + "ab" * 32]
    pool = stream.pools["0x" + "ab" * 32]
    assert (pool.pair, pool.protocol, pool.fee_pips, pool.tick_spacing) == ("ETH/USDC", "v4", 500, 10)


def test_pancakeswap_has_two_words_more(rows_of, write, expected):
    rows = rows_of("node_timed", "swap")
    for row in rows:
        row["topics"][0] = "0x19b47279256b2a23a1665c810c8d55a1758940ee09377d4f8d26497a3577dc83"
        row["data"] += f"{1:064x}{0:064x}"
    same(events_of(write("logs.json", rows)), expected(("swap",)))


def test_every_layout_gives_the_same_tape(rows_of, write, blocks):
    frames = [
        read_swaps(write(name, rows_of(layout, "swap")))
        for layout, name in [
            ("demeter_raw", f"{POOL}.raw.csv"), ("demeter_tick", f"{POOL}.tick.csv"), ("cryo_binary", "logs.parquet"),
            ("cryo_events", "swaps.parquet"), ("node_timed", "node.json"), ("dune", "dune.csv"),
        ]
    ]  # fmt: skip
    assert len({frame.data_hash for frame in frames}) == 1


def test_the_event_table_of_a_chunk_is_a_pure_function(rows_of, write):
    from rook_bench.ingest.text_rows import read_records
    from rook_bench.plugins import importer

    path = write("dune.csv", rows_of("dune", "swap"))
    (chunk,) = read_records(path)
    before = chunk.copy()
    first, second = (importer.get("dune_swaps").build()(chunk, path) for _ in range(2))
    assert isinstance(first, pa.Table)
    assert first.equals(second)
    assert chunk.equals(before)
