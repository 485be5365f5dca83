"""From a folder of anybody's to a verdict: adopted, calibrated, compared, gated, promoted."""

import json
import shutil

import numpy as np
import pytest
from foreign_models import chat_model

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.gates.checks.training_data import training_data
from rook_bench.gates.policy import Policy
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.metrics import analyse
from rook_bench.replay import replay

pytest.importorskip("torch", reason="the train extra is not installed")


# Calibration.


def test_a_calibrated_model_has_the_temperature_and_the_sizes_of_the_data(
    tiny_adapter, prepared, tmp_path, fresh_models
):
    """An adapter of ours as if it were anybody's, with its probabilities sharpened: the temperature undoes that."""
    folder = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, folder)
    (folder / "rook.json").unlink()
    heard = []
    plain = rook.adopt(folder, "codes", base="rook-tiny")
    done = rook.adopt(
        folder, "codes", base="rook-tiny", calibrate=prepared, tick=lambda done, of: heard.append((done, of))
    )
    told = done.manifest.adopted.calibrated
    assert told["error_after"] <= told["error_before"]
    assert done.manifest.temperature != 1
    assert heard[-1] == (told["rows"], told["rows"])
    assert {size for size, _, _ in done.manifest.answers["BUY"]} == {0.05, 0.08}
    assert plain.manifest.answers == {}
    assert plain.manifest.adopted.calibrated is None
    assert adapter_hash(done.folder) != plain.manifest.base.sha256


def test_what_is_written_has_nothing_to_calibrate(mini_base, prepared, tmp_path):
    folder = chat_model(mini_base, tmp_path / "chat", "{% for m in messages %}{{ m.content }}{% endfor %}")
    with pytest.raises(InputError, match="there is nothing to calibrate"):
        rook.adopt(folder, "reasoning", calibrate=prepared)


# What it learned from.


def checked(folder, frame, **evidence):
    policy = Policy.parse({"evidence": {"training_data": "known"} | evidence}, where="test").evidence
    return training_data(policy, analyse(replay(frame, f"lora:{folder}")))


