"""The commands of the page run, with servers of our own in the place of its addresses."""

import re
import shlex


def test_the_commands_run(mlflow_server, hub, root, tmp_path, monkeypatch, command_line):
    page = (root / "docs" / "how-to" / "track-and-share.md").read_text()
    blocks = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line]
    assert len(lines) == 11
    for name in ("strategies", "data"):
        (tmp_path / name).symlink_to(root / name)
    (tmp_path / "models").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    hub.key = "hf_of_the_test"
    monkeypatch.setenv("HF_TOKEN", hub.key)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "page")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("WANDB_PROJECT", "page")
    for line in lines:
        program, *arguments = shlex.split(line.replace("http://127.0.0.1:5000", mlflow_server.uri))
        assert program == "rook-bench"
        code, printed, err = command_line(*arguments)
        assert code in ((0, 1, 2) if "lora:models/adapters/shared" in line else (0,)), f"{line}\n{printed}\n{err}"
    kinds = sorted(run.data.tags["rook.kind"] for run in mlflow_server.runs("page"))
    assert kinds == ["comparison", "gate", "promotion"]
    assert mlflow_server.client.get_model_version_by_alias("rook-bench", "champion").description == "rules:data_driven"
    assert "gate/verdict.json" in hub.models["her/eth-trader"][1]
    assert list((tmp_path / "runs").glob("events.*"))
