"""What an output tells a tracker: what it holds, nothing that is undefined, and nothing of other people's files."""

import json
import math

import pytest

import rook_bench as rook
from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.publishing.mlflow import Mlflow, Target
from rook_bench.publishing.tracked import figures, flat, kind_of, tracked


def test_of_a_gate_its_verdict_its_checks_and_its_runs(gated):
    (run,) = tracked(gated)
    verdict = json.loads((gated / "verdict.json").read_text())
    assert (run.kind, run.key, run.marks["verdict"]) == ("gate", verdict["hash"], verdict["verdict"])
    assert run.params["candidate"] == "momentum"
    assert run.params["policy.evidence.min_days"] == "0.0"
    for check in verdict["checks"]:
        assert run.marks[f"check.{check['name']}"] == check["status"]
        value = (check["estimate"] or {}).get("value")
        assert run.metrics.get(check["name"]) == value
    assert verdict["verdict"] in run.note
    assert [part.params["source"] for part in run.parts][:2] == ["momentum", "random:0.1"]
    assert {path.as_posix() for path in map(type(gated), run.files)} == {
        path.relative_to(gated).as_posix() for path in gated.rglob("*") if path.is_file() and path.name != ".rook-bench"
    }


def test_of_a_run_every_figure_that_is_defined_and_none_that_is_not(gated):
    folder = gated / "runs" / "momentum"
    (run,) = tracked(folder)
    measured = json.loads((folder / "metrics.json").read_text())
    assert {name for name in run.metrics if "." not in name} == {
        name for name, estimate in measured.items() if estimate["value"] is not None
    }
    assert any(estimate["value"] is None for estimate in measured.values())
    told = json.loads((folder / "run.json").read_text())
    assert run.key == told["run_hash"]
    assert run.params["frictions.latency.swaps"] == str(told["config"]["frictions"]["latency"]["swaps"])
    assert "numeraire" not in run.params  # not set
    assert run.dataset.digest == told["data_hash"]


def test_of_an_adapter_its_settings_its_results_and_each_step(mini_adapter):
    (run,) = tracked(mini_adapter)
    told = json.loads((mini_adapter / "rook.json").read_text())
    assert run.params["lora_r"] == "16"
    assert run.metrics["validation.macro_f1"] == told["training"]["validation"]["macro_f1"]
    logged = [json.loads(line) for line in (mini_adapter / "metrics.jsonl").read_text().splitlines()]
    assert [step for step, _ in run.steps] == [line["step"] for line in logged]
    assert {path.partition("/")[2] for path in run.files} >= {*told["files"], "README.md", "metrics.jsonl"}
    assert [path.partition("/")[2] for path in run.texts] == ["rook.json"]


def test_of_an_adopted_model_the_record_lies_beside_it(foreign, tmp_path):
    done = rook.adopt(foreign(folder=tmp_path / "mine"), "codes")
    (run,) = tracked(done.folder)
    assert set(run.files) == {"mine/adapter_config.json", "mine/adapter_model.safetensors", "mine/README.md"}
    assert set(run.texts) == {"mine.rook.json"}
    assert run.params["adopted from"] == str(tmp_path / "mine")


def test_estimates_have_the_ends_of_their_interval():
    measured = {
        "sharpe": {"value": 1.5, "low": -1.0, "high": None},
        "calmar": {"value": None, "low": None, "high": None},
        "plain": 2,
        "none": math.nan,
        "yes": True,
    }
    assert figures(measured) == {"sharpe": 1.5, "sharpe.low": -1.0, "plain": 2.0}


def test_settings_are_told_flat_without_what_is_not_set():
    assert flat({"a": {"b": 1, "c": None}, "d": [1, 2], "e": "x", "f": True}) == {
        "a.b": "1", "d": "[1, 2]", "e": "x", "f": "true",
    }  # fmt: skip
    assert flat({}) == {}


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        kind_of(tmp_path / "absent")
    with pytest.raises(InputError, match="neither a run"):
        kind_of(tmp_path)
    (tmp_path / "promotions.jsonl").write_text("")
    with pytest.raises(InputError, match="nothing was promoted yet"):
        tracked(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", "nonsense", '{"runs": [{"folder": "../.."}], "title": ""}'])
def test_a_damaged_folder_is_told_in_one_line(gated, content):
    (gated / "verdict.json").unlink()
    (gated / "compare.json").write_text(content)
    with pytest.raises((InputError, ConfigError)) as refused:
        tracked(gated)
    assert "\n" not in str(refused.value)


def test_a_link_is_not_sent(gated, tmp_path):
    (tmp_path / "secret").write_text("key")
    (gated / "notes.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="a link is not published"):
        tracked(gated)


def test_what_begins_with_a_dot_stays_here(gated):
    (gated / ".git").mkdir()
    (gated / ".git" / "HEAD").write_text("ref")
    (gated / ".env").write_text("KEY=1")
    (run,) = tracked(gated)
    assert not any("HEAD" in path or "env" in path for path in run.files)


def test_a_verdict_that_was_changed_is_not_sent(gated):
    verdict = gated / "verdict.json"
    told = json.loads(verdict.read_text())
    verdict.write_text(json.dumps(told | {"verdict": "PROMOTE" if told["verdict"] != "PROMOTE" else "BLOCK"}))
    with pytest.raises(InputError, match="was changed"):
        tracked(gated)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("mlfow:http://x", UnknownName, "did you mean 'mlflow'"),
        ("wandb", UnknownName, "known: mlflow"),
        ("mlflow", ConfigError, "no address"),
        ("mlflow:", ConfigError, "no address"),
        ("mlflow:ftp://x", ConfigError, "not an address"),
        ("mlflow:127.0.0.1:5000", ConfigError, "not an address"),
        ("mlflow:http://[", ConfigError, "not an address"),
        ("mlflow:http://me:word@host", ConfigError, "would be written down"),
        ("mlflow:http://me:wo,rd@host", ConfigError, "would be written down"),
        ("mlflow:postgresql://h/db?user=x&password=word", ConfigError, "would be written down"),
        ("mlflow:http://h/?token=word", ConfigError, "would be written down"),
        ("mlflow:http://h/#word", ConfigError, "would be written down"),
        ("mlflow:http://x,experimnt=a", UnknownName, "did you mean 'experiment'"),
        ("mlflow:http://x,model=", ConfigError, "has no name"),
        ("mlflow:http://x,model=it's", ConfigError, "is no name"),
    ],
)
def test_what_names_no_tracker(text, error, says, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(error, match=says) as refused:
        Target.parse(text)
    assert "wo" not in str(refused.value).replace("password", "").replace("would", "").replace("unknown", "")


def test_mlflows_own_variables_count(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there:1")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    assert Target.parse("mlflow") == Target("http://there:1", "theirs")
    assert Target.parse("mlflow,model=m") == Target("http://there:1", "theirs", "m")
    assert Target.parse("mlflow:https://here/x,experiment=mine,model=m") == Target("https://here/x", "mine", "m")


def test_without_the_extra_one_line_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"rook-bench\[track\]"):
        Mlflow(Target("http://127.0.0.1:1"))
