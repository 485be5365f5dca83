"""What lies in folders is found, and nothing that only looks like it is opened."""

import json
import os
import shutil

import pytest

from rook_bench.core import InputError
from rook_bench.core.hashing import sealed
from rook_bench.viewer import outside
from rook_bench.viewer.outside import opened, read_json


@pytest.fixture
def copy(reports, tmp_path):
    """The reports, to be changed."""
    return shutil.copytree(reports, tmp_path / "reports")


def test_runs_and_verdicts_are_found(library, reports):
    shelf = library(reports).look()
    assert len(shelf.runs) == 4
    assert len(shelf.verdicts) == 1
    assert shelf.broken == ()
    assert all(run.sound for run in [*shelf.runs, *shelf.verdicts])
    assert len(shelf.by_id) == 5
    assert all(len(id) == 16 and int(id, 16) >= 0 for id in shelf.by_id)
    assert sorted(run.name for run in shelf.runs) == ["hold", "momentum", "random:0.1", "scripted"]


def test_the_same_run_in_two_places_has_two_names(library, copy):
    run = next(copy.glob("judged/runs/momentum"))
    shutil.copytree(run, copy / "again" / "momentum")
    (copy / "again" / "momentum" / "run.json").touch()
    shelf = library(copy).look()
    assert len([found for found in shelf.runs if found.name == "momentum"]) == 2
    assert len(shelf.by_id) == 6
    assert shelf.runs[0].place == "again/momentum"


def test_names_stay_from_one_look_to_the_next(library, copy):
    assert library(copy).look().by_id.keys() == library(copy).look().by_id.keys()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no record"),
        (b"[1, 2]", "not an object"),
        (b'{"version": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"source": 3}', "source"),
        (b"\xff\xfe\x00", "no record"),
        (b'{"a": ' + b"9" * 6_000 + b"}", "no record"),
    ],
)
def test_what_is_no_record_is_told(library, tmp_path, content, why):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "run.json").write_bytes(content)
    shelf = library(tmp_path).look()
    assert shelf.runs == []
    (path, told), *others = shelf.broken
    assert not others
    assert path.endswith("run.json")
    assert why in told


def test_a_number_beyond_floats_is_told(library, copy):
    path = next(copy.glob("judged/runs/momentum/run.json"))
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record)[:-1] + ', "more": 1e999}')
    assert [why for _, why in library(copy).look().broken] == ["it holds a number that is none"]


def test_a_changed_record_is_not_sound(library, copy):
    path = next(copy.glob("judged/runs/momentum/run.json"))
    record = json.loads(path.read_text()) | {"label": "better"}
    path.write_text(json.dumps(record))
    (found,) = (run for run in library(copy).look().runs if run.name == "better")
    assert found.sound is False
    path.write_text(json.dumps(sealed(record, "seal")))
    (found,) = (run for run in library(copy).look().runs if run.name == "better")
    assert found.sound is True


def test_links_are_not_followed(library, copy, tmp_path):
    secret = tmp_path / "secret"
    shutil.copytree(next(copy.glob("judged/runs/hold")), secret / "hold")
    (copy / "linked").symlink_to(secret)
    (copy / "file").mkdir()
    (copy / "file" / "run.json").symlink_to(secret / "hold" / "run.json")
    shelf = library(copy).look()
    assert len(shelf.runs) == 4
    assert [why for _, why in shelf.broken] == ["a link, which is not followed"]


def test_a_file_that_became_a_link_is_not_opened(library, copy, tmp_path):
    run = next(found for found in library(copy).look().runs if found.name == "hold")
    (tmp_path / "secret.json").write_text('{"x": 1}')
    (run.folder / "metrics.json").unlink()
    (run.folder / "metrics.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(InputError, match="elsewhere"):
        read_json(run.folder / "metrics.json", run.root)
    (run.folder / "metrics.json").unlink()
    (run.folder / "metrics.json").symlink_to(run.folder / "clock.json")
    with pytest.raises(InputError, match="can't be read"):
        read_json(run.folder / "metrics.json", run.root)


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(InputError, match="no file"), opened(tmp_path / "run.json", tmp_path):
        pass


def test_a_record_of_many_bytes_is_not_read(monkeypatch, tmp_path):
    monkeypatch.setattr(outside, "MOST_JSON", 20)
    (tmp_path / "run.json").write_text(json.dumps({"a": "b" * 30}))
    with pytest.raises(InputError, match="more than 20 bytes"):
        read_json(tmp_path / "run.json", tmp_path)


def test_what_did_not_change_is_not_read_again(library, copy, monkeypatch):
    from rook_bench.viewer import shelf as module

    looked, times = library(copy), iter(range(0, 1000, 10))
    before = looked.look(now=lambda: next(times))
    monkeypatch.setattr(module, "_read", lambda path, kind, root: pytest.fail(f"{path} was read again"))
    assert looked.look(now=lambda: next(times)).by_id == before.by_id
    monkeypatch.undo()
    shutil.rmtree(next(copy.glob("judged/runs/hold")))
    assert len(looked.look(now=lambda: next(times)).runs) == 3


def test_hidden_folders_and_packages_are_not_looked_into(library, copy):
    for name in (".venv", "node_modules"):
        shutil.copytree(copy / "judged", copy / name)
    assert len(library(copy).look().runs) == 4
