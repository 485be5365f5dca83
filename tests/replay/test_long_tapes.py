"""A run of a long tape names it, and holds no copy."""

import json
import os
import shutil

import pytest

import rook_bench as rook
from rook_bench.core import InputError
from rook_bench.core.hashing import sealed
from rook_bench.ingest.partition import write_by_day
from rook_bench.ingest.read import read_swaps, with_base
from rook_bench.market.tape_file import write_tape
from rook_bench.metrics.analysis import analyse
from rook_bench.replay import load_run, replay, save_run, saved
from rook_bench.workbench.folder import load_analyses, save_comparison
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


def test_one_that_lies_in_a_run_of_its_own_is_copied(long, tmp_path):
    """The run is written anew, and its folder with it: no run refers to a tape that goes with another."""
    long = with_base(long, "USDC")  # no file holds it
    rook.evaluate(long, "random").save(tmp_path / "run", report=False)
    rook.load_run(tmp_path / "run").save(tmp_path / "run", report=False)
    rook.load_run(tmp_path / "run").save(tmp_path / "other", report=False)
    shutil.rmtree(tmp_path / "run")
    assert rook.load_run(tmp_path / "other").run.frame.data_hash == long.data_hash


def test_one_tape_at_two_places_is_one_tape(long, tmp_path):
    again = shutil.copy(tmp_path / "long.parquet", tmp_path / "again.parquet")
    both = [analyse(replay(long, "random")), analyse(replay(read_swaps(again), "hold"))]
    (tmp_path / "both").mkdir()
    save_comparison(both, tmp_path / "both", title="both", report=False)
    assert len(load_analyses(tmp_path / "both")[0]) == 2


def test_what_a_record_names_is_a_tape_or_nothing(long, tmp_path):
    folder = kept(long, tmp_path / "run")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    record = {"version": 2, "pools": {"0x1": {"swaps": 1, "days": []}}}
    (tmp_path / "empty" / "tape.json").write_text(json.dumps(record))
    (tmp_path / "leads").mkdir()
    record["pools"]["0x1"]["days"] = [{"file": "../long.parquet"}]
    (tmp_path / "leads" / "tape.json").write_text(json.dumps(record))
    for named, words in {
        str(tmp_path / "pipe"): "not there",
        "/" + 5000 * "x": "not there",
        str(tmp_path / "empty"): "holds no day",
        str(tmp_path / "leads"): "lies elsewhere",
        "/etc/passwd": "can't be read",
    }.items():
        facts = json.loads((folder / "run.json").read_text())
        facts["tape"] = named
        del facts["seal"]
        (folder / "run.json").write_text(json.dumps(sealed(facts, "seal")))
        with pytest.raises(InputError, match=words):
            load_run(folder)
