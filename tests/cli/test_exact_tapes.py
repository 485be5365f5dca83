"""`data import` and `data check` on logs of one and of many pools, and what they refuse."""

import json

import numpy as np
import pandas as pd
import pytest

from rook_bench.ingest.read import read_swaps
from rook_bench.market.tape_file import contents

LARGE = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
ETHER = "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8"


@pytest.fixture
def day_log(day_folder):
    return next(day_folder.glob("*0x8ad5*.raw.csv"))


def test_every_pool_from_birth_prices_again(rook_bench, checkout, genesis_folder):
    code, out, err = rook_bench("data", "import", genesis_folder, "--out", "pools")
    assert code == 0
    assert "1,001 swaps of 90 pools" in out
    assert "71 pools have a token whose decimals are not known" in err
    code, out, _ = rook_bench("data", "check", "pools", "--min-exact", "1.0")
    assert code == 0
    assert out.splitlines()[-1] == "90 pools, 1,001 swaps: 1,001 of 1,001 testable ones re-price exactly"
    assert f"{ETHER}      107 swaps  107 of 107 exact  23 crossing  ticks whole" in out


def test_one_pool_of_many(rook_bench, checkout, genesis_folder):
    code, out, _ = rook_bench(
        "data", "import", genesis_folder, "--pool", ETHER.upper().replace("0X", "0x"), "--out", "one.parquet"
    )
    assert code == 0
    assert "107 swaps of WETH/USDC v3" in out
    code, out, _ = rook_bench("data", "check", "one.parquet", "--json")
    found = json.loads(out)["repricing"]
    assert (found["exact"], found["testable"], found["tick_map"], found["first_break"]) == (107, 107, "whole", None)


def test_a_single_day_of_a_partitioned_tape_is_read_alone(rook_bench, checkout, day_log):
    assert rook_bench("data", "import", day_log, "--out", "days")[0] == 0
    part = contents(checkout / "days")["pools"][ETHER]["days"][0]["file"]
    code, out, _ = rook_bench("data", "check", f"days/{part}", "--json")
    assert code == 0
    assert json.loads(out)["swaps"] == 267
    assert read_swaps(checkout / "days").data_hash == read_swaps(day_log).data_hash


def test_tapes_are_written_by_day_too(rook_bench, checkout):
    assert rook_bench("data", "import", "data/sample.parquet", "--out", "days")[0] == 0
    days = contents(checkout / "days")["pools"]["simulated"]["days"]
    assert [day["day"] for day in days] == ["2025-01-01", "2025-01-02"]
    whole, again = read_swaps("data/sample.parquet"), read_swaps("days")
    assert again.data_hash == whole.data_hash
    for day in days:
        code, out, _ = rook_bench("data", "check", f"days/{day['file']}", "--min-exact", "1.0")
        assert code == 0
        assert "every initialised tick is known" in out


def test_a_broken_log_is_named_at_its_row_and_can_fail_a_job(rook_bench, checkout, day_log):
    table = pd.read_csv(day_log, dtype=str)
    swaps = table.index[table["topics"].str.contains("0xc42079f9")]
    table.drop(swaps[99]).to_csv(f"cut-{ETHER}.raw.csv", index=False)
    code, out, _ = rook_bench("data", "check", f"cut-{ETHER}.raw.csv")
    assert code == 0
    block = table["block_number"][swaps[100]]
    assert f"breaks    first at swap 100 (block {block}" in out
    assert "a swap before it is missing from the log" in out
    code, _, err = rook_bench("data", "check", f"cut-{ETHER}.raw.csv", "--min-exact", "0.9999")
    assert code == 3
    assert err.count("\n") == 1
    assert "breaks first at swap 100: a swap before it is missing from the log" in err


def test_min_exact_of_a_rounded_tape_is_an_error(rook_bench, checkout, rook_folder):
    code, _, err = rook_bench("data", "check", rook_folder, "--min-exact", "0.5")
    assert code == 3
    assert "can't be re-priced: columns are rounded" in err


