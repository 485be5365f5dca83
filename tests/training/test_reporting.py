"""Trackers that hear of training while it runs: all of them the same figures, and none of them changes or stops it."""

import json

import pytest

from rook_bench.core import InputError, UnknownName
from rook_bench.core.hashing import sha256_file
from rook_bench.training.fit import train

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytestmark = pytest.mark.usefixtures("no_picture")

WEIGHTS = "adapter_model.safetensors"


@pytest.fixture
def fit(prepared, mini_settings, tmp_path, monkeypatch):
    """Train in a folder of this test's own; returns the adapter's folder and what was said."""
    monkeypatch.chdir(tmp_path)
    for variable in ("WANDB_PROJECT", "MLFLOW_EXPERIMENT_NAME", "TENSORBOARD_LOGGING_DIR", "MLFLOW_TRACKING_URI"):
        # Set first, so that what training sets itself is gone afterwards.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)

    def make(name, report_to=()):
        said = []
        train(prepared, tmp_path / "models" / name, mini_settings(), say=said.append, report_to=report_to)
        return tmp_path / "models" / name, said

    return make


def test_each_hears_what_was_logged_and_the_weights_are_the_same(fit, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read as it is imported
    for package in ("tensorboard", "trackio", "wandb"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    plain, _ = fit("plain")
    capsys.readouterr()
    told, said = fit("told", ["tensorboard", "wandb", "trackio", "tensorboard"])
    assert sha256_file(told / WEIGHTS) == sha256_file(plain / WEIGHTS)
    assert capsys.readouterr().out == ""  # where results are written
    assert not any("warning: t" in line or "warning: w" in line for line in said)
    logged = [json.loads(line) for line in (told / "metrics.jsonl").read_text().splitlines()]
    losses = [(line["step"], line["loss"]) for line in logged if "loss" in line]
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "models" / "runs" / "told")).Reload()
    heard = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert [step for step, _ in heard] == [step for step, _ in losses]
    assert [loss for _, loss in heard] == pytest.approx([loss for _, loss in losses])
    assert [event.value for event in events.Scalars("eval/nll")] == pytest.approx(
        [line["eval_nll"] for line in logged if "eval_nll" in line]
    )
    assert list((tmp_path / "wandb").glob("offline-run-*/*.wandb"))
    import trackio

    assert "told" in [run.name for run in trackio.Api().runs("rook-bench")]


def test_each_adapter_has_a_folder_of_its_own(fit, tmp_path):
    """Also where several are trained in one process."""
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    for name in ("first", "second"):
        fit(name, ["tensorboard"])
        assert len(list((tmp_path / "models" / "runs" / name).glob("events.*"))) == 1


def test_mlflow_hears_it_too(fit, mlflow_server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    folder, _ = fit("told", ["mlflow"])
    experiment = mlflow_server.client.get_experiment_by_name("rook-bench")
    runs = mlflow_server.client.search_runs([experiment.experiment_id], "attributes.run_name = 'told'")
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    history = mlflow_server.client.get_metric_history(runs[0].info.run_id, "loss")
    assert sorted((one.step, one.value) for one in history) == [
        (line["step"], line["loss"]) for line in logged if "loss" in line
    ]


def breaking(event):
    from transformers import TrainerCallback

    def broken(self, *facts, **more):
        raise RuntimeError("the disk of the tracker is full")

    return type("Broken", (TrainerCallback,), {event: broken})


def test_one_that_fails_on_the_way_stops_nothing(fit, monkeypatch):
    monkeypatch.setattr(
        "rook_bench.training.reporting.get_reporting_integration_callbacks", lambda names: [breaking("on_log")]
    )
    folder, said = fit("told", ["wandb"])
    warned = [line for line in said if "wandb" in line]
    assert warned == ["warning: wandb stopped taking reports (the disk of the tracker is full); training goes on"]
    assert (folder / WEIGHTS).is_file()


def test_one_that_does_not_take_the_run_is_told_before_anything_is_learned(fit, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "rook_bench.training.reporting.get_reporting_integration_callbacks", lambda names: [breaking("on_train_begin")]
    )
    with pytest.raises(InputError, match="trackio does not take the run"):
        fit("told", ["trackio"])
    assert not (tmp_path / "models" / "told").exists()


def test_unknown_and_missing_ones_are_refused(fit, monkeypatch):
    with pytest.raises(UnknownName, match="did you mean 'tensorboard'"):
        fit("told", ["tensorbord"])
    monkeypatch.setattr(
        "rook_bench.training.reporting.get_reporting_integration_callbacks", lambda names: [breaking("__init__")]
    )
    with pytest.raises(InputError, match="wandb can't be used"):
        fit("told", ["wandb"])
