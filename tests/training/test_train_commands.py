"""`rook-bench train` and `rook-bench doctor` as a user meets them."""

import gzip
import json
import os
import shutil

import pytest

from rook_bench import evaluate
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language import runtime
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.sources import lora
from rook_bench.trials import TrialLedger
from rook_bench.workbench.tries import tries_of


@pytest.fixture
def copy(prepared_tables, tmp_path):
    shutil.copytree(prepared_tables, tmp_path / "copy")
    return tmp_path / "copy"


def refused(answer, *words):
    code, out, err = answer
    assert code == 3
    assert out == ""
    assert err.startswith("rook-bench: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err


@pytest.fixture
def small(tmp_path, mini_base):
    """Flags of a short run."""
    config = tmp_path / "config.toml"
    config.write_text("max_eval_samples = 64\nbatch_size = 4\nnum_epochs = 3\nlora_r = 4\n")
    return "--model", mini_base, "--config", config, "--max-samples", 64, "--epochs", 1, "--batch-size", 16


def test_train_says_how_it_went(command_line, prepared, small, tmp_path):
    code, out, _ = command_line("train", "--data-dir", prepared, "--output-dir", tmp_path / "mine", *small)
    assert code == 0
    lines = out.strip().splitlines()
    assert lines[0].startswith("64 of 929 train rows, 121 validation rows: BUY ")
    assert any(line.startswith("epoch 1: loss ") for line in lines)
    assert any(line.startswith("validation: macro-F1 ") and "(ceiling " in line for line in lines)
    assert any(line.startswith("calibration: ECE ") for line in lines)
    assert lines[-2:] == ["kept: epoch 1 of 1, which has the least NLL on validation", f"adapter: {tmp_path / 'mine'}"]
    record = json.loads((tmp_path / "mine" / "rook.json").read_text())
    settings = record["training"]["settings"]
    assert (settings["num_epochs"], settings["batch_size"], settings["lora_r"]) == (1, 16, 4)


def test_rooks_own_file_runs_as_it_is(command_line, prepared_tables, mini_base, tmp_path):
    """The JSON of ROOK's quick start, on the files that ROOK's pipeline writes, windows of 30 swaps and all."""
    config = tmp_path / "training.json"
    config.write_text(
        '{"batch_size": 32, "learning_rate": 5e-4, "num_epochs": 10, "seq_len": 30, "lora_r": 16, "lora_alpha": 32}'
    )
    flags = ("--config", config, "--model", mini_base, "--max-samples", 64)
    code, out, _ = command_line("train", "--data-dir", prepared_tables, "--output-dir", tmp_path / "mine", *flags)
    assert code == 0
    assert sum(line.startswith("epoch ") for line in out.splitlines()) <= 10
    told = read_manifest(tmp_path / "mine").training
    assert {name: told["settings"][name] for name in json.loads(config.read_text())} == json.loads(config.read_text())
    adapter = json.loads((tmp_path / "mine" / "adapter_config.json").read_text())
    assert (adapter["r"], adapter["lora_alpha"], adapter["lora_dropout"]) == (16, 32, 0.1)
    assert adapter["target_modules"] == ["c_attn", "c_proj"]


def test_the_choice_among_checkpoints_is_a_look_at_the_validation_rows(command_line, prepared, small, tmp_path):
    """It stands on the ledger beside what was judged there, and is nobody's rival."""
    folder = tmp_path / "trials"
    command = ("train", "--data-dir", prepared, "--output-dir", tmp_path / "mine", *small, "--trials", folder)
    assert command_line(*command)[0] == 0
    ledger = TrialLedger(folder)
    (trial,) = ledger.trials()
    assert (trial.kind, trial.role, trial.source) == ("train", "candidate", f"lora:{tmp_path / 'mine'}")
    assert trial.decisions_hash == adapter_hash(tmp_path / "mine")
    assert trial.returns_undefined_because == "chosen among 1 checkpoints by likelihood, and not by returns"
    settings = read_manifest(tmp_path / "mine").training["settings"]
    assert trial.settings == settings | {"stage": "sft"}
    assert {"learning_rate", "num_epochs", "lora_r"} <= set(trial.settings)
    assert ledger.verify() == []
    validation, test = (split_tape(prepared, name).read() for name in ("validation", "test"))
    assert (ledger.looks(validation).count, ledger.looks(test).count) == (1, 0)
    judged = evaluate(validation, "random:0.2", trials=folder)
    tries = tries_of(ledger, judged, None)
    assert (tries.looks, tries.unknown, tries.others) == (2, 0, ())


def test_json_is_all_there_is_on_stdout(command_line, prepared, small, tmp_path):
    code, out, err = command_line("train", "--data-dir", prepared, "--output-dir", tmp_path / "mine", *small, "--json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "mine" / "rook.json").read_text())
    assert "epoch 1: loss " in err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--template", "sead"), ("unknown prompt template 'sead'", "did you mean 'seed'")),
        (("--model", "models/base/rook-tinny"), ("no such model folder", "rook-tiny")),
        (("--data-dir", "nowhere"), ("nowhere", "no such")),
        (("--epochs", "many"), ("--epochs",)),
        (("--max-samples", "2"), ("max_samples", "greater than or equal to 8")),
        (("--config", "nope.json"), ("nope.json", "no such file")),
    ],
)
def test_mistakes_are_one_line(command_line, prepared, tmp_path, monkeypatch, flags, words):
    monkeypatch.chdir(tmp_path)
    given = {"--data-dir": str(prepared), "--output-dir": "out", "--model": "rook-tiny"} | dict([flags])
    refused(command_line("train", *(part for pair in given.items() for part in pair)), *words)
    assert list(tmp_path.iterdir()) == []


