"""Logs in forms that users reported trouble with: each reads as the swaps that it is, or one line says what it is."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.gates import load_policy
from rook_bench.ingest.importing import read_input
from rook_bench.ingest.log_stream import stream_events
from rook_bench.market.pool import USDC, Pool, Token

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CASES.is_dir(), reason="../shared/cases is absent"),
]

FORMS = [
    "ms_node.json", "v3polars_pandas.json", "v3polars_us.csv", "no_0x_node.json", "node_bom.json", "v3polars_utf16.csv",
    "v3polars_semicolon.csv", "v3polars_tab.tsv", "v3polars_thousands.csv", "eth_subscribe.jsonl", "snake_case.csv",
    "scraper-0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640.csv",
]  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_sixty_swaps_over_864_seconds(name, day_frame):
    frame = read_input(CASES / name)
    assert frame.span_s == 864
    assert frame.at[0] == np.datetime64("2024-01-05T00:00:23")
    assert frame.sqrt_price_x96 == day_frame[:60].sqrt_price_x96
    assert frame.amounts == day_frame[:60].amounts


def test_the_first_forty_in_utf_16(day_frame):
    assert read_input(CASES / "node_utf16.json").amounts == day_frame[:40].amounts


@pytest.mark.parametrize(
    ("name", "swaps"),
    [
        ("bq-mix-0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640.json", [71, 5]),
        ("bigquery.json", [40, 20]),
        ("ethereumetl_ts.csv", [40, 20]),
    ],
)
def test_which_pool_is_told_row_by_row(name, swaps):
    with pytest.raises(InputError, match="the log holds 2 pools"):
        read_input(CASES / name)
    stream = stream_events([CASES / name])
    list(stream)
    assert [count for _, count in stream.swaps.most_common()] == swaps
    pool, count = stream.swaps.most_common()[0]
    assert len(read_input(CASES / name, pool)) == count


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ethereumetl_logs.csv", "add the block times"),
        ("v3polars_us_dates.csv", "the day and the month could change places"),
    ],
)
def test_what_can_not_be_known_is_said(name, words):
    with pytest.raises(InputError, match=words):
        read_input(CASES / name)


def test_dunes_table_of_v4(tmp_path, day_frame):
    with pytest.raises(InputError, match="the log holds 2 pools"):
        read_input(CASES / "dune_v4.csv", str(CASES / "poolmanager.toml"))
    halves = []
    for digits in ("21", "7e"):
        text = (CASES / "poolmanager.toml").read_text()
        pool = tmp_path / "pool.toml"
        pool.write_text(text.replace("0x000000000004444c5dc75cb358380d2e3de08a90", "0x" + digits * 32))
        halves.append(read_input(CASES / "dune_v4.csv", str(pool)))
    assert [frame.pool.protocol for frame in halves] == ["v4", "v4"]
    # The same swaps as v3 recorded them: what the pool received.
    received = {(block, index): amounts for frame in halves for block, index, *amounts in
                zip(frame.block.tolist(), frame.log_index.tolist(), *frame.amounts, strict=True)}  # fmt: skip
    first = day_frame[:60]
    told = zip(first.block.tolist(), first.log_index.tolist(), *first.amounts, strict=True)
    assert received == {(block, index): list(amounts) for block, index, *amounts in told}


def test_a_drawdown_lasts_to_the_swap_that_ends_it():
    pool = Pool(
        address="0x99ac8ca7087fa4a2a1fb6357269965a2014abc35", fee_pips=3000, tick_spacing=60,
        token0=Token(symbol="WBTC", decimals=8), token1=USDC, base_is_token0=True,
    )  # fmt: skip
    (held, *_) = rook.compare(rook.read_swaps(CASES / "underwater_gap.csv", pool), ["hold"], config=CASES / "flat.toml")
    assert held.estimates["drawdown_duration"].value == 3_463_200  # 40 days and two hours; was 7,200


def test_a_policy_whose_name_can_not_be_printed():
    with pytest.raises(ConfigError, match="no control character"):
        load_policy(CASES / "esc_policy.toml")


def test_hex_as_a_database_writes_it(tmp_path):
    """Postgres: \\x before every word, and arrays in braces with their backslashes doubled."""
    table = pd.read_csv(CASES / "ethereumetl_ts.csv", dtype=str)
    table["topics"] = [
        "{" + ",".join(f'"\\\\x{word[2:]}"' for word in words.split(",")) + "}" for words in table["topics"]
    ]
    for name in ("address", "data", "transaction_hash", "block_hash"):
        table[name] = "\\x" + table[name].str[2:]
    table.to_csv(tmp_path / "postgres.csv", index=False)
    pool = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
    mine, plain = (read_input(path, pool) for path in (tmp_path / "postgres.csv", CASES / "ethereumetl_ts.csv"))
    assert mine.data_hash == plain.data_hash
    assert len(mine) == 40
