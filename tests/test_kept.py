"""What the tests keep between runs is made once, and anew when what it was made of changes."""

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import kept
import pytest


@pytest.fixture
def folder_of(tmp_path):
    """Ask for a folder; `folder_of.made` says how often it was made."""

    def ask(**made_of):
        def make(folder):
            folder.mkdir()
            (folder / "file").write_text("content")
            ask.made += 1

        return kept.kept_folder("thing", make, shelf=tmp_path / "shelf", **made_of)

    ask.made = 0
    return ask


def test_made_once(folder_of):
    first, second = folder_of(seed=1), folder_of(seed=1)
    assert (first, folder_of.made) == (second, 1)
    assert (first.name, (first / "file").read_text()) == ("thing", "content")
    assert [path.name for path in first.parent.iterdir()] == ["thing"]


def test_made_anew_when_anything_changes(folder_of, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("1")
    folders = {folder_of(seed=1), folder_of(seed=2), folder_of(seed=1, data=tmp_path / "data")}
    (tmp_path / "data" / "rows.csv").write_text("2")
    folders.add(folder_of(seed=1, data=tmp_path / "data"))
    monkeypatch.setattr(kept, "_code", lambda: ["other code"])
    folders.add(folder_of(seed=1))
    monkeypatch.setattr(kept, "_libraries", lambda: ["torch 0.1"])
    folders.add(folder_of(seed=1))
    assert len(folders) == folder_of.made == 6


def test_two_that_ask_at_once_make_it_once(folder_of):
    barrier = Barrier(2)

    def ask(_):
        barrier.wait()
        return folder_of()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(ask, range(2))
    assert (first, folder_of.made) == (second, 1)


def test_what_was_not_made_whole_is_not_kept(folder_of, tmp_path):
    def fail(folder):
        folder.mkdir()
        raise ValueError("stopped in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        kept.kept_folder("thing", fail, shelf=tmp_path / "shelf")
    assert [path for path in (tmp_path / "shelf").iterdir() if path.is_dir()] == []
    assert (folder_of() / "file").exists()


def test_without_a_shelf_it_is_made_all_the_same(folder_of, tmp_path):
    (tmp_path / "shelf").write_text("in the way")
    assert (folder_of() / "file").exists()


def test_what_nobody_asks_for_is_thrown_away(folder_of):
    old, used = folder_of(seed=1), folder_of(seed=2)
    for path in (old, used):
        os.utime(path.parent, (0, 0))
    folder_of(seed=2)
    folder_of(seed=3)
    assert (old.exists(), used.exists()) == (False, True)