def test_without_the_train_extra_there_is_one_line(
    command_line, prepared, mini_adapter, tmp_path, monkeypatch, empty_cache, root
):
    monkeypatch.setattr(runtime, "NEEDED", ("torch_of_another_name", "transformers"))
    lora._decider.cache_clear()  # a test before this one may have loaded the very adapter
    words = ("language models need torch_of_another_name", "make setup-train", "pip install 'rook-bench[train]'")
    refused(command_line("train", "--data-dir", prepared, "--output-dir", tmp_path / "out"), *words)
    refused(command_line("doctor", "model", mini_adapter), *words)
    sample = root / "data" / "sample.parquet"
    refused(command_line("replay", sample, "--source", f"lora:{mini_adapter}", "--out", tmp_path / "run"), *words)
    assert not (tmp_path / "run").exists()
    code, out, _ = command_line("doctor", "machine")
    assert code == 0
    assert "language models: language models need torch_of_another_name" in out


# doctor


def test_doctor_machine(command_line):
    code, out, _ = command_line("doctor", "machine", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["cores"] >= 1
    assert facts["packages"]["torch"].split(".")[0].isdigit()
    assert set(facts["engines"]) == {"torch", "fp32", "bf16", "int8"}
    assert command_line("doctor", "machine")[1].startswith("python: 3.")


def test_doctor_says_which_engines_do_not_run_here(command_line, monkeypatch):
    monkeypatch.setattr("rook_bench.language.doctor.fast_bf16", lambda device: False)
    engines = json.loads(command_line("doctor", "machine", "--json")[1])["engines"]
    assert [name for name, text in engines.items() if "not on this machine" in text] == ["bf16"]


@pytest.mark.parametrize("which", ["mini_adapter", "mini_adapter_words", "tiny_adapter"])
def test_doctor_model(request, command_line, which):
    folder = request.getfixturevalue(which)
    code, out, _ = command_line("doctor", "model", folder, "--json")
    facts = json.loads(out)
    record = json.loads((folder / "rook.json").read_text())
    assert code == 0
    assert facts["base"]["sha256"] == record["base"]["sha256"]
    assert facts["lora"] == {"r": 16, "alpha": 32, "dropout": 0.1, "targets": ["c_attn", "c_proj"]}
    assert facts["trained parameters"] == record["training"]["trainable_parameters"]
    assert facts["files"] == record["files"]
    sample = facts["sample decision"]
    assert record["training"]["example"].startswith((sample["prompt"], f" {sample['prompt']}"))
    assert sum(sample["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert sample["side"] == max(sample["probabilities"], key=sample["probabilities"].get)
    text = command_line("doctor", "model", folder)[1]
    assert f"adapter: {folder}" in text
    assert "sample decision:" in text


def test_the_sample_decision_is_what_the_source_decides(fresh_models, command_line, tiny_adapter, prepared):
    """The recorded example's own row, asked through the source."""
    from rook_bench.dataset.split_tapes import split_tape
    from rook_bench.language.manifest import read_manifest
    from rook_bench.market.view import MarketView
    from rook_bench.sources.decide import Source

    sample = json.loads(command_line("doctor", "model", tiny_adapter, "--json")[1])["sample decision"]
    frame = split_tape(prepared, "train").read()
    texts = read_manifest(tiny_adapter).template.render(MarketView.whole(frame)).texts
    row = [text.strip() for text in texts].index(sample["prompt"])
    decisions = Source.parse(f"lora:{tiny_adapter}").ask(frame)
    assert decisions.confidence[row] == pytest.approx(max(sample["probabilities"].values()), abs=2e-4)
    assert decisions[row].side.name == sample["side"]


def test_doctor_data(command_line, prepared_tables):
    code, out, _ = command_line("doctor", "data", prepared_tables, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["problems"] == []
    assert facts["tables"]["train"].startswith("929 rows x ")
    assert set(facts["labels"]["val"]) == {"BUY", "HOLD", "SELL"}
    assert "tapes" not in facts
    assert "problems: none" in command_line("doctor", "data", prepared_tables)[1]


def test_doctor_on_exact_tapes(command_line, prepared, tmp_path):
    code, out, _ = command_line("doctor", "data", prepared, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["problems"] == []
    assert facts["tapes"]["train"].startswith("929 swaps, rows 30 to 958, HOLD ")
    assert set(facts["tables"]) == {"core_features", "core_conditions", "labeled_dataset"}
    shutil.copytree(prepared, tmp_path / "copy")
    shutil.copy(tmp_path / "copy" / "val.parquet", tmp_path / "copy" / "test.parquet")
    (tmp_path / "copy" / "train.parquet").unlink()
    problems = json.loads(command_line("doctor", "data", tmp_path / "copy", "--json")[1])["problems"]
    assert len(problems) == 2
    assert "no such tape" in problems[0]
    assert "not those that splits.json lists" in problems[1]


@pytest.mark.real
def test_doctor_on_the_published_data(command_line, rook_folder):
    code, out, _ = command_line("doctor", "data", rook_folder, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["tables"]["train"].startswith("6,979 rows x ")
    assert facts["tables"]["val"].startswith("1,496 rows x ")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "val.csv").unlink(), "val.csv is missing"),
        (lambda folder: (folder / "metadata.json").unlink(), "metadata.json is missing"),
        (lambda folder: (folder / "metadata.json").write_text("{"), "metadata.json can't be read"),
        (lambda folder: os.truncate(folder / "train.csv", 200_000), "metadata.json says 929"),
        (lambda folder: os.truncate(folder / "core_features.csv", 50_000), "core_features: column '"),
        (
            lambda folder: (folder / "val.csv").write_text((folder / "val.csv").read_text().replace(",SELL,", ",HOLD,")),
            "val: no SELL",
        ),
    ],
)  # fmt: skip
def test_doctor_names_what_does_not_fit(command_line, copy, harm, words):
    harm(copy)
    code, out, _ = command_line("doctor", "data", copy, "--json")
    assert code == 0
    problems = json.loads(out)["problems"]
    assert any(words in problem for problem in problems), problems
    assert words in command_line("doctor", "data", copy)[1]


def damage(folder, name, change):
    content = gzip.compress((folder / f"{name}.csv").read_bytes())
    (folder / f"{name}.csv.gz").write_bytes(change(content))
    (folder / f"{name}.csv").unlink()


@pytest.mark.parametrize(
    ("harm", "where"),
    [
        (lambda folder: damage(folder, "train", lambda content: content[: len(content) // 2]), "train.csv.gz"),
        (lambda folder: damage(folder, "train", lambda content: content[:-4] + b"\0\0\0\0"), "train.csv.gz"),
        (lambda folder: damage(folder, "val", lambda content: b"no gzip at all"), "val.csv.gz"),
        (lambda folder: (folder / "test.csv").write_bytes(b""), "test.csv"),
        (lambda folder: (folder / "test.csv").write_bytes(b"\xff\xfe\x00\x01" * 100), "test.csv"),
        (
            lambda folder: damage(folder, "train", lambda content: content[:5000] + b"\xff" * 500 + content[5500:]),
            "train.csv.gz",
        ),
    ],
)  # fmt: skip
def test_doctor_names_a_table_that_can_not_be_read(command_line, copy, harm, where):
    harm(copy)
    refused(command_line("doctor", "data", copy), f"{copy / where}: ")


def test_doctor_on_no_data(command_line, tmp_path):
    refused(command_line("doctor", "data", tmp_path), str(tmp_path), "is here")
    refused(command_line("doctor", "data", tmp_path / "nowhere"), "no such folder")


def test_doctor_on_no_model(command_line, tmp_path, prepared):
    refused(command_line("doctor", "model", tmp_path / "nowhere"), "no such adapter folder", "rook-bench train")
    refused(command_line("doctor", "model", prepared), "neither an adapter (adapter_config.json) nor a model")
