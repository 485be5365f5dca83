"""Any base and any shape of adapter: what was trained decides as PEFT itself would, and nothing is taught wrongly."""

import json

import numpy as np
import pytest
from foreign_models import chat_model, independent, model_of

from rook_bench.core import ConfigError, InputError, Side
from rook_bench.language.adapter import load_adapter
from rook_bench.language.draft_scoring import scorer
from rook_bench.language.manifest import read_manifest
from rook_bench.training.data import read_training_data
from rook_bench.training.examples import Collator, make_examples
from rook_bench.training.fit import train
from rook_bench.training.loss import completion_loss
from rook_bench.training.settings import TrainSettings, load_settings

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytestmark = pytest.mark.usefixtures("no_picture")


@pytest.fixture
def fit(prepared, mini_settings, tmp_path):
    """Train with changed settings; returns the adapter's folder and what was said."""

    def make(**changes):
        said = []
        train(prepared, tmp_path / "adapter", mini_settings(**changes), say=said.append)
        return tmp_path / "adapter", said

    return make


def base_of(model_type, mini_base, folder, **shape):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(mini_base)
    model_of(model_type, len(tokenizer), **shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {"lora_targets": "all-linear"},
        {"lora_targets": "c_attn, c_fc"},
        {"lora_dora": True},
        {"lora_rs": True, "lora_r": 64},
        {"gradient_checkpointing": True},
    ],
    ids=str,
)
def test_each_shape_decides_as_peft_would(fit, mini_base, prepared, changes):
    folder, _ = fit(**changes)
    loaded = load_adapter(folder)
    prompts = [text for text in read_training_data(prepared, loaded.manifest.template).prompts.texts if text][:3]
    for prompt, answer in zip(prompts, scorer(loaded.model, loaded.encoder, loaded.manifest)(prompts), strict=True):
        np.testing.assert_allclose(answer.scores, independent(folder, mini_base, loaded.encoder, prompt), atol=1e-5)
    shape = json.loads((folder / "adapter_config.json").read_text())
    assert (shape["use_dora"], shape["use_rslora"]) == (changes.get("lora_dora", False), changes.get("lora_rs", False))
    if changes.get("lora_targets") == "all-linear":
        assert shape["target_modules"] == ["c_attn", "c_fc", "c_proj"]


