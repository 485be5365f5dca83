"""Files that are right are read exactly; files that are wrong are refused with the place of the fault."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import InputError
from rook_bench.dataset.prepare import prepare
from rook_bench.dataset.rules import Rules
from rook_bench.ingest.read import read_swaps
from rook_bench.market.join import join_swaps
from rook_bench.market.pool import Pool, known_pool
from rook_bench.market.tape_file import write_tape

V3_SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
LOG_NAME = "ethereum-0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640-2025-01-01"
LOOSE = Rules(mr_price_deviation_threshold=0.001, min_volatility_threshold=0.0)


def word(value):
    return (value % 2**256).to_bytes(32, "big").hex()


def raw_log(frame):
    """The undecoded events of a tape, with a foreign event between them."""
    rows = []
    for row in range(len(frame)):
        numbers = (
            frame.amount0[row],
            frame.amount1[row],
            frame.sqrt_price_x96[row],
            frame.liquidity[row],
            int(frame.tick[row]),
        )
        position = (
            int(frame.block[row]),
            str(frame.at[row])[:19],
            f"0x{row:064x}",
            int(frame.tx_index[row]),
            int(frame.log_index[row]),
        )
        rows.append((*position, f"['{V3_SWAP}', '0x00']", "0x" + "".join(map(word, numbers))))
        rows.append(
            (
                *position[:4],
                position[4] + 1,
                f"['{TRANSFER}']",
                "0x",
            )
        )
    columns = [
        "block_number",
        "block_timestamp",
        "transaction_hash",
        "transaction_index",
        "log_index",
        "topics",
        "data",
    ]
    return pd.DataFrame(rows, columns=columns)


def decoded_log(frame):
    """The decoded events of a tape, with a mint between them."""
    rows = []
    for row in range(len(frame)):
        position = (f"0x{row:064x}", int(frame.block[row]), str(frame.at[row])[:19])
        numbers = (
            str(frame.amount0[row]),
            str(frame.amount1[row]),
            str(frame.liquidity[row]),
            str(frame.sqrt_price_x96[row]),
        )
        rows.append(
            (*position, "SWAP", int(frame.tx_index[row]), int(frame.log_index[row]), *numbers, f"{frame.tick[row]}.0")
        )
        rows.append(
            (*position, "MINT", int(frame.tx_index[row]), int(frame.log_index[row]) + 1, "1", "1", "1.2E+19", "", "")
        )
    columns = [
        *(
            "transaction_hash",
            "block_number",
            "block_timestamp",
            "tx_type",
            "tx_index",
            "log_index",
            "amount0",
            "amount1",
        ),
        *("total_liquidity", "sqrtPriceX96", "current_tick"),
    ]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def log(tape):
    return tape[:40]


@pytest.fixture(scope="module")
def core_table(log, tmp_path_factory):
    """A core_features.csv of the simulated swaps, as text."""
    folder = tmp_path_factory.mktemp("core")
    rows = log.at_index.tz_localize(None).strftime("%Y-%m-%d %H:%M:%S")
    table = pd.DataFrame(
        {
            "timestamp": rows,
            "price": log.price * 1e-12,
            "amount0_eth": -log.amount1.to_floats(10**18),
            "amount1_usdc": -log.amount0.to_floats(10**6),
            "tick": log.tick,
            "liquidity": [str(value) for value in log.liquidity],
        }
    )
    table.to_csv(folder / "core_features.csv", index=False)
    return pd.read_csv(folder / "core_features.csv", dtype=str)


def read_table(table, folder, name="core_features.csv"):
    table.to_csv(folder / name, index=False)
    return read_swaps(folder / name)


def with_cell(table, column, row, value):
    changed = table.copy()
    changed.loc[row, column] = value
    return changed


# Recognition.


def test_raw_and_decoded_logs_keep_every_unit(log, tmp_path):
    raw = read_table(raw_log(log), tmp_path, f"{LOG_NAME}.raw.csv")
    decoded = read_table(decoded_log(log), tmp_path, f"{LOG_NAME}.tick.csv")
    assert raw.data_hash == decoded.data_hash
    assert raw.pool == known_pool("0x88E6A0c2dDD26FEEb64F039a2c41296FcB3f5640")
    for name in ("sqrt_price_x96", "liquidity", "amount0", "amount1"):
        assert getattr(raw, name) == getattr(log, name), name
    for name in ("at", "tick", "block", "tx_index", "log_index"):
        np.testing.assert_array_equal(getattr(raw, name), getattr(log, name), name)
    assert "40 swap events in 80 rows of 1 files" in raw.notes


def test_pool_that_the_name_does_not_tell(log, tmp_path):
    path = tmp_path / "events.csv"
    raw_log(log).to_csv(path, index=False)
    with pytest.raises(InputError, match="does not say which pool.*--pool"):
        read_swaps(path)
    assert read_swaps(path, log.pool).pool == log.pool
    other = tmp_path / f"{LOG_NAME.replace('88e6', '1234')}.csv"
    raw_log(log).to_csv(other, index=False)
    with pytest.raises(InputError, match="pool 0x1234.* is not known"):
        read_swaps(other)


def test_rook_core_features(core_table, log, tmp_path):
    frame = read_table(core_table, tmp_path)
    np.testing.assert_allclose(frame.price, log.price, rtol=1e-12)
    np.testing.assert_allclose(frame.volume, log.volume, rtol=1e-12)
    assert list(frame.liquidity) == list(log.liquidity)
    assert set(frame.rounded) == {"sqrt_price_x96", "amount0", "amount1"}
    assert frame.labels == {}


def test_v4_signs_become_the_pools(core_table, log, tmp_path):
    """A swapper who received ETH took it from the pool."""
    frame = read_table(core_table, tmp_path)
    received = pd.to_numeric(core_table["amount0_eth"]).to_numpy() > 0
    assert (frame.amount0.negative() == received).all()


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_a_folder_is_read_by_its_core_features(core_table, tmp_path, suffix):
    core_table.to_csv(tmp_path / f"core_features.{suffix}", index=False)
    assert len(read_swaps(tmp_path)) == len(core_table)


def test_columns_in_another_order_and_with_extras(core_table, tmp_path):
    frame = read_table(core_table[core_table.columns[::-1]].assign(extra="x"), tmp_path)
    assert frame.data_hash == read_table(core_table, tmp_path).data_hash


# What is refused.


def test_a_missing_column_is_named_with_the_layout(core_table, tmp_path):
    with pytest.raises(InputError, match="missing column 'liquidity'.*rook_core_features"):
        read_table(core_table.drop(columns="liquidity"), tmp_path)


def test_mixed_layouts(core_table, log, tmp_path):
    mixed = pd.concat([core_table, raw_log(log).head(len(core_table)).astype(str)], axis=1)
    with pytest.raises(InputError, match=r"mixed layout: the columns of demeter_raw and rook_core_features"):
        read_table(mixed, tmp_path)


def test_foreign_columns(tmp_path):
    with pytest.raises(InputError, match="no known layout.*known: "):
        read_table(pd.DataFrame({"a": [1], "b": [2]}), tmp_path, "x.csv")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("price", "nan", r"column 'price' is nan at row 8"),
        ("price", "", r"column 'price' is .* at row 8"),
        ("price", "-2.8e-09", r"column 'price' is -2.8e-09 at row 8.*positive"),
        ("price", "0.0", r"column 'price' is 0.0 at row 8.*positive"),
        ("price", "inf", r"column 'price' is inf at row 8"),
        ("amount0_eth", "many", r"column 'amount0_eth' is many at row 8.*finite"),
        ("liquidity", "9.7e+16", r"column 'liquidity' is not a whole number \(9.7e\+16\) at row 8.*rounded"),
        ("liquidity", "", r"column 'liquidity' is missing at row 8"),
        ("liquidity", "-5", r"liquidity is negative at swap 8"),
        ("tick", "1.5", r"column 'tick' is not a whole number \(1.5\) at row 8"),
        ("timestamp", "yesterday", r"column 'timestamp' is not a time \(yesterday\) at row 8"),
        ("timestamp", "", r"column 'timestamp' is not a time .* at row 8"),
        ("timestamp", "2016-01-01 00:00:00", r"rows are not in order of time at swap 8"),
    ],
)
def test_a_bad_value_is_named_by_column_and_row(core_table, tmp_path, column, value, message):
    with pytest.raises(InputError, match=message) as caught:
        read_table(with_cell(core_table, column, 7, value), tmp_path)
    assert "core_features.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_logs_out_of_order_are_put_right(log, tmp_path):
    table = decoded_log(log)
    swaps = table[table["tx_type"] == "SWAP"].reset_index(drop=True)
    same = next(row for row in range(1, len(swaps)) if swaps["block_number"][row] == swaps["block_number"][row - 1])
    order = list(range(len(swaps)))
    order[same - 1], order[same] = same, same - 1
    name = f"{LOG_NAME}.tick.csv"
    assert read_table(swaps.iloc[order], tmp_path, name).data_hash == read_table(swaps, tmp_path, name).data_hash


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda data: data[:-2], "not whole words of 32 bytes at row 5; is the file cut off"),
        (lambda data: data[:-1] + "z", "not hexadecimal at row 5"),
        (lambda data: "", "data of a Swap event is not 5 words of 32 bytes at row 5"),
        (lambda data: data + "00" * 32, "data of a Swap event is not 5 words of 32 bytes at row 5"),
    ],
)
def test_event_data_that_is_damaged(log, tmp_path, harm, message):
    table = raw_log(log)
    swaps = table.index[table["topics"].str.contains(V3_SWAP)]
    table.loc[swaps[2], "data"] = harm(table.loc[swaps[2], "data"])
    with pytest.raises(InputError, match=message):
        read_table(table, tmp_path, f"{LOG_NAME}.raw.csv")


def test_logs_without_swaps(log, tmp_path):
    table = raw_log(log)
    with pytest.raises(InputError, match="the log holds no Swap event"):
        read_table(table[~table["topics"].str.contains(V3_SWAP)], tmp_path, f"{LOG_NAME}.raw.csv")
    table = decoded_log(log)
    with pytest.raises(InputError, match="the log holds no Swap event"):
        read_table(table[table["tx_type"] == "MINT"], tmp_path, f"{LOG_NAME}.tick.csv")


def test_files_that_are_no_tables(core_table, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="the file is empty"):
        read_swaps(tmp_path / "empty.csv")
    with pytest.raises(InputError, match="there are no swaps"):
        read_table(core_table.head(0), tmp_path)
    whole = gzip.compress(core_table.to_csv(index=False).encode())
    for name, data in {"cut.csv.gz": whole[: len(whole) // 2], "text.csv.gz": b"timestamp,price\n1,2\n"}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match="cut off or damaged"):
            read_swaps(tmp_path / name)
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 4)
    with pytest.raises(InputError):
        read_swaps(tmp_path / "binary.csv")
    (tmp_path / "noise.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_swaps(tmp_path / "noise.parquet")


def test_names_that_are_nearly_right(core_table, tmp_path):
    core_table.to_csv(tmp_path / "core_features.csv", index=False)
    with pytest.raises(InputError, match=r"no such file.*did you mean 'core_features\.csv'"):
        read_swaps(tmp_path / "core_feature.csv")
    (tmp_path / "bare").mkdir()
    with pytest.raises(InputError, match=r"holds no core_features\.csv"):
        read_swaps(tmp_path / "bare")


def test_labels_beside_that_belong_to_other_rows(core_table, tmp_path):
    labels = pd.DataFrame(
        {
            "timestamp": core_table["timestamp"],
            "side": "HOLD",
            "size": 0.0,
            "slippage_bps": 50,
            "deadline_s": 300,
            "confidence": 0.5,
            "rule_triggered": "NO_SIGNAL",
        }
    )
    labels.to_csv(tmp_path / "labeled_dataset.csv", index=False)
    assert set(read_table(core_table, tmp_path).labels["label_side"]) == {"HOLD"}
    with pytest.raises(InputError, match=r"do not match core_features\.csv"):
        read_table(core_table.head(39), tmp_path)
    labels.assign(side="MAYBE").to_csv(tmp_path / "labeled_dataset.csv", index=False)
    with pytest.raises(InputError, match="column 'side' is 'MAYBE' at row 1.*BUY, HOLD or SELL"):
        read_table(core_table, tmp_path)


# Standardised windows.


@pytest.fixture(scope="module")
def splits(tape, tmp_path_factory):
    """The same swaps prepared both ways: values step by step (as published) and feature by feature."""
    folder = tmp_path_factory.mktemp("splits")
    prepare(tape[:900], LOOSE, folder / "rook", compat_rook=True)
    prepare(tape[:900], LOOSE, folder / "honest", windows=True)
    return folder


@pytest.mark.parametrize(("name", "layout"), [("rook", "step by step"), ("honest", "feature by feature")])
def test_both_orders_of_the_window_columns_are_recognised(splits, tape, name, layout):
    frame = read_swaps(splits / name / "test.csv")
    assert any(layout in note for note in frame.notes)
    np.testing.assert_allclose(frame.price, tape[:900].price[-len(frame) :], rtol=1e-9)
    assert frame.at[-1] == tape.at[899]
    assert frame.amount0 is None


def test_windows_need_their_scaler(splits, tmp_path):
    (tmp_path / "test.csv").write_bytes((splits / "rook" / "test.csv").read_bytes())
    with pytest.raises(InputError, match=r"needs its normalization\.json"):
        read_swaps(tmp_path / "test.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: s["core_scaler_mean"].__setitem__(0, s["core_scaler_mean"][0] * 1.05),
            "price_change does not follow",
        ),
        (
            lambda s: s["core_scaler_scale"].__setitem__(0, s["core_scaler_scale"][0] * 2),
            "price_change does not follow",
        ),
        (lambda s: s["core_scaler_scale"].__setitem__(2, 0.0), "positive scales"),
        (lambda s: s["core_scaler_mean"].pop(), "6 means"),
        (lambda s: s.pop("core_scaler_mean"), "not a usable scaler"),
    ],
)
def test_a_wrong_scaler_is_refused(splits, tmp_path, change, message):
    (tmp_path / "test.csv").write_bytes((splits / "rook" / "test.csv").read_bytes())
    scaler = json.loads((splits / "rook" / "normalization.json").read_text())
    change(scaler)
    (tmp_path / "normalization.json").write_text(json.dumps(scaler))
    with pytest.raises(InputError, match=message):
        read_swaps(tmp_path / "test.csv")


def test_windows_with_a_step_missing(splits, tmp_path):
    for name in ("normalization.json", "metadata.json"):
        (tmp_path / name).write_bytes((splits / "rook" / name).read_bytes())
    table = pd.read_csv(splits / "rook" / "test.csv").drop(columns="volume_7")
    with pytest.raises(InputError, match="missing column 'volume_7'"):
        read_table(table, tmp_path, "test.csv")


def test_compressed_windows(splits, tmp_path):
    folder = splits / "honest"
    (tmp_path / "test.csv.gz").write_bytes(gzip.compress((folder / "test.csv").read_bytes()))
    for name in ("normalization.json", "metadata.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    assert read_swaps(tmp_path / "test.csv.gz").data_hash == read_swaps(folder / "test.csv").data_hash


# Tapes and several files at once.


def test_parquet_of_somebody_else(tape, tmp_path):
    write_tape(tape[:5], tmp_path / "tape.parquet")
    import pyarrow.parquet as pq

    table = pq.read_table(tmp_path / "tape.parquet")
    pq.write_table(table.replace_schema_metadata({}), tmp_path / "bare.parquet")
    with pytest.raises(InputError, match="does not carry a tape's metadata"):
        read_swaps(tmp_path / "bare.parquet")
    data = (tmp_path / "tape.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_swaps(tmp_path / "cut.parquet")


def test_joined_files_are_the_whole(tape):
    parts = [tape[200:300], tape[:100], tape[100:200]]
    joined = join_swaps(parts)
    whole = tape[:300]
    for name in ("sqrt_price_x96", "liquidity", "amount0", "amount1"):
        assert getattr(joined, name) == getattr(whole, name)
    np.testing.assert_array_equal(joined.at, whole.at)
    assert joined.data_hash == whole.data_hash
    assert join_swaps([whole]) is whole


def test_overlapping_files_keep_each_swap_once(tape):
    joined = join_swaps([tape[:150], tape[100:250], tape[50:120]])
    assert joined.data_hash == tape[:250].data_hash
    assert "3 files joined, 120 repeated swaps dropped" in joined.notes


def test_files_that_can_not_be_joined(tape):
    from dataclasses import replace

    with pytest.raises(InputError, match="from another pool"):
        join_swaps([tape[:10], replace(tape[10:20], pool=tape.pool.model_copy(update={"fee_pips": 3000}))])
    with pytest.raises(InputError, match="other columns"):
        join_swaps([tape[:10], replace(tape[10:20], tick=None)])
    without = [replace(part, block=None, log_index=None) for part in (tape[:20], tape[10:30])]
    with pytest.raises(InputError, match="overlap in time and carry no block"):
        join_swaps(without)


def test_pool_needs_two_tokens():
    usdc = {"symbol": "USDC", "decimals": 6}
    from rook_bench.core import ConfigError

    with pytest.raises(ConfigError, match="token0 and token1 are the same"):
        Pool.parse({"token0": usdc, "token1": usdc, "base_is_token0": True}, where="pool.toml")
