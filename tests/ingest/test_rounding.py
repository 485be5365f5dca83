"""Integers that have been through a float are found, counted, refused, or rounded on request."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.ingest.log_stream import stream_events
from rook_bench.ingest.read import read_swaps
from rook_bench.ingest.rounded_rows import rounded_rows, without_rounded
from rook_bench.ingest.rounding import Rounding, is_float, tells
from rook_bench.market.events import concat, integers

HERE = Path("log.csv")


def mended(values, allow=False, name="sqrtPriceX96"):
    rounding = Rounding(allow)
    column = rounding.mend(pd.Series(list(map(str, values)), name=name, dtype=str), "sqrt_price_x96", HERE)
    return column.tolist(), rounding.counts


def test_exact_integers_are_let_through(known):
    prices = [event["sqrt_price_x96"] for event in known if "sqrt_price_x96" in event]
    assert mended(prices) == ([str(price) for price in prices], {})


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 2**53],
        [10**18] * 50,
        [10**20, 5 * 10**19, 25 * 10**17],
        [2**96, 2**96 * 10**6, 2**128],
        ["-22686110.0", "199045.0"],
    ],
)
def test_round_amounts_and_small_floats_lost_nothing(values):
    _, counts = mended(values)
    assert counts == {}


def test_scientific_notation_is_named_counted_and_rounded():
    values = ["1662995104975155420368771254341874", "1.66e+33", "", "0.5", "1.6629951049751554E+33"]
    with pytest.raises(
        InputError,
        match=r"column 'sqrtPriceX96' is rounded in 3 of the first 5 values, first at row 2 \(1\.66e\+33\).*--allow-rounded",
    ):
        mended(values)
    text, counts = mended(values, allow=True)
    assert text == [values[0], str(166 * 10**31), "", "0", str(16629951049751554 * 10**17)]
    assert counts == {"sqrt_price_x96": (3, 5)}


@pytest.mark.parametrize(
    "write",
    [
        lambda price: int(float(price)),  # a float printed in full
        lambda price: int(Decimal(repr(float(price)))),  # as JavaScript prints it: 17 digits, then zeros
    ],
)
def test_digits_that_are_exactly_floats(write, known):
    prices = [event["sqrt_price_x96"] for event in known if event["event"] == "swap"]
    rounded = [write(price) for price in prices]
    distinct = len(set(rounded))
    with pytest.raises(
        InputError,
        match=rf"went through a float: {distinct} of {distinct} long integers are exactly a float64, first at row 1",
    ):
        mended(rounded)
    text, counts = mended(rounded, allow=True)
    assert text == list(map(str, rounded))
    assert counts == {"sqrt_price_x96": (distinct, len(prices))}


def test_one_exact_row_in_fifty_does_not_hide_it(known):
    prices = [event["sqrt_price_x96"] for event in known if event["event"] == "swap"]
    rounded = [int(float(price + 10**20 * step)) for step in range(3) for price in prices]
    with pytest.raises(InputError, match="went through a float: 90 of 91"):
        mended([*rounded, prices[0]])


@pytest.mark.parametrize(
    ("layout", "name", "column", "event_column"),
    [
        ("dune", "dune.parquet", "sqrtPriceX96", "sqrt_price_x96"),
        ("dune", "dune.csv", "liquidity", "liquidity"),
        ("eth_defi", "uniswap-v3-swap.csv", "amount1", "amount1"),
        ("v3_polars", "swaps.parquet", "sqrtPriceX96", "sqrt_price_x96"),
        ("allium", "allium.csv", "sqrt_price_x96", "sqrt_price_x96"),
        ("demeter_tick", "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640.csv", "sqrtPriceX96", "sqrt_price_x96"),
    ],
)
def test_a_column_of_floats_is_refused_and_marked(layout, name, column, event_column, rows_of, write, known):
    rows = [row | {column: float(row[column])} for row in rows_of(layout, "swap")]
    path = write(name, rows)
    with pytest.raises(InputError, match=f"column '{column}' .*--allow-rounded") as caught:
        list(stream_events([path]))
    assert str(path) in str(caught.value)
    stream = stream_events([path], allow_rounded=True)
    table = concat(list(stream))
    assert stream.rounded[event_column][1] == 30
    assert stream.rounded[event_column][0] > 20
    exact = [event[event_column] for event in known if event["event"] == "swap"]
    assert all(
        abs(found / value - 1) < 1e-15 for found, value in zip(integers(table[event_column]), exact, strict=True)
    )
    frame = read_swaps(path, allow_rounded=True)
    assert "went through a float" in frame.rounded[event_column]
    assert frame.history is None


def test_rounding_shows_in_one_file_of_several(rows_of, write):
    rows = rows_of("dune", "swap")
    exact = write("first.csv", rows)
    rounded = write("second.csv", [row | {"sqrtPriceX96": int(float(row["sqrtPriceX96"]))} for row in rows])
    with pytest.raises(InputError, match=r"second\.csv: column 'sqrtPriceX96' went through a float"):
        list(stream_events([exact, rounded]))
    stream = stream_events([exact, rounded], allow_rounded=True)
    list(stream)
    count, total = stream.rounded["sqrt_price_x96"]
    assert (count, total) == (len({row["sqrtPriceX96"] for row in rows}), 60)


def test_chunks_add_up_to_the_same_verdict(rows_of, write):
    """No chunk of one row is enough to tell, the file is."""
    rows = [row | {"liquidity": str(int(float(row["liquidity"]) * 1.0000001))} for row in rows_of("dune", "swap")]
    path = write("dune.csv", rows)
    with pytest.raises(InputError, match="column 'liquidity' went through a float"):
        list(stream_events([path], rows=1))


def test_amounts_of_the_graph_must_be_whole_units(rows_of, write):
    rows = rows_of("the_graph", "swap")
    rows[4]["amount0"] += "1"
    with pytest.raises(InputError, match="column 'amount0' is rounded in 1 of the first 30 values, first at row 5"):
        list(stream_events([write("swaps.json", rows)]))
    rows[4]["amount0"] = "many"
    with pytest.raises(InputError, match=r"column 'amount0' is not a number \(many\) at row 5"):
        list(stream_events([write("swaps.json", rows)]))


def test_mints_that_are_rounded_in_columns_of_no_use_do_not_matter(rows_of, write):
    """demeter-fetch repeats the pool's state on each row, rounded or not; only a swap's own is read."""
    stream = stream_events([write("0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640.csv", rows_of("demeter_tick"))])
    assert sum(map(len, stream)) > 30
    assert stream.rounded == {}


# Some rows only: found by what the pool maths gives.


@pytest.mark.real
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("column", ["sqrt_price_x96", "amount1", "liquidity"])
def test_rounded_rows_are_found_whatever_their_share(day_frame, column, share):
    rows = np.random.default_rng(1).random(len(day_frame)) < share
    values = [int(float(value)) if hit else value for value, hit in zip(getattr(day_frame, column), rows, strict=True)]
    frame = replace(day_frame, **{column: ExactInts.of(values)})
    found = rounded_rows(frame)
    assert set(found[column]) <= {*np.flatnonzero(rows).tolist(), *np.flatnonzero(_floats(day_frame, column)).tolist()}
    assert len(found[column]) >= 0.4 * rows.sum()
    with pytest.raises(InputError, match=f"column '{column}' went through a float in .*--allow-rounded"):
        without_rounded(frame, allow=False)
    marked = without_rounded(frame, allow=True)
    assert "went through a float" in marked.rounded[column]
    assert marked.history is None


def _floats(frame, column):
    return [tells(value) and is_float(value) for value in getattr(frame, column)]


@pytest.mark.real
def test_limits_and_amounts_that_people_chose_with_floats_are_no_rounding(day_frame, genesis_folder):
    """178 prices of that day are exact floats: bots set their price limits so, and the log is exact all the same."""
    assert sum(_floats(day_frame, "sqrt_price_x96")) == 178
    assert rounded_rows(day_frame) == {}
    assert without_rounded(day_frame, allow=False) is day_frame


def test_one_rounded_row_in_a_hundred_is_found_in_a_made_up_tape(tape):
    for column in ("sqrt_price_x96", "amount1"):
        rows = range(50, 2000, 100)
        values = list(getattr(tape, column))
        for row in rows:
            values[row] = int(float(values[row]))
        frame = replace(tape, **{column: ExactInts.of(values)})
        assert set(rounded_rows(frame)[column]) <= set(rows)
        assert len(rounded_rows(frame)[column]) > 10


def test_some_rounded_rows_of_a_log_are_refused_and_marked(command_line, rows_of, write, tmp_path):
    rows = rows_of("dune", "swap")
    for row in rows[5:8]:
        row["sqrtPriceX96"] = str(int(float(row["sqrtPriceX96"])))
    log = write("log.csv", rows)
    for verb in (("data", "import", log, "--out", tmp_path / "t.parquet"), ("replay", log, "--source", "hold", "--out", tmp_path / "r")):  # fmt: skip
        code, out, err = command_line(*verb)
        assert (code, out) == (3, "")
        assert "column 'sqrt_price_x96' went through a float in " in err
        assert err.count("\n") == 1
    assert not (tmp_path / "t.parquet").exists()
    assert not (tmp_path / "r").exists()
    code, out, err = command_line("data", "import", log, "--out", tmp_path / "t.parquet", "--allow-rounded")
    assert code == 0
    assert "went through a float" in read_swaps(tmp_path / "t.parquet").rounded["sqrt_price_x96"]


@pytest.mark.real
@pytest.mark.parametrize("stated", [500, 10_000])
@pytest.mark.parametrize(("swaps", "every"), [(300, 75), (600, 100), (1000, 100)])
def test_rows_rounded_in_every_column_are_found_in_small_logs_whatever_the_stated_fee(day_frame, stated, swaps, every):
    part = day_frame[:swaps]
    columns = {}
    for name in ("sqrt_price_x96", "amount0", "amount1", "liquidity"):
        values = enumerate(getattr(part, name))
        columns[name] = ExactInts.of(int(float(value)) if row % every == every // 2 else value for row, value in values)
    pool = part.pool.model_copy(update={"fee_pips": stated})
    assert rounded_rows(replace(part, **columns, pool=pool)) != {}
    assert rounded_rows(replace(part, pool=pool)) == {}