def test_activations_computed_again_change_nothing(prepared, mini_settings, tmp_path):
    for name, again in (("kept", False), ("again", True)):
        train(prepared, tmp_path / name, mini_settings(gradient_checkpointing=again), say=lambda line: None)
    from safetensors.torch import load_file

    kept, again = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("kept", "again"))
    for name, tensor in kept.items():
        torch.testing.assert_close(again[name], tensor, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model_type", ["gemma2", "granite", "llama", "mamba"])
def test_the_loss_is_that_of_the_model_itself(model_type, mini_base, prepared, tmp_path):
    """Capped and scaled logits are what is taught, as they are what is scored."""
    from transformers import AutoTokenizer

    from rook_bench.language.template import load_template
    from rook_bench.language.tokens import Encoder

    tokenizer = AutoTokenizer.from_pretrained(mini_base)
    model, template = model_of(model_type, len(tokenizer)), load_template("codes")
    encoder, data = Encoder(tokenizer, template), read_training_data(prepared, template)
    examples = make_examples(data, data.train[:6], encoder, [[1.0, 1.0, 1.0]])
    batch = Collator(encoder.end)(examples)
    loss, each, _ = completion_loss(model, batch)
    expected = []
    for example in examples:
        ids = torch.tensor([example["input_ids"]])
        with torch.no_grad():
            told = torch.log_softmax(model(ids, use_cache=False).logits[0].double(), dim=1)
        places = [place for place, part in enumerate(example["parts"]) if part != -1]
        expected += [-float(told[place - 1, example["input_ids"][place]]) for place in places]
    np.testing.assert_allclose(each.double().numpy(), expected, atol=1e-4)
    assert float(loss) == pytest.approx(np.mean(expected), abs=1e-4)


@pytest.mark.parametrize("model_type", ["gemma2", "mamba"])
def test_a_base_of_another_architecture_is_trained(model_type, fit, mini_base, tmp_path, fresh_models, short_tape):
    from rook_bench.sources import Source

    base = base_of(model_type, mini_base, tmp_path / "base")
    targets = {"mamba": "in_proj,x_proj"}.get(model_type, "all-linear")
    folder, _ = fit(model=str(base), lora_targets=targets)
    tape = Source.parse(f"lora:{folder}").ask(short_tape)
    assert np.isfinite(tape.confidence[tape.asked]).all()


def test_a_chat_model_is_taught_in_its_own_form(fit, mini_base, tmp_path, fresh_models, short_tape):
    from rook_bench.sources import Source

    base = chat_model(mini_base, tmp_path / "chat")
    folder, said = fit(model=str(base), template="chat", max_samples=32)
    manifest = read_manifest(folder)
    assert manifest.template.chat is not None
    assert {values[0] for side in (Side.BUY, Side.SELL) for values in manifest.values(side)} == {0.05}
    tape = Source.parse(f"lora:{folder}").ask(short_tape)
    assert set(tape.size[tape.trades]) <= {0.05}
    assert load_adapter(folder).encoder.shown("x").endswith("[assistant] ")


def test_answers_of_json_are_not_taught(fit, tmp_path):
    with pytest.raises(InputError, match="they are read, and can't be taught"):
        fit(template="reasoning")
    assert not (tmp_path / "adapter").exists()


def test_what_it_will_take_is_said_before(fit):
    _, said = fit()
    (line,) = [line for line in said if line.startswith("expected: ")]
    assert line.startswith("expected: less than a minute of training on cpu (4 batches of 16), 0.0 GB")
    epochs = [place for place, one in enumerate(said) if one.startswith("epoch")]
    assert said.index(line) < min(epochs, default=len(said))


def test_layers_by_one_text():
    assert TrainSettings(lora_targets="all-linear").lora_targets == ["all-linear"]
    assert load_settings(None, lora_targets="q_proj, v_proj").lora_targets == ["q_proj", "v_proj"]
    with pytest.raises(ConfigError, match="lora_targets"):
        load_settings(None, lora_targets=3)


def test_the_flags_of_the_command(prepared, mini_base, tmp_path, command_line):
    code, _, err = command_line(
        "train", "--data-dir", prepared, "--output-dir", tmp_path / "adapter", "--model", mini_base, "--epochs", 1,
        "--max-samples", 64, "--lora-targets", "all-linear", "--dora", "--rslora", "--gradient-checkpointing",
    )  # fmt: skip
    assert code == 0, err
    told = read_manifest(tmp_path / "adapter").training["settings"]
    assert (told["lora_targets"], told["lora_dora"], told["lora_rs"], told["gradient_checkpointing"]) == (
        ["all-linear"],
        True,
        True,
        True,
    )


def test_flags_that_were_not_set_overrule_nothing(prepared, tmp_path):
    from rook_bench.cli.remote_train import read_flags

    config = tmp_path / "settings.json"
    config.write_text(json.dumps({"lora_dora": True, "gradient_checkpointing": True}))
    call, _, _ = read_flags(["--data-dir", str(prepared), "--output-dir", "out", "--config", str(config)])
    assert (call.settings.lora_dora, call.settings.lora_rs, call.settings.gradient_checkpointing) == (True, False, True)


# On a base in 4 bits.


def test_an_adapter_of_a_base_in_4_bits_is_calibrated_on_the_base_as_it_is(fit, root, prepared):
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (make setup-dev-train)")
    base = root / "models" / "base" / "rook-tiny"
    folder, said = fit(
        load_in_4bit=True, num_epochs=3, max_samples=320, batch_size=32, learning_rate=4e-3, model=str(base)
    )
    plain = read_manifest(folder)
    assert plain.training["settings"]["load_in_4bit"] is True
    shape = json.loads((folder / "adapter_config.json").read_text())
    assert (shape["target_modules"], shape["fan_in_fan_out"]) == (["c_attn", "c_proj"], True)
    loaded = load_adapter(folder)
    data = read_training_data(prepared, loaded.manifest.template)
    prompts = [text for text in data.prompts.texts if text][:3]
    for prompt, answer in zip(prompts, scorer(loaded.model, loaded.encoder, loaded.manifest)(prompts), strict=True):
        # Probabilities: the base's weights are float16 on disk, and PEFT's own model computes in that.
        alone = np.exp(independent(folder, base, loaded.encoder, prompt))
        np.testing.assert_allclose(np.exp(answer.scores), alone, atol=1e-5)
    # It learned: the loss of the last epoch on validation, in 4 bits, is less than that of the first.
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    first, *_, second = [line["eval_nll"] for line in logged if "eval_nll" in line]
    assert second < first
    # What it was measured on in the end is not what it was trained on, and close to it.
    assert plain.training["validation"]["nll"] == pytest.approx(min(first, second), rel=0.2)
    assert plain.training["validation"]["nll"] != min(first, second)
    assert any("GB for weights" in line for line in said)


def test_4_bits_without_its_package_and_for_every_weight_are_refused(fit, mini_settings, monkeypatch):
    with pytest.raises(ConfigError, match="method can't be full"):
        TrainSettings.parse({"load_in_4bit": True, "method": "full"}, where="test")
    found = __import__("importlib").util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "bitsandbytes" else found(name))
    with pytest.raises(InputError, match=r"rook-bench\[quantize\]"):
        fit(load_in_4bit=True)
