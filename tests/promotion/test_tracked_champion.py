"""The champion in MLflow's model registry: a version for each that was promoted, and the alias on the present one."""

import json

import pytest
from promotions import NOW

import rook_bench as rook
from rook_bench.core import InputError
from rook_bench.promotion.change import rollback


def versions(server, model):
    return {version.version: version.tags for version in server.client.search_model_versions(f"name = '{model}'")}


def champion(server, model):
    return server.client.get_model_version_by_alias(model, "champion")


def test_the_alias_goes_where_the_record_goes(mlflow_server, place, tmp_path):
    where = f"{mlflow_server.to},experiment=champions,model=eth"
    place.promoted(place.a)
    rook.track(place.models, where)
    first = champion(mlflow_server, "eth")
    assert first.description == place.a
    assert mlflow_server.client.get_run(first.run_id).info.start_time == 1000 * NOW.timestamp()
    fetched = mlflow_server.client.download_artifacts(first.run_id, "promoted", str(tmp_path))
    assert (tmp_path / "promoted" / "adapter" / "adapter_model.safetensors").read_text() == "weights a"
    assert json.loads((tmp_path / "promoted" / "entry.json").read_text())["source"] == place.a
    assert fetched
    place.promoted(place.b, place.a)
    rook.track(place.models, where)
    second = champion(mlflow_server, "eth")
    assert (second.description, len(versions(mlflow_server, "eth"))) == (place.b, 2)
    assert second.tags["rook.adapter_hash"] != first.tags["rook.adapter_hash"]
    rollback(place.models, "worse in practice", now=NOW)
    rook.track(place.models, where)
    assert champion(mlflow_server, "eth").version == first.version
    assert len(versions(mlflow_server, "eth")) == 2


def test_all_that_was_promoted_before_comes_along_and_the_alias_is_set_once(mlflow_server, place, monkeypatch):
    from mlflow.tracking import MlflowClient

    set_alias, seen = MlflowClient.set_registered_model_alias, []
    monkeypatch.setattr(
        MlflowClient,
        "set_registered_model_alias",
        lambda self, *facts: seen.append(facts) or set_alias(self, *facts),
    )
    place.promoted(place.a)
    place.promoted(place.b, place.a)
    rook.track(place.models, f"{mlflow_server.to},experiment=late,model=late")
    assert {tags["rook.source_hash"] for tags in versions(mlflow_server, "late").values()} == {
        rook.Source.parse(source).content for source in (place.a, place.b)
    }
    assert champion(mlflow_server, "late").description == place.b
    assert len(seen) == 1  # never, not for a moment, on one that is champion no more


def test_a_stored_copy_that_was_changed_becomes_no_version(mlflow_server, place):
    entry = place.promoted(place.a)
    (place.models / entry["stored"] / "adapter" / "adapter_model.safetensors").write_text("others")
    with pytest.raises(InputError, match="not what was promoted"):
        rook.track(place.models, f"{mlflow_server.to},experiment=changed-copy,model=changed")
    assert versions(mlflow_server, "changed") == {}


def test_promote_moves_the_alias_itself(mlflow_server, place, command_line):
    place.promoted(place.a)
    place.promoted(place.b, place.a)
    where = f"{mlflow_server.to},experiment=verbs,model=verbs"
    code, out, err = command_line("promote", "--rollback", "--reason", "worse", "--track", where)
    assert code == 0, err
    assert champion(mlflow_server, "verbs").description == place.a
