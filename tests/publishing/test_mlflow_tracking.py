"""Against MLflow's own server: what lies there is what was measured, once, and can be checked by whoever fetches it."""

import json
import shutil
import socket

import pytest

import rook_bench as rook
from rook_bench.core import InputError
from rook_bench.workbench.folder import report_again


def only(runs):
    assert len(runs) == 1, [run.info.run_name for run in runs]
    return runs[0]


def test_a_gate_lies_there_as_it_was_judged(mlflow_server, gated, tmp_path):
    where = f"{mlflow_server.to},experiment=gate"
    (address,) = rook.track(gated, where)
    run = only(mlflow_server.runs("gate"))
    assert address == f"{mlflow_server.uri}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    verdict = json.loads((gated / "verdict.json").read_text())
    assert run.info.status == "FINISHED"
    assert run.data.tags["rook.verdict"] == verdict["verdict"]
    assert verdict["verdict"] in run.data.tags["mlflow.note.content"]
    assert run.inputs.dataset_inputs[0].dataset.digest == verdict["tape"]["data_hash"][:36]
    parts = {part.info.run_name: part for part in mlflow_server.runs("gate", of=run.info.run_id)}
    assert {part.data.tags["mlflow.parentRunId"] for part in parts.values()} == {run.info.run_id}
    measured = json.loads((gated / "runs" / "momentum" / "metrics.json").read_text())
    defined = {name: estimate["value"] for name, estimate in measured.items() if estimate["value"] is not None}
    assert {name: value for name, value in parts["momentum"].data.metrics.items() if "." not in name} == defined
    # What is fetched again is whole: it is checked against its hashes and replayed, and the verdict belongs to it.
    fetched = mlflow_server.fetch(run, tmp_path / "fetched")
    assert report_again(tmp_path / "fetched").is_file()
    assert json.loads((tmp_path / "fetched" / "verdict.json").read_text()) == verdict
    assert fetched


def test_the_same_is_tracked_once(mlflow_server, gated):
    where = f"{mlflow_server.to},experiment=once"
    assert rook.track(gated, where) == rook.track(gated, where)
    assert len(mlflow_server.runs("once")) == 1


def test_a_report_that_was_written_later_is_added(mlflow_server, gated):
    where = f"{mlflow_server.to},experiment=later"
    page = (gated / "report.html").read_bytes()
    (gated / "report.html").unlink()
    rook.track(gated, where)
    run = only(mlflow_server.runs("later"))
    assert "report.html" not in [one.path for one in mlflow_server.client.list_artifacts(run.info.run_id)]
    (gated / "report.html").write_bytes(page)
    rook.track(gated, where)
    assert "report.html" in [one.path for one in mlflow_server.client.list_artifacts(run.info.run_id)]
    assert len(mlflow_server.runs("later")) == 1


def test_two_who_send_at_once_send_one(mlflow_server, gated, monkeypatch):
    """The second looked before the first was there."""
    from rook_bench.publishing.mlflow import Mlflow

    where, find, asked = f"{mlflow_server.to},experiment=race", Mlflow._found, []

    def blind(self, run, parent):
        asked.append(run.kind)
        return None if asked.count("gate") == 1 and run.kind == "gate" else find(self, run, parent)

    rook.track(gated, where)
    with monkeypatch.context() as patched:
        patched.setattr(Mlflow, "_found", blind)
        rook.track(gated, where)
    assert only(mlflow_server.runs("race")).info.status == "FINISHED"


def test_a_run_that_could_not_be_closed_is_not_whole(mlflow_server, gated, monkeypatch):
    from mlflow.tracking import MlflowClient

    where, close = f"{mlflow_server.to},experiment=closing", MlflowClient.set_terminated

    def failing(self, run_id, status=None, end_time=None):
        if status == "FINISHED":
            raise ConnectionError("the server went away")
        return close(self, run_id, status, end_time)

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "set_terminated", failing)
        with pytest.raises(InputError):
            rook.track(gated, where)
    rook.track(gated, where)
    assert only(mlflow_server.runs("closing")).info.status == "FINISHED"


