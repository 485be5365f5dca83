"""What comes with the package goes by name; a project's own file comes first, and a path before both."""

import shutil
import tomllib
from pathlib import Path

import pytest

from rook_bench.core import ConfigError, InputError, shipped
from rook_bench.core.shipped import KINDS, by_name, find
from rook_bench.dataset.rules import Rules
from rook_bench.gates import load_policy
from rook_bench.ingest.read import read_swaps
from rook_bench.language.base import check_base, find_base
from rook_bench.remote.code import LOCKS
from rook_bench.sources import Source
from rook_bench.training import load_settings
from rook_bench.workbench.config import load_config

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder outside of any project."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in KINDS[kind].files])
def test_every_name_leads_to_a_file(elsewhere, kind, name):
    assert find(kind, name).samefile(ROOT / KINDS[kind].files[name])


def test_every_reader_takes_the_name(elsewhere):
    assert Rules.from_file("data_driven") == Rules.from_file(ROOT / "strategies" / "data_driven.json")
    assert load_policy("rook-promotion").name == "rook-promotion"
    assert load_policy("first-champion").name == "first-champion"
    assert load_config("rook-eth-usdc").rook_config.pair == "ETH/USDC"
    assert load_settings("rook-tiny", num_epochs=2).model == "rook-tiny"
    assert Path(find_base("rook-tiny")).samefile(ROOT / "models" / "base" / "rook-tiny")
    assert len(read_swaps("sample")) == 6000


def test_rules_by_name_are_the_rules_by_path(elsewhere):
    path = ROOT / "strategies" / "data_driven.json"
    assert Source.parse("rules:data_driven").content == Source.parse(f"rules:{path}").content


def test_a_project_s_own_comes_first_from_any_of_its_folders(elsewhere, monkeypatch):
    (elsewhere / "rook-bench.toml").touch()
    (elsewhere / "strategies").mkdir()
    (elsewhere / "strategies" / "data_driven.toml").write_text("mr_position_size = 0.01\n")
    (elsewhere / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(elsewhere / "deep" / "down")
    assert Rules.from_file("data_driven").mr_position_size == 0.01
    assert find("rules", "data_driven").samefile(elsewhere / "strategies" / "data_driven.toml")


def test_a_path_that_exists_comes_before_any_name(elsewhere):
    shutil.copy(ROOT / "data" / "sample.parquet", elsewhere / "sample")
    assert find("tape", "sample") == Path("sample")
    (elsewhere / "rook-promotion").mkdir()
    with pytest.raises(ConfigError, match="rook-promotion: '' is not a configuration format"):
        load_policy("rook-promotion")


@pytest.mark.parametrize(
    ("kind", "name", "hint"),
    [
        ("rules", "data_drivn", "did you mean 'data_driven'?"),
        ("policy", "rook-promotio", "did you mean 'rook-promotion'?"),
        ("policy", "mine_to", "did you mean 'mine_too'?"),  # the project's own
        ("tape", "swaps", "did you mean 'swaps.csv'?"),  # the folder's
        ("policy", "zzz", "known: first-champion, production, rook-promotion"),
    ],
)
def test_a_name_that_is_not_known_offers_the_near_one_of_all(elsewhere, kind, name, hint):
    (elsewhere / "strategies").mkdir()
    (elsewhere / "strategies" / "mine_too.toml").touch()
    (elsewhere / "swaps.csv").touch()
    with pytest.raises(InputError) as told:
        find(kind, name)
    assert str(told.value).startswith(f"{name}: no such file, and no {KINDS[kind].word} of that name is known")
    assert str(told.value).endswith(hint)


def test_a_base_of_nearly_that_name_is_offered(elsewhere, monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="did you mean 'rook-tiny'"):
        check_base("rook-tinny")


@pytest.mark.parametrize(
    "name", ["../strategies/gate", "/strategies/gate", "./gate", "~/gate", "nope.toml", "a/b.json"]
)
def test_what_can_only_be_a_path_is_left_to_its_reader(elsewhere, name):
    assert by_name("policy", name) is None
    assert find("policy", name) == Path(name)


def test_a_wheel_s_folder_comes_before_a_checkout_s(elsewhere, monkeypatch):
    """An installed package never looks beside itself: there lie the files of other packages."""
    package = elsewhere / "site-packages" / "rook_bench"
    (package.parent / "strategies").mkdir(parents=True)
    (package.parent / "strategies" / "data_driven.json").write_text("{}")
    monkeypatch.setattr(shipped, "PACKAGE", package)
    assert shipped.shipped("rules", "data_driven") is None
    (package / "shipped" / "strategies").mkdir(parents=True)
    (package / "shipped" / "strategies" / "data_driven.json").write_text("{}")
    assert shipped.shipped("rules", "data_driven").is_relative_to(package)
    assert shipped.shipped("rules", "nothing of that name") is None


def test_the_build_ships_every_file_that_has_a_name_and_nothing_untracked():
    """setup.py lists the files, since it can't import the package."""
    text = (ROOT / "setup.py").read_text()
    listed = {}
    exec(compile(text.split("class ")[0], "setup.py", "exec"), listed)
    named = {path for kind in KINDS.values() for path in kind.files.values()}
    files = {path for path in named if (ROOT / path).is_file()}
    folders = {path for path in named if (ROOT / path).is_dir()}
    inside = {
        file.relative_to(ROOT).as_posix()
        for folder in folders
        for file in (ROOT / folder).iterdir()
        if not file.name.startswith(".")
    }
    assert set(listed["SHIPPED"]) == files | inside | {"strategies/fade_large_swaps.py", *LOCKS}
    assert all((ROOT / path).is_file() for path in listed["SHIPPED"])


def test_the_package_finds_its_templates_and_formats_in_a_wheel():
    """Every file of the package that is no Python is package data; what npm fetched is put into a wheel by its build."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["rook_bench"]
    package = ROOT / "rook_bench"
    covered = {path for pattern in patterns for path in package.glob(pattern) if path.is_file()}
    plain = {path for path in package.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    plain = {path for path in plain if "node_modules" not in path.parts}
    assert plain <= covered, sorted(map(str, plain - covered))