def test_what_it_learned_from_is_asked_for(foreign, prepared, tape, tmp_path, fresh_models):
    from rook_bench.dataset.split_tapes import split_tape

    folder = foreign(folder=tmp_path / "adapter")
    elsewhere, seen = tape[:200], split_tape(prepared, "validation").read()[:150]
    rook.adopt(folder, "codes")
    found = checked(folder, elsewhere)
    assert found.status == "inconclusive"
    assert "rook-bench adopt --trained-on" in found.detail
    rook.adopt(folder, "codes", trained_on=["nothing"])
    assert checked(folder, elsewhere).status == "pass"
    rook.adopt(folder, "codes", trained_on=[prepared])
    assert checked(folder, elsewhere).status == "pass"
    assert checked(folder, seen).status == "invalid"
    # What its temperature was fitted on is known where nobody says what it was taught.
    rook.adopt(folder, "codes", calibrate=prepared)
    assert checked(folder, seen).status == "invalid"
    found = checked(folder, elsewhere)
    assert found.status == "inconclusive"
    assert "what it was taught isn't known" in found.detail


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"trained_on": ["nothing", "data/sample.parquet"]}, "from nothing and from something"),
        ({"trained_on": ["absent.parquet"]}, "absent.parquet"),
        ({"template": "cods"}, "did you mean 'codes'"),
        ({"calibrate": "absent"}, "absent"),
        ({"base": "absent/folder/of"}, "no such model folder"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(arguments, words, foreign, tmp_path):
    folder = foreign(folder=tmp_path / "adapter")
    with pytest.raises((InputError, ConfigError, rook.RookError), match=words):
        rook.adopt(**{"model": folder, "template": "codes"} | arguments)
    assert not (tmp_path / "adapter.rook.json").exists()


# Names.


def test_a_base_by_its_name(project, fresh_models, short_tape, command_line):
    code, printed, err = command_line("adopt", "rook-tiny", "--template", "codes", "--trained-on", "nothing")
    assert code == 0, err
    assert "source: model:" in printed
    assert (project / "models" / "adopted" / "rook-tiny.rook.json").is_file()
    first = rook.Source.parse("model:rook-tiny").ask(short_tape)
    assert (
        first.content_hash
        == rook.Source.parse(f"model:{project}/models/adopted/rook-tiny").ask(short_tape).content_hash
    )


def test_a_model_of_the_hub_is_pinned(
    project, hub, foreign, mini_base, tmp_path, fresh_models, short_tape, command_line
):
    """Fetched once for each commit, without what is code or a pickle; the name finds it, with its commit or without."""
    made = foreign(folder=tmp_path / "made")
    shape = json.loads((made / "adapter_config.json").read_text())
    (made / "adapter_config.json").write_text(json.dumps(shape | {"base_model_name_or_path": "somebody/base"}))
    hub.put("somebody/base", mini_base)
    commit = hub.put("her/trader", made, **{"training_args.bin": b"a pickle", "modeling.py": b"raise SystemExit"})
    code, printed, err = command_line("adopt", "her/trader", "--template", "codes", "--base", mini_base, "--json")
    assert code == 0, err
    told = json.loads(printed)
    assert told["adopted"]["revision"] == commit
    folder = project / "models" / "adopted" / f"her--trader@{commit[:12]}"
    assert {path.name for path in folder.iterdir()} - {".rook-bench"} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    decided = rook.Source.parse(f"lora:her/trader@{commit[:12]}").ask(short_tape)
    assert rook.Source.parse("lora:her/trader").ask(short_tape).content_hash == decided.content_hash
    fetched = [path for method, path in hub.asked if method == "GET" and "resolve" in path]
    command_line("adopt", f"her/trader@{commit}", "--template", "codes", "--base", mini_base)
    assert [path for method, path in hub.asked if method == "GET" and "resolve" in path] == fetched
    assert not any(path.endswith((".py", ".bin")) for path in fetched)
    second = hub.put("her/trader", made, **{"notes.json": b"{}"})
    command_line("adopt", "her/trader", "--template", "codes", "--base", mini_base)
    with pytest.raises(InputError, match=f"several commits of it were adopted; say which: .*{second[:12]}"):
        rook.Source.parse("lora:her/trader").ask(short_tape)


def test_the_base_of_an_adapter_may_be_on_the_hub(project, hub, foreign, mini_base, tmp_path):
    made = foreign(folder=tmp_path / "made")
    shape = json.loads((made / "adapter_config.json").read_text())
    (made / "adapter_config.json").write_text(json.dumps(shape | {"base_model_name_or_path": "somebody/base"}))
    hub.put("somebody/base", mini_base)
    done = rook.adopt(made, "codes")
    assert done.manifest.base.reference == "somebody/base"
    assert done.manifest.adopted.difference < 1e-5


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody/nothing", "the hub knows no such model"),
        ("gated/model", "to those only who accepted its terms; set HF_TOKEN"),
        ("pickled/model", "pytorch_model.bin is a pickle, which may run code when it is opened"),
        ("somebody/base@v9", "the hub knows no such revision"),
        ("no/such/folder", "no such folder; give a folder, or a name of the hub"),
        ("rook-tine", "no such folder; give a folder, or a name of the hub"),
    ],
)
def test_what_the_hub_does_not_give(name, words, project, hub, mini_base, tmp_path, command_line):
    hub.put("somebody/base", mini_base)
    hub.gated.add("gated/model")
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"\x80")
    hub.put("pickled/model", tmp_path / "pickled")
    code, printed, err = command_line("adopt", name, "--template", "codes")
    assert (code, printed) == (3, "")
    assert words in err.splitlines()[-1]
    assert not (project / "models" / "adopted").exists() or not list((project / "models" / "adopted").iterdir())


def test_no_network_is_one_line(project, monkeypatch, command_line):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    code, _, err = command_line("adopt", "her/trader", "--template", "codes")
    assert code == 3
    assert "the hub can't be reached, or does not give it" in err.splitlines()[-1]


# The way to a verdict.