def test_rounded_integers_are_refused_or_marked(rook_bench, checkout, day_folder):
    log = next(day_folder.glob("*0x8ad5*.tick.csv"))
    table = pd.read_csv(log, dtype=str)
    swaps = table["tx_type"] == "SWAP"
    table.loc[swaps, "sqrtPriceX96"] = [repr(float(text)) for text in table.loc[swaps, "sqrtPriceX96"]]
    name = f"rounded-{ETHER}.pool.tick.csv"
    table.to_csv(name, index=False)
    code, _, err = rook_bench("data", "import", name, "--out", "tape.parquet")
    assert code == 3
    assert "column 'sqrtPriceX96' is rounded in 267" in err
    assert "--allow-rounded" in err
    assert not (checkout / "tape.parquet").exists()
    assert rook_bench("data", "import", name, "--allow-rounded", "--out", "tape.parquet")[0] == 0
    assert "267 of 267" in read_swaps("tape.parquet").rounded["sqrt_price_x96"]
    code, out, _ = rook_bench("replay", name, "--source", "momentum", "--allow-rounded", "--out", "run", "--json")
    assert code == 0
    facts = json.loads((checkout / "run" / "run.json").read_text())
    assert facts["tape_check"]["rounded"] == read_swaps("tape.parquet").rounded
    assert "went through a float" in (checkout / "run" / "report.html").read_text()


def test_gas_prices_of_a_series(rook_bench, checkout, day_log):
    frame = read_swaps(day_log)
    series = pd.DataFrame({"block": [int(frame.block[0]) - 1, int(frame.block[100])], "gwei": [20.5, 7.25]})
    series.to_csv("gas.csv", index=False)
    assert rook_bench("data", "import", day_log, "--gas-prices", "gas.csv", "--out", "tape.parquet")[0] == 0
    priced = read_swaps("tape.parquet")
    expected = np.where(frame.block >= frame.block[100], 7_250_000_000, 20_500_000_000)
    np.testing.assert_array_equal(priced.gas_price, expected)
    (checkout / "gas.toml").write_text("[frictions.gas]\ngwei = 'tape'\n")
    code, _, err = rook_bench("replay", day_log, "--source", "momentum", "--config", "gas.toml", "--out", "run")
    assert code == 3
    assert "the tape carries no gas prices" in err
    assert rook_bench("replay", "tape.parquet", "--source", "momentum", "--config", "gas.toml", "--out", "run")[0] == 0
    assert "as the tape recorded it, 7.25 / 7.25 / 20.50 gwei" in (checkout / "run" / "report.html").read_text()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("block,gwei\n18937000,-1\n", "gwei is no gas price (-1) at row 1"),
        ("block,gwei\n18937000,high\n", "column 'gwei' is high at row 1"),
        ("block,price\n1,2\n", "missing column gwei"),
        ("gwei\n1\n", "missing column block or at"),
        ("block,gwei\n99999999,1\n", "the series begins after swap 1"),
        ("at,gwei\nyesterday,1\n", "column 'at' is not a time (yesterday) at row 1"),
        ("", "the file is empty"),
    ],
)
def test_series_that_can_not_be_used(rook_bench, checkout, day_log, text, problem):
    (checkout / "gas.csv").write_text(text)
    code, _, err = rook_bench("data", "import", day_log, "--gas-prices", "gas.csv", "--out", "tape.parquet")
    assert code == 3
    assert problem in err
    assert not (checkout / "tape.parquet").exists()


def test_several_pools_need_a_choice(rook_bench, checkout, genesis_folder):
    code, _, err = rook_bench("replay", genesis_folder, "--source", "momentum", "--out", "run")
    assert code == 3
    assert "the log holds 90 pools" in err
    assert f"{ETHER} (107 swaps)" in err
    code, _, err = rook_bench("data", "import", genesis_folder, "--out", "all.parquet")
    assert code == 3
    assert "a .parquet file holds one" in err
    code, _, err = rook_bench("data", "check", genesis_folder, "--pool", LARGE)
    assert code == 3
    assert LARGE in err


def test_a_log_without_swaps_leaves_nothing_behind(rook_bench, checkout, genesis_folder):
    events = genesis_folder / "pool_mint_burn_events.parquet"
    code, _, err = rook_bench("data", "import", events, "--out", "tape")
    assert code == 3
    assert "no swap" in err
    assert sorted(path.name for path in checkout.iterdir()) == ["data", "strategies"]
