"""Files become text without losing a digit, chunk by chunk."""

import datetime
import decimal
import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rook_bench.core import InputError
from rook_bench.ingest.text_rows import columns_of, read_records


def whole(path, **options):
    return pd.concat(list(read_records(path, **options)))


def test_every_type_of_parquet_is_text(tmp_path):
    at = datetime.datetime(2024, 1, 5, 0, 0, 23, 500000, tzinfo=datetime.UTC)
    columns = {
        "bytes": pa.array([b"\x00\xff", None]),
        "fixed": pa.array([b"\x01" * 4, b"\x02" * 4], pa.binary(4)),
        "big": pa.array([2**64 - 1, None], pa.uint64()),
        "float": pa.array([1662995104975155420368771254341874.0, None]),
        "plain": pa.array([199045.0, float("nan")]),
        "text": pa.array(["1e5", None]),
        "decimal": pa.array([decimal.Decimal(10**70), decimal.Decimal(-1)], pa.decimal256(76)),
        "scaled": pa.array([decimal.Decimal("2.50"), decimal.Decimal("3.00")], pa.decimal128(10, 2)),
        "at": pa.array([at, None], pa.timestamp("us", "UTC")),
        "naive": pa.array([at.replace(tzinfo=None), None], pa.timestamp("ms")),
        "flag": pa.array([True, None]),
        "words": pa.array([["0x1", "0x2"], None]),
        "category": pa.array(["a", "b"]).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), tmp_path / "all.parquet")
    table = whole(tmp_path / "all.parquet")
    assert table.loc[0].to_dict() == {
        "bytes": "0x00ff", "fixed": "0x01010101", "big": str(2**64 - 1), "float": repr(1662995104975155420368771254341874.0), "plain": "199045.0",
        "text": "1e5", "decimal": str(10**70), "scaled": "2.5", "at": "2024-01-05T00:00:23.500000Z", "naive": "2024-01-05T00:00:23.500Z",
        "flag": "true", "words": '["0x1", "0x2"]', "category": "a",
    }  # fmt: skip
    assert table.loc[1].to_dict() == dict.fromkeys(columns, "") | {
        "fixed": "0x02020202",
        "decimal": "-1",
        "scaled": "3",
        "category": "b",
    }


def test_numbers_in_json_keep_their_digits(tmp_path):
    text = '[{"a": 1662995104975155420368771254341874, "b": 1.66e33, "c": null, "d": {"e": 1.10, "f": [1, "x"]}}, {"a": -5}]'
    (tmp_path / "x.json").write_text(text)
    assert columns_of(tmp_path / "x.json") == ["a", "b", "c", "d.e", "d.f"]
    table = whole(tmp_path / "x.json")
    assert table.loc[0].tolist() == ["1662995104975155420368771254341874", "1.66e33", "", "1.10", '["1", "x"]']
    assert table.loc[1].tolist() == ["-5", "", "", "", ""]


@pytest.mark.parametrize(
    "name", ["x.csv", "x.csv.gz", "x.parquet", "x.json", "x.json.gz", "x.jsonl", "x.jsonl.gz", "x.ndjson", "lines.json"]
)
def test_chunks_are_the_whole_with_the_rows_counted_on(name, tmp_path):
    table = pd.DataFrame({"a": [str(value) for value in range(10)], "b": ["nan", "NULL", "", "<nil>", "x"] * 2})
    records = table.to_dict("records")
    path = tmp_path / name
    data = {
        "csv": table.to_csv(index=False), "json": json.dumps(records), "lines": "".join(json.dumps(row) + "\n" for row in records),
    }  # fmt: skip
    if name.endswith(".parquet"):
        table.to_parquet(path)
    else:
        kind = "csv" if ".csv" in name else "json" if name.startswith("x.json") and "jsonl" not in name else "lines"
        raw = data[kind].encode()
        path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    chunks = list(read_records(path, rows=4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    joined = pd.concat(chunks)
    assert joined.index.tolist() == list(range(10))
    assert joined["a"].tolist() == table["a"].tolist()
    assert joined["b"].tolist() == ["", "", "", "", "x"] * 2
    assert columns_of(path) == ["a", "b"]
    assert list(whole(path, columns=("b", "absent")).columns) == ["b"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.json", b'[{"a": 1}, {"a"', "is not JSON .*is it cut off"),
        ("x.json", b"", "the file is empty"),
        ("x.jsonl", b'{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ("x.json", b"[1, 2]", "entry 1 is not an object"),
        ("x.json", b'{"jsonrpc": "2.0", "error": {"code": -32005, "message": "limit exceeded"}}', "holds an error answer.*limit exceeded"),
        ("x.json", b'{"status": "0", "message": "NOTOK", "result": "Max rate limit reached"}', "error answer.*Max rate limit"),
        ("x.json", b"\xff\xfe\x00", "not UTF-8"),
        ("x.json.gz", gzip.compress(b"[" + b'{"a": 1},' * 1000, mtime=0)[:40], "cut off or damaged"),
        ("x.parquet", b"PAR1", "not a readable Parquet file"),
        ("x.csv", b"", "the file is empty"),
    ],
)  # fmt: skip
def test_damaged_files_are_one_line(name, data, message, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        whole(tmp_path / name)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=message):
        columns_of(tmp_path / name)


def test_a_parquet_file_damaged_behind_its_footer(tmp_path):
    path = tmp_path / "x.parquet"
    pd.DataFrame({"a": np.random.default_rng(0).integers(0, 2**60, 5000)}).to_parquet(path)
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)  # the header of the first page
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="Parquet file can't be read"):
        whole(path)


def test_a_missing_file_has_a_near_name(tmp_path):
    (tmp_path / "swaps.json").write_text("[]")
    with pytest.raises(InputError, match=r"no such file.*did you mean 'swaps\.json'"):
        columns_of(tmp_path / "swap.json")


def test_csv_and_parquet_are_not_held_as_a_whole(tmp_path):
    """Reading a file of 40 MB in small chunks takes a small part of that."""
    import tracemalloc

    table = pd.DataFrame({"a": [str(10**33 + value) for value in range(400_000)], "b": "x" * 60})
    for name in ("x.csv", "x.parquet"):
        table.to_csv(tmp_path / name, index=False) if name == "x.csv" else table.to_parquet(
            tmp_path / name, row_group_size=20_000
        )
        tracemalloc.start()
        rows = sum(len(chunk) for chunk in read_records(tmp_path / name, rows=5000))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert rows == 400_000
        assert peak < 12e6, name
