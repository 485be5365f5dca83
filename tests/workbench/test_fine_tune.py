"""prepare and train from Python: the same folders as the verbs write, and settings that are checked first."""

import json
import subprocess
import sys

import pytest

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.dataset.rules import Rules


def test_prepare_writes_rooks_layout_whole(tape, root, tmp_path):
    rules = root / "strategies" / "data_driven.json"
    rook.prepare(tape[:700], rules, tmp_path / "prepared", purge=20)
    tables = {"core_features.csv", "core_conditions.csv", "labeled_dataset.csv"}
    facts = {"metadata.json", "normalization.json", "splits.json", "labeling_stats.txt", "feature_info.txt"}
    tapes = {"train.parquet", "val.parquet", "test.parquet"}
    assert {path.name for path in (tmp_path / "prepared").iterdir()} == tables | facts | tapes | {".rook-bench"}
    rook.prepare(tape[:700], Rules.from_file(rules), tmp_path / "again", purge=20, windows=True)
    windows = {"train.csv", "val.csv", "test.csv"}
    assert {path.name for path in (tmp_path / "again").iterdir()} == tables | facts | tapes | windows | {".rook-bench"}
    for name in tables | tapes:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "prepared" / name).read_bytes()
    exact, rounded = (rook.read_swaps(tmp_path / "again" / f"test.{ending}") for ending in ("parquet", "csv"))
    assert (exact.labels["label_side"] == rounded.labels["label_side"]).all()
    assert exact.amount0 is not None
    assert not exact.rounded
    assert rounded.amount0 is None


def test_a_folder_of_others_is_left_alone(tape, root, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="did not write"):
        rook.prepare(tape, root / "strategies" / "data_driven.json", tmp_path / "mine")


@pytest.mark.parametrize("config", [None, rook.TrainSettings()])
def test_a_setting_that_there_is_not_is_said_with_the_near_name(tmp_path, config):
    with pytest.raises(ConfigError, match="did you mean 'num_epochs'"):
        rook.train("absent", tmp_path / "adapter", config, num_epoch=1)
    assert not (tmp_path / "adapter").exists()


def test_without_the_extra_it_says_how_to_get_it(root):
    code = """
import sys
sys.modules |= dict.fromkeys(("torch", "transformers", "peft", "accelerate", "safetensors", "sklearn"))  # not there
import rook_bench
try:
    rook_bench.train("x", "y")
except rook_bench.RookError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert "train" in done.stdout
    assert "install" in done.stdout


def test_an_adapter_made_in_python_is_a_source(prepared, mini_settings, swaps, tmp_path):
    lines = []
    rook.train(prepared, tmp_path / "adapter", mini_settings(), say=lines.append, num_epochs=1, max_samples=48)
    record = json.loads((tmp_path / "adapter" / "rook.json").read_text())
    assert record["kind"] == "lora"
    assert lines
    one = rook.evaluate(swaps[:40], f"mini=lora:{tmp_path / 'adapter'}")
    assert one.name == "mini"
    assert one.run.source.language_model
    assert one.decisions()["confidence"].iloc[1:].notna().all()  # before the first move there is nothing to ask about
