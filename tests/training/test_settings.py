"""Settings of a training run: the seed's defaults, ROOK's keys, and mistakes in one line."""

import json

import pytest

from rook_bench.core import ConfigError
from rook_bench.training import TrainSettings, load_settings

ROOK = {"batch_size": 32, "learning_rate": 5e-4, "num_epochs": 10, "seq_len": 30, "lora_r": 16, "lora_alpha": 32}


def test_defaults_are_those_of_the_seed():
    settings = TrainSettings()
    told = {name: getattr(settings, name) for name in (
        "model", "lora_r", "lora_alpha", "lora_dropout", "num_epochs", "batch_size", "accumulation", "learning_rate",
        "max_samples", "method", "lora_targets",
    )}  # fmt: skip
    assert told == {
        "model": "microsoft/DialoGPT-medium",
        "lora_r": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.1,
        "num_epochs": 3,
        "batch_size": 1,
        "accumulation": 4,
        "learning_rate": 1e-4,
        "max_samples": 1000,
        "method": "lora",
        "lora_targets": None,
    }


@pytest.mark.parametrize(
    ("batch_size", "given", "expected"), [(1, None, 4), (2, None, 1), (1, 1, 1), (1, 8, 8), (16, 3, 3)]
)
def test_accumulation_stands_in_for_small_batches(batch_size, given, expected):
    assert TrainSettings(batch_size=batch_size, gradient_accumulation=given).accumulation == expected


@pytest.mark.parametrize("ending", ["json", "toml", "yaml"])
def test_rooks_keys_are_understood(tmp_path, ending):
    path = tmp_path / f"config.{ending}"
    lines = {"toml": "{} = {}\n", "yaml": "{}: {}\n"}
    text = json.dumps(ROOK) if ending == "json" else "".join(lines[ending].format(*item) for item in ROOK.items())
    path.write_text(text)
    settings = load_settings(path)
    assert {name: getattr(settings, name) for name in ROOK} == ROOK


def test_what_is_given_by_hand_overrules_the_file(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(ROOK))
    settings = load_settings(path, num_epochs=2, learning_rate=None, model="rook-tiny")
    assert (settings.num_epochs, settings.learning_rate, settings.model) == (2, 5e-4, "rook-tiny")


def test_without_a_file_there_are_the_defaults():
    assert load_settings(None, max_samples=None) == TrainSettings()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lerning_rate": 1}, "unknown key 'lerning_rate'; did you mean 'learning_rate'"),
        ({"lora_rank": 8}, "unknown key 'lora_rank'; did you mean 'lora_"),
        ({"epochs": 3}, "unknown key 'epochs'; did you mean 'num_epochs'"),
        ({"batch_size": 0}, "'batch_size': Input should be greater than or equal to 1; given: 0"),
        ({"max_samples": 3}, "'max_samples'"),
        ({"learning_rate": "fast"}, "'learning_rate'"),
        ({"lora_dropout": 1.0}, "'lora_dropout'"),
        ({"method": "qlora"}, "'method': Input should be 'lora' or 'full'; given: 'qlora'"),
        ({"balance": "fair"}, "'balance'"),
    ],
)
def test_mistakes_are_one_line(tmp_path, values, words):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(values))
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_rule_config_is_no_training_config(root):
    with pytest.raises(ConfigError, match="data_driven.json: unknown key 'mr_price_deviation_threshold'"):
        load_settings(root / "strategies" / "data_driven.json")
