"""A user's file is compiled from its text, whatever byte code there is."""

import os
import py_compile
import sys

import pytest

from rook_bench.core.text_module import TextLoader, run_file, text_sha256
from rook_bench.plugins import decision_source

PLUGIN = "from rook_bench import Decision, decision_source\n\n@decision_source\ndef mine():\n    '''.'''\n    return lambda view: Decision.hold('{}')\n"


@pytest.fixture
def byte_code(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def reason(path, view=None):
    return decision_source.choose(f"{path}@mine").build()(view).reason


def test_an_edit_within_a_second_to_the_same_size_counts(tmp_path, byte_code):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format("a"))
    written = path.stat()
    assert reason(path) == "a"
    path.write_text(PLUGIN.format("b"))
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert path.stat().st_size == written.st_size
    assert reason(path) == "b"
    assert not list(tmp_path.rglob("*.pyc"))


def test_byte_code_that_lies_there_is_not_read(tmp_path, byte_code):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format("a"))
    written = path.stat()
    py_compile.compile(str(path), doraise=True)
    path.write_text(PLUGIN.format("b"))
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns))
    assert reason(path) == "b"


def test_the_hash_is_of_the_text_that_runs(tmp_path):
    """The file may be edited while the process goes on; its decisions must not be kept under the new text's hash."""
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format("a"))
    plugin = decision_source.get(f"{path}@mine")
    before = plugin.spec().sha256
    path.write_text(PLUGIN.format("b"))
    assert plugin.spec().sha256 == before == text_sha256(plugin.factory)
    assert decision_source.get(f"{path}@mine").spec().sha256 != before


def test_annotations_are_found(tmp_path):
    """Dataclasses and parameters look their types up in the module, which must be known by its name."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom typing import Annotated\n"
        "from pydantic import Field\nfrom rook_bench import decision_source\n\n"
        "Share = Annotated[float, Field(ge=0, le=1)]\n\n"
        "@dataclass\nclass Kept:\n    size: Share\n    def decide(self, view, ask): ...\n\n"
        "@decision_source\ndef mine(size: Share = 0.5):\n    '''.'''\n    return Kept(size)\n"
    )
    assert decision_source.choose(f"{path}@mine:0.25").build().size == 0.25


def test_a_file_that_fails_leaves_the_last_one_in_place(tmp_path):
    path = tmp_path / "part.py"
    path.write_text("value = 1\n")
    run_file(path, "testing")
    name = next(key for key in sys.modules if key.startswith("testing_part_"))
    path.write_text("value = 1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        run_file(path, "testing")
    assert sys.modules.pop(name).value == 1


def test_only_what_was_run_so_has_a_text_hash():
    assert text_sha256(reason) is None
    assert TextLoader("x", "x.py").sha256 == ""
