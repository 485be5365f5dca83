"""Outputs appear whole or not at all; configuration files fail with one helpful line."""

import json
import os

import pytest
from pydantic import Field

from rook_bench.core import ConfigError, InputError
from rook_bench.core.config import Config, read_mapping
from rook_bench.core.files import MARKER, near_file, whole_file, whole_folder, write_json
from rook_bench.core.hashing import seal_of, sealed, sha256_code, sha256_file, sha256_json
from rook_bench.ingest.text_files import check_exists


class Failed(Exception):
    """What the block in these tests raises."""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_file_appears_when_the_block_ends(tmp_path):
    with whole_file(tmp_path / "new" / "a.txt") as aside:
        aside.write_text("whole")
        assert names(tmp_path / "new") == [aside.name]
    assert names(tmp_path / "new") == ["a.txt"]
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert (tmp_path / "new" / "a.txt").stat().st_mode & 0o777 == 0o644


def test_failing_block_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(Failed), whole_file(path) as aside:
        aside.write_text("ha")
        raise Failed
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_failing_block_leaves_no_new_file(tmp_path):
    with pytest.raises(Failed), whole_file(tmp_path / "a.txt"):
        raise Failed
    assert names(tmp_path) == []


def test_json_that_can_not_be_written_leaves_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}


def test_folder_replaces_an_earlier_output(tmp_path):
    for content in ("first", "second"):
        with whole_folder(tmp_path / "out") as aside:
            (aside / f"{content}.txt").write_text(content)
    assert names(tmp_path / "out") == [MARKER, "second.txt"]
    assert names(tmp_path) == ["out"]


def test_failing_block_leaves_the_old_folder(tmp_path):
    with whole_folder(tmp_path / "out") as aside:
        (aside / "a.txt").write_text("old")
    with pytest.raises(Failed), whole_folder(tmp_path / "out") as aside:
        (aside / "a.txt").write_text("half")
        raise Failed
    assert (tmp_path / "out" / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_somebody_elses_folder_is_refused(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    with pytest.raises(InputError, match="did not write"), whole_folder(tmp_path / "thesis"):
        pytest.fail("the block must not run")
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"


def test_empty_folder_and_file_as_target(tmp_path):
    (tmp_path / "empty").mkdir()
    with whole_folder(tmp_path / "empty") as aside:
        (aside / "a").write_text("")
    assert (tmp_path / "empty" / "a").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"), whole_folder(tmp_path / "file"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_can_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="can't be written"), whole_file(tmp_path / "a"):
        pass


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't create the output folder"), whole_file(tmp_path / "file" / "a"):
        pass


# Configuration.


class Gas(Config):
    units: int = Field(default=120_000, ge=0)
    gwei: float = 1.0


class Settings(Config):
    name: str
    gas: Gas = Gas()


def test_unknown_keys_get_the_near_name():
    with pytest.raises(ConfigError, match=r"x\.toml: unknown key 'gas\.gwie'; did you mean 'gwei'\?"):
        Settings.parse({"name": "a", "gas": {"gwie": 2}}, where="x.toml")
    with pytest.raises(ConfigError, match=r"unknown key 'nmae'.*did you mean 'name'\?"):
        Settings.parse({"nmae": "a", "name": "b"}, where="x.toml")


def test_missing_and_bad_values():
    with pytest.raises(ConfigError, match=r"'name': .*; add it"):
        Settings.parse({}, where="x.toml")
    with pytest.raises(ConfigError, match=r"x\.toml: 'gas\.units': .*greater than or equal to 0; given: -5"):
        Settings.parse({"name": "a", "gas": {"units": -5}}, where="x.toml")


def test_configs_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings(name="a").name = "b"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", "[gas]\ngwei = 2.5\n"),
        ("a.yaml", "gas:\n  gwei: 2.5\n"),
        ("a.YML", "gas: {gwei: 2.5}"),
        ("a.json", '{"gas": {"gwei": 2.5}}'),
    ],
)
def test_three_formats(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert read_mapping(tmp_path / name) == {"gas": {"gwei": 2.5}}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "a = = 1", "not valid TOML"),
        ("a.yaml", "a: [1, 2", "not valid YAML"),
        ("a.json", '{"a": 1,}', "not valid JSON"),
        ("a.json", "[1, 2]", "holds no mapping"),
        ("a.yaml", "", "holds no mapping"),
        ("a.yaml", "just text", "holds no mapping"),
        ("a.ini", "a=1", "not a configuration format"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_mapping(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_missing_binary_and_folder(tmp_path):
    (tmp_path / "rules.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"no such file.*did you mean 'rules\.json'"):
        read_mapping(tmp_path / "rule.json")
    with pytest.raises(ConfigError, match="no such file"):
        read_mapping(tmp_path / "nowhere" / "rules.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="can't be read"):
        read_mapping(tmp_path / "binary.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ConfigError, match="can't be read"):
        read_mapping(tmp_path / "folder.json")


# Hashes.


def test_hashes(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1}) != sha256_json({"a": 1, "b": [3]})
    assert sha256_code("core") != sha256_code("market")


def test_a_seal_covers_all_but_itself():
    record = sealed({"a": 1, "seal": "old", "b": [2]}, "seal")
    assert list(record) == ["a", "b", "seal"]
    assert record["seal"] == seal_of(record, "seal") == sha256_json({"a": 1, "b": [2]})
    assert seal_of(record | {"b": [3]}, "seal") != record["seal"]
    assert sealed(record)["hash"] == sha256_json(record)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("gate.tml", "did you mean 'gate.toml'?"),
        ("gates.toml", "did you mean 'gate.toml'?"),
        ("test.csv", "did you mean 'test.csv.gz'?"),
        ("nope.toml", "check the path"),  # though 'pyproject.toml' has most of its letters
        ("x.toml", "check the path"),
        ("elsewhere/gate.toml", "check the path"),
    ],
)
def test_a_near_file_is_offered_only_where_it_may_be_meant(tmp_path, asked, hint):
    for name in ("pyproject.toml", "gate.toml", "test.csv.gz"):
        (tmp_path / name).touch()
    assert near_file(tmp_path / asked) == hint


def test_config_and_tape_offer_the_same(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(ConfigError, match="no such file; check the path"):
        read_mapping(tmp_path / "nope.toml")
    (tmp_path / "swaps.csv").touch()
    with pytest.raises(InputError, match=r"no such file; did you mean 'swaps\.csv'\?"):
        check_exists(tmp_path / "swap.csv")
    with pytest.raises(InputError, match="no such file; check the path"):
        check_exists(tmp_path / "nope.csv")