def test_an_adapter_of_an_odd_name_is_sent_whole(mlflow_server, mini_adapter, tmp_path):
    folder = tmp_path / "eth#2 %2F?x"
    shutil.copytree(mini_adapter, folder)
    rook.track(folder, f"{mlflow_server.to},experiment=odd")
    run = only(mlflow_server.runs("odd"))
    (top,) = mlflow_server.client.list_artifacts(run.info.run_id)
    held = {one.path.rpartition("/")[2] for one in mlflow_server.client.list_artifacts(run.info.run_id, top.path)}
    assert held == {path.name for path in mini_adapter.iterdir() if not path.name.startswith(".")}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_what_was_stopped_goes_on_in_the_same_run(mlflow_server, gated, monkeypatch, stop):
    from mlflow.tracking import MlflowClient

    name, send, sent = f"stopped-{stop.__name__}", MlflowClient.log_artifact, []
    where = f"{mlflow_server.to},experiment={name}"

    def stopping(self, run_id, file, folder=None):
        if len(sent) == 3:
            raise stop("pulled the plug")
        sent.append(file)
        return send(self, run_id, file, folder)

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_artifact", stopping)
        with pytest.raises(KeyboardInterrupt if stop is KeyboardInterrupt else InputError):
            rook.track(gated, where)
    half = only(mlflow_server.runs(name))
    assert half.info.status == ("KILLED" if stop is KeyboardInterrupt else "FAILED")
    rook.track(gated, where)
    whole = only(mlflow_server.runs(name))
    assert (whole.info.run_id, whole.info.status) == (half.info.run_id, "FINISHED")
    history = mlflow_server.client.get_metric_history(
        mlflow_server.runs(name, of=whole.info.run_id)[0].info.run_id, "turnover"
    )
    assert len(history) == 1


def test_an_adapter_lies_there_with_each_step_and_decides_the_same(mlflow_server, mini_adapter, tmp_path):
    from rook_bench.language.manifest import adapter_hash

    rook.track(mini_adapter, f"{mlflow_server.to},experiment=adapter")
    run = only(mlflow_server.runs("adapter"))
    logged = [json.loads(line) for line in (mini_adapter / "metrics.jsonl").read_text().splitlines()]
    history = mlflow_server.client.get_metric_history(run.info.run_id, "loss")
    wanted = [(line["step"], line["loss"]) for line in logged if "loss" in line]
    assert sorted((one.step, one.value) for one in history) == wanted
    mlflow_server.fetch(run, tmp_path / "fetched")
    assert adapter_hash(tmp_path / "fetched" / mini_adapter.name) == adapter_hash(mini_adapter)
    assert run.data.tags["rook.adapter_hash"] == adapter_hash(mini_adapter)


def test_a_verb_tracks_what_it_wrote(mlflow_server, command_line, tmp_path):
    where = f"{mlflow_server.to},experiment=verb"
    replay = ("replay", "sample", "--limit", "300", "--source", "momentum", "--out", tmp_path / "run")
    code, out, err = command_line(*replay, "--json", "--track", where)
    assert code == 0
    json.loads(out)
    run = only(mlflow_server.runs("verb"))
    assert f"tracked: {mlflow_server.uri}" in err
    assert run.data.params["source"] == "momentum"
    code, out, _ = command_line("track", tmp_path / "run", "--to", where)
    assert (code, out.strip()) == (0, err.strip().splitlines()[-1])


def test_a_server_that_is_not_there_is_told_before_anything_is_done(command_line, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        where = f"mlflow:http://127.0.0.1:{free.getsockname()[1]}"
    call = ("replay", "sample", "--limit", "300", "--source", "momentum", "--out", tmp_path / "run", "--track", where)
    code, out, err = command_line(*call)
    assert (code, out) == (3, "")
    assert err.startswith(f"rook-bench: {where}: the server did not take it")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_server_that_goes_away_changes_no_exit_code(mlflow_server, command_line, tmp_path, monkeypatch):
    from mlflow.tracking import MlflowClient

    def gone(*arguments, **more):
        raise ConnectionError("the server went away")

    def stopped(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(MlflowClient, "search_runs", gone)
    out, where = tmp_path / "my gate", f"{mlflow_server.to},experiment=mine,model=eth"
    gate = ("gate", "--policy", "first-champion", "--candidate", "momentum", "--data", "sample", "--limit", "300")
    plain, *_ = command_line(*gate, "--out", out)
    for trouble in (gone, stopped):
        monkeypatch.setattr(MlflowClient, "search_runs", trouble)
        code, _, err = command_line(*gate, "--out", out, "--track", where)
        assert code == plain != 0
        assert "not tracked" in err
        assert f"rook-bench track '{out}' --to {where}" in err
        assert (out / "verdict.json").is_file()


def test_a_folder_that_was_changed_is_not_tracked(mlflow_server, gated):
    equity = gated / "runs" / "momentum" / "equity.parquet"
    equity.write_bytes((gated / "runs" / "random-0.1" / "equity.parquet").read_bytes())
    with pytest.raises(InputError):
        rook.track(gated, f"{mlflow_server.to},experiment=changed")
    assert mlflow_server.client.get_experiment_by_name("changed") is None


def test_an_experiment_that_was_deleted_is_told(mlflow_server, gated):
    mlflow_server.client.delete_experiment(mlflow_server.client.create_experiment("binned"))
    with pytest.raises(InputError, match="'binned' was deleted"):
        rook.track(gated, f"{mlflow_server.to},experiment=binned")
