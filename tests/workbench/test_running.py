"""Sources on one tape: no two are called the same, and what is said of them on the way."""

import json
import logging
from dataclasses import replace

import pytest

from rook_bench.core import ConfigError
from rook_bench.sources.decide import Source
from rook_bench.workbench.compare import compare, load_comparison
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.judge import judge, pilot
from rook_bench.workbench.running import named, run_sources, told_apart


@pytest.fixture
def two(tmp_path, monkeypatch, root):
    """Two rule files of one name: those that the project ships, and such that never trade."""
    monkeypatch.chdir(tmp_path)
    text = (root / "strategies" / "data_driven.json").read_text()
    for folder, content in (("old", text), ("new", json.dumps(json.loads(text) | {"min_volatility_threshold": 0.9}))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "r.json").write_text(content)
    return ["rules:old/r.json", "rules:new/r.json"]


@pytest.fixture(scope="module")
def few(tape):
    return tape[1100:1400]


def names(evaluations):
    return [one.name for one in evaluations]


def test_two_files_of_one_name_are_two(two, few, tmp_path):
    comparison = compare(few, two)
    assert names(comparison)[:3] == ["rules:old/r.json", "rules:new/r.json", "hold"]
    assert comparison.table().index.tolist() == names(comparison)
    listed = comparison.to_json()
    assert [one["source"] for one in listed[:2]] == two
    assert len({one["run_hash"] for one in listed}) == len(listed)
    assert listed[0]["metrics"]["action_rate"]["value"] > 0 == listed[1]["metrics"]["action_rate"]["value"]
    assert comparison.title == "rules:old/r.json on WETH/USDC"
    # They stay two on disk.
    folder = tmp_path / "saved"
    assert comparison.save(folder, report=False) == folder
    assert not (folder / "report.html").exists()
    assert names(load_comparison(folder)) == names(comparison)
    assert {path.name for path in (folder / "runs").iterdir()} >= {"rules-old-r.json", "rules-new-r.json"}


def test_names_are_short_where_nothing_is_in_the_way(two, few):
    (one,) = run_sources(few, named(two[:1]), BenchConfig())
    assert (one.name, one.run.label) == ("rules:r.json", "")


def test_the_same_reference_twice_is_one_source_and_two_names_are_two(few):
    assert len(named(["momentum", "momentum"])) == 1
    assert named(["fast=momentum:lookback=5", "fast=momentum:lookback=5"])[0][0] == "fast"
    twice = run_sources(few, named(["a=momentum", "b=momentum", "momentum"]), BenchConfig())
    assert names(twice) == ["a", "b", "momentum"]
    assert len({one.run.run_hash for one in twice}) == 1


def test_one_name_for_two_sources_is_refused(two):
    with pytest.raises(ConfigError, match="momentum: two sources are called 'a'; give each its own name"):
        named(["a=hold", "a=momentum"])
    with pytest.raises(ConfigError, match=r"rules:old/r\.json: two sources are called 'rules:r\.json'"):
        told_apart([("", Source.parse(two[0])), ("rules:r.json", Source.parse(two[1]))])


def test_a_benchmark_does_not_take_the_name_of_a_source(few):
    comparison = compare(few, ["hold=momentum"])
    assert names(comparison)[:2] == ["hold", "hold (benchmark)"]


def test_two_runs_made_apart_are_told_apart_by_the_gate(two, few, tmp_path, root):
    for number, reference in enumerate(two):
        run_sources(few, named([reference]), BenchConfig())[0].save(tmp_path / f"run{number}", report=False)
    policy = root / "strategies" / "first_champion.toml"
    judged = judge(policy, tmp_path / "run0", tmp_path / "run1")
    assert names(judged.evaluations) == two
    assert judged.verdict.candidate["name"] == two[0]
    assert judged.verdict.champion["name"] == two[1]


def test_the_pilot_of_a_plan_says_which_is_which(two, few):
    mine, theirs = pilot(few, champion=two[0], candidate=two[1])
    assert (mine.name, theirs.name) == (two[1], two[0])
    assert pilot(few, champion=two[0])[0].name.startswith("random:0.")


def test_a_source_that_never_wished_to_trade_is_said_to(two, few, caplog):
    caplog.set_level(logging.INFO, "rook_bench")
    run_sources(few, named([two[1], "hold", "rules", "momentum"]), BenchConfig())
    silent = [line for line in caplog.messages if "never wished to trade" in line]
    assert silent == [
        "rules:r.json: it never wished to trade on this tape",
        "rules: it never wished to trade on this tape; its thresholds are ROOK's own (deviation 2.0% at 2 times the "
        "volume, or momentum 1.0% at 1.5 times): give others with rules:FILE",
    ]


def test_a_name_is_no_part_of_what_a_run_is(few):
    (plain,), (called,) = (run_sources(few, named([source]), BenchConfig()) for source in ("momentum", "x=momentum"))
    assert plain.run.run_hash == called.run.run_hash
    assert plain.to_json() == called.to_json()
    assert replace(called.run, label="").name == "momentum"
