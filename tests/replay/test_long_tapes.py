"""A run of a long tape names it, and holds no copy."""

import json

import pytest

import rook_bench as rook
from rook_bench.core import InputError
from rook_bench.ingest.partition import write_by_day
from rook_bench.ingest.read import read_swaps, with_base
from rook_bench.market.tape_file import write_tape
from rook_bench.replay import load_run, replay, save_run, saved
from rook_bench.workbench.rows import part_of


@pytest.fixture
def long(tape, tmp_path, monkeypatch):
    monkeypatch.setattr(saved, "REFERRED", 500)
    write_tape(tape[:600], tmp_path / "long.parquet")
    return read_swaps(tmp_path / "long.parquet")


def kept(frame, folder):
    folder.mkdir()
    save_run(replay(frame, "random"), folder)
    return folder


def test_it_is_read_where_it_lies(long, tmp_path):
    folder = kept(long, tmp_path / "run")
    assert not (folder / "tape.parquet").exists()
    assert json.loads((folder / "run.json").read_text())["tape"] == str(tmp_path / "long.parquet")
    assert load_run(folder).frame.data_hash == long.data_hash


def test_one_of_days_too(long, tmp_path):
    write_by_day(long, tmp_path / "days")
    folder = kept(read_swaps(tmp_path / "days"), tmp_path / "run")
    assert load_run(folder).frame.data_hash == long.data_hash


def test_one_that_is_gone_or_another_is_told(long, tape, tmp_path):
    folder = kept(long, tmp_path / "run")
    (tmp_path / "long.parquet").rename(tmp_path / "moved.parquet")
    with pytest.raises(InputError, match=r"the tape that it was made on is not there: .*long\.parquet; put it back"):
        load_run(folder)
    write_tape(tape[:601], tmp_path / "long.parquet")
    with pytest.raises(InputError, match="not the one the run was made on"):
        load_run(folder)
    (tmp_path / "long.parquet").write_text("price\n1\n")
    with pytest.raises(InputError, match="the tape can't be read"):
        load_run(folder)


def test_one_of_which_a_part_was_replayed_is_copied(long, tmp_path):
    for number, part in enumerate((long[:599], part_of(long, limit=550), with_base(long, "USDC"))):
        folder = kept(part, tmp_path / str(number))
        assert (folder / "tape.parquet").exists()
        assert load_run(folder).frame.data_hash == part.data_hash


def test_one_of_a_comparison_is_named_by_each_run(long, tmp_path):
    rook.compare(long, ["random", "hold"]).save(tmp_path / "both", report=False)
    assert not (tmp_path / "both" / "tape.parquet").exists()
    assert len(rook.load_comparison(tmp_path / "both")) == 2