def test_a_run_of_another_trainer_is_adopted_compared_and_gated(
    prepared, mini_base, tmp_path, fresh_models, few_pictures, command_line, root
):
    """TRL's SFTTrainer with the seed's settings, on prompts and answers as text: two commands from there to a verdict."""
    trl = pytest.importorskip("trl", reason="trl is not installed (make setup-dev-train)")
    from datasets import Dataset
    from peft import LoraConfig

    from rook_bench.language.template import load_template
    from rook_bench.training.data import read_training_data

    template = load_template("rook-v1")
    data = read_training_data(prepared, template)
    rows = []
    for row in data.train[:64]:
        label = data.labels[row]
        pieces = template.answer.pieces(label.side, label.size, label.slippage_bps, label.deadline_s)
        rows.append({"prompt": data.prompts.texts[row], "completion": "".join(text for _, text in pieces)})
    arguments = trl.SFTConfig(
        output_dir=str(tmp_path / "out"), max_steps=8, per_device_train_batch_size=8, report_to=[], use_cpu=True, bf16=False,
        save_steps=8, disable_tqdm=True, learning_rate=5e-3,
    )  # fmt: skip
    lora = LoraConfig(
        r=16,
        lora_alpha=32,
        lora_dropout=0.1,
        target_modules=["c_attn", "c_proj"],
        task_type="CAUSAL_LM",
        fan_in_fan_out=True,
    )
    trainer = trl.SFTTrainer(str(mini_base), args=arguments, train_dataset=Dataset.from_list(rows), peft_config=lora)
    trainer.train()
    trainer.save_model()
    assert (tmp_path / "out" / "training_args.bin").is_file(), "trainers leave a pickle beside their adapters"
    tape = root / "data" / "sample.parquet"
    code, printed, err = command_line("adopt", tmp_path / "out", "--template", "rook-v1", "--trained-on", prepared)
    assert code == 0, err
    source = printed.splitlines()[-1].removeprefix("source: ")
    assert source == f"lora:{tmp_path / 'out'}"
    code, printed, err = command_line(
        "compare", tape, "--limit", 700, "--source", source, "--source", "rules:data_driven", "--out", tmp_path / "c", "--no-report"
    )  # fmt: skip
    assert code == 0, err
    assert "lora:out" in printed
    code, printed, err = command_line(
        "gate", "--policy", "first-champion", "--candidate", source, "--data", tape, "--limit", 700, "--out", tmp_path / "v"
    )  # fmt: skip
    assert code in (0, 1, 2), err
    verdict = json.loads((tmp_path / "v" / "verdict.json").read_text())
    assert verdict["candidate"]["adapter_hash"] == adapter_hash(tmp_path / "out")
    named = {check["name"]: check["status"] for check in verdict["checks"]}
    assert (named["look-ahead"], named["training data"]) == ("pass", "pass")


def test_the_command_says_what_it_found(foreign, tmp_path, command_line, prepared):
    folder = foreign(folder=tmp_path / "adapter", use_dora=True)
    code, printed, err = command_line("adopt", folder, "--template", "codes", "--calibrate", prepared)
    assert code == 0, err
    lines = printed.splitlines()
    assert lines[0].startswith("adapter of ")
    assert lines[1].startswith("scores: within ")
    assert lines[2].startswith("calibrated: temperature ")
    assert lines[3].startswith("sample decision: side ")
    assert lines[-2:] == [f"record: {tmp_path / 'adapter.rook.json'}", f"source: lora:{folder}"]
    assert "what it learned from isn't said" in err
    code, printed, _ = command_line("adopt", folder, "--template", "codes", "--json")
    told = json.loads(printed)
    assert told["source"] == f"lora:{folder}"
    assert np.isclose(sum(told["sample"]["probabilities"].values()), 1, atol=1e-3)


def test_the_doctor_explains_what_was_adopted_and_what_was_not(foreign, tmp_path, command_line, prepared, mini_base):
    folder = foreign(folder=tmp_path / "adapter", use_rslora=True)
    code, printed, _ = command_line("doctor", "model", folder, "--json")
    told = json.loads(printed)
    assert code == 0
    assert told["to ask it"] == f"rook-bench adopt {folder} --template NAME_OR_FILE"
    assert (told["base"], told["lora"]["rank-stabilised"]) == (str(mini_base), True)
    rook.adopt(folder, "codes", calibrate=prepared)
    code, printed, _ = command_line("doctor", "model", folder, "--json")
    told = json.loads(printed)
    assert told["learned from"].startswith("not said; its calibration: swaps until ")
    assert told["adopted"]["source"] == str(folder)
    assert set(told["sample decision"]["probabilities"]) == {"BUY", "HOLD", "SELL"}
    config = json.loads((mini_base / "config.json").read_text())
    shutil.copytree(mini_base, tmp_path / "odd")
    (tmp_path / "odd" / "config.json").write_text(json.dumps(config | {"model_type": "abacus"}))
    code, printed, _ = command_line("doctor", "model", tmp_path / "odd")
    assert code == 0
    assert "can't be asked: " in printed
    assert "transformers knows no architecture 'abacus'" in printed


def test_a_child_of_lessons_that_nobody_told_has_lessons_that_nobody_knows(foreign, prepared, tmp_path, mini_settings):
    """Drafts taught to an adopted adapter: what the parent was taught is part of what the child was."""
    from rook_bench.training.fit import train

    folder = foreign(folder=tmp_path / "adapter")
    rook.teach(prepared, tmp_path / "drafts.jsonl", "rules:data_driven", rows=64)
    for name, told in (("unknown", {"calibrate": prepared}), ("nothing", {"trained_on": ["nothing"]})):
        rook.adopt(folder, "codes", **told)
        train(
            prepared,
            tmp_path / name,
            mini_settings(),
            drafts=tmp_path / "drafts.jsonl",
            parent=folder,
            say=lambda line: None,
        )
        child = read_manifest(tmp_path / name)
        assert child.lessons_known == (name == "nothing")
        assert (child.learned_from is None) == (name == "unknown")
