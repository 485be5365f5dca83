"""A training run from a prepared folder to an adapter folder, on models of a few thousand parameters."""

import json
import shutil

import numpy as np
import pytest
import yaml

from rook_bench.core import ConfigError, InputError
from rook_bench.core.hashing import sha256_file
from rook_bench.language.adapter import load_adapter
from rook_bench.language.manifest import read_manifest
from rook_bench.language.template import load_template
from rook_bench.sources.decide import Source

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytestmark = pytest.mark.usefixtures("no_picture")

from rook_bench.training.data import draw_rows  # noqa: E402
from rook_bench.training.fit import train  # noqa: E402


@pytest.fixture
def fit(prepared, mini_settings, tmp_path):
    """Train into a folder of this test; what was said is in `fit.said`."""

    def run(name="adapter", data=prepared, **changes):
        run.said.clear()
        return train(data, tmp_path / name, mini_settings(**changes), say=run.said.append)

    run.said = []
    return run


def weights(folder, name="adapter_model.safetensors"):
    from safetensors.torch import load_file

    return load_file(folder / name)


def history(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_folder_holds_what_it_should(mini_adapter):
    assert {path.name for path in mini_adapter.iterdir()} == {
        ".rook-bench", "README.md", "adapter_config.json", "adapter_model.safetensors", "metrics.jsonl", "rook.json",
        "tokenizer.json", "tokenizer_config.json", "training.png",
    }  # fmt: skip
    assert [path.name for path in mini_adapter.parent.iterdir()] == [mini_adapter.name]
    assert (mini_adapter / "training.png").read_bytes().startswith(b"\x89PNG")


def test_the_record_is_complete(mini_adapter, mini_base, prepared):
    manifest = read_manifest(mini_adapter)
    assert manifest.kind == "lora"
    assert manifest.template == load_template("codes").bare
    assert manifest.base.reference == str(mini_base)
    assert manifest.files == {name: sha256_file(mini_adapter / name) for name in (
        "adapter_config.json", "adapter_model.safetensors", "tokenizer.json", "tokenizer_config.json",
    )}  # fmt: skip
    facts = manifest.training
    assert facts["rows"] == {"train": 64, "validation": 64}
    assert sum(facts["labels"].values()) == 64
    assert facts["lora_targets"] == ["c_attn", "c_proj"]
    assert facts["trainable_parameters"] == sum(tensor.numel() for tensor in weights(mini_adapter).values())
    assert facts["trainable_parameters"] < facts["parameters"]
    assert set(facts["versions"]) >= {"torch", "transformers", "peft"}
    assert facts["epochs"] == 1.0
    assert facts["validation"].keys() >= {"macro_f1", "nll", "ece", "mse_size"}
    shares = np.array([facts["labels"][side] for side in ("BUY", "HOLD", "SELL")])
    assert (shares * np.array(manifest.weights)).sum() == pytest.approx(64)
    prompt, _, _ = facts["example"].rpartition(" buy")
    assert prompt or " sell" in facts["example"]


def test_the_history_is_of_losses_by_part(mini_adapter, mini_adapter_words):
    for folder, parts in ((mini_adapter, 5), (mini_adapter_words, 5)):
        epochs = [entry for entry in history(folder) if "eval_nll" in entry]
        assert len(epochs) == 1
        for prefix in ("eval_loss_", "train_loss_"):
            found = {key.removeprefix(prefix) for key in epochs[0] if key.startswith(prefix)}
            assert found == {"side", "size", "slippage", "deadline", "end", "all"}
            assert len(found) == parts + 1


def test_the_card_has_a_head_and_the_numbers(mini_adapter, mini_base):
    text = (mini_adapter / "README.md").read_text()
    _, head, body = text.split("---\n", 2)
    told = yaml.safe_load(head)
    (index,) = told.pop("model-index")
    assert told == {
        "library_name": "peft",
        "base_model": str(mini_base),
        "pipeline_tag": "text-generation",
        "tags": ["rook-bench", "trading", "lora"],
    }
    facts = read_manifest(mini_adapter).training
    (results,) = index["results"]
    assert results["dataset"]["revision"] == facts["data_hash"]
    assert {one["type"]: one["value"] for one in results["metrics"]}["macro_f1"] == facts["validation"]["macro_f1"]
    assert f"| macro-F1 | {facts['validation']['macro_f1']:.4f} |" in body
    assert facts["example"] in body
    assert "Not for trading" in body


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("which", ["mini_adapter", "mini_adapter_words"])
def test_plain_peft_loads_it(request, which, mini_base):
    """Nobody needs this project to use an adapter: peft alone gives the same function."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = request.getfixturevalue(which)
    base = AutoModelForCausalLM.from_pretrained(mini_base)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens = torch.tensor([tokenizer(read_manifest(folder).training["example"])["input_ids"]])
    with torch.inference_mode():
        untrained = base.eval()(input_ids=tokens).logits
        plain = PeftModel.from_pretrained(base, folder).eval()(input_ids=tokens).logits
        ours = load_adapter(folder, device="cpu").model(input_ids=tokens).logits
        unmerged = load_adapter(folder, merge=False, device="cpu").model(input_ids=tokens).logits
    torch.testing.assert_close(ours, plain, atol=1e-4, rtol=0)
    torch.testing.assert_close(unmerged, plain, atol=1e-5, rtol=0)
    assert float((plain - untrained).abs().max()) > 1e-2


def test_two_runs_are_the_same_to_the_bit(fit):
    folders = [fit(name, num_epochs=2).folder for name in ("one", "two")]
    first, second = (weights(folder) for folder in folders)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name
    records = [read_manifest(folder).model_dump() for folder in folders]
    for record in records:
        record["training"].pop("seconds")
    assert records[0] == records[1]


def test_seeds_differ(fit):
    first, second = (weights(fit(f"seed{seed}", seed=seed).folder) for seed in (0, 1))
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_every_epoch_has_an_order_of_its_own(fit, monkeypatch):
    from rook_bench.training.trainer import LengthBatches

    orders = {}
    iterate = LengthBatches.__iter__

    def watched(self):
        order = list(iterate(self))
        orders[self.epoch] = tuple(order)
        return iter(order)

    monkeypatch.setattr(LengthBatches, "__iter__", watched)
    fit(num_epochs=3)
    assert sorted(orders) == [0, 1, 2]
    assert len(set(orders.values())) == 3


def nll_of(folder, prepared):
    """Validation likelihood of a saved adapter, without its temperature."""
    from rook_bench.language.scoring import Scorer
    from rook_bench.training.data import read_training_data
    from rook_bench.training.evaluation import judge_answers

    adapter = load_adapter(folder, device="cpu")
    manifest = adapter.manifest.model_copy(update={"temperature": 1.0})
    data = read_training_data(prepared, manifest.template)
    rows = draw_rows(data.val, 64, manifest.training["settings"]["seed"])
    answers = Scorer(adapter.model, adapter.encoder, manifest)([data.prompts.texts[row] for row in rows])
    return judge_answers(answers, [data.labels[row] for row in rows], manifest)["nll"]


def test_the_best_epoch_is_kept(fit, prepared):
    """A rate that is far too high makes later epochs worse than an earlier one."""
    done = fit(num_epochs=4, learning_rate=0.3, patience=0, seed=1)
    measured = [entry["eval_nll"] for entry in history(done.folder) if "eval_nll" in entry]
    assert len(measured) == 4
    best = int(np.argmin(measured))
    assert done.manifest.training["best_epoch"] == best + 1
    assert measured[-1] > measured[best], "the last epoch is the best one, so nothing was tested"
    assert nll_of(done.folder, prepared) == pytest.approx(measured[best], abs=1e-4)


def test_training_stops_when_nothing_gets_better(fit):
    done = fit(num_epochs=12, learning_rate=0.3, patience=1, seed=3)
    measured = [entry["eval_nll"] for entry in history(done.folder) if "eval_nll" in entry]
    assert len(measured) < 12
    assert done.manifest.training["epochs"] == len(measured)
    assert done.manifest.training["best_epoch"] == len(measured) - 1


def test_part_of_an_epoch(fit):
    done = fit(num_epochs=0.5)
    assert done.manifest.training["epochs"] == pytest.approx(0.5)
    assert done.validation["nll"] > 0


def test_more_rows_than_there_are(fit):
    done = fit(max_samples=100_000, max_eval_samples=100_000)
    assert done.manifest.training["rows"] == {"train": 929, "validation": 121}


def test_small_batches_are_accumulated(fit):
    done = fit(batch_size=1, max_samples=40)
    steps = max(entry["step"] for entry in history(done.folder))
    assert steps == 10


def test_another_architecture(fit, fresh_models, mini_qwen, short_tape):
    done = fit(model=str(mini_qwen), template="numbers")
    names = ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert done.manifest.training["lora_targets"] == names
    # In this order whatever the process: peft keeps a set, and equal runs are to give equal files.
    assert json.loads((done.folder / "adapter_config.json").read_text())["target_modules"] == names
    decisions = Source.parse(f"lora:{done.folder}").ask(short_tape[:60])
    assert not np.isnan(decisions.confidence[1:]).any()


# Full fine-tuning.


@pytest.fixture(scope="module")
def full(prepared, mini_settings, mini_base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("full") / "full"
    base = tmp_path_factory.mktemp("bases") / "moves"
    shutil.copytree(mini_base, base)
    train(prepared, folder, mini_settings(method="full", model=str(base)), say=lambda line: None)
    return folder, base


def test_full_fine_tuning_decides(full, fresh_models, short_tape):
    folder, _ = full
    manifest = read_manifest(folder)
    assert manifest.kind == "full"
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(manifest.files)
    assert manifest.training["trainable_parameters"] == manifest.training["parameters"]
    tuned, base = (Source.parse(f"{kind}:{folder}").ask(short_tape) for kind in ("lora", "base"))
    assert tuned.content_hash != base.content_hash
    assert "adapter_model.safetensors" not in manifest.files
    assert yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])["library_name"] == "transformers"


def test_a_full_model_needs_no_base(full, fresh_models, short_tape, tmp_path):
    folder, base = full
    moved = base.rename(tmp_path / "elsewhere")
    try:
        Source.parse(f"lora:{folder}").ask(short_tape[:30])
        with pytest.raises(InputError, match=r"the adapter's base .*moves is not here; name it with"):
            Source.parse(f"base:{folder}").ask(short_tape[:30])
        Source.parse(f"base:{folder},base={moved}").ask(short_tape[:30])
    finally:
        moved.rename(base)


# What is not used, and what is refused.


def test_the_test_split_is_not_read(fit, prepared, tmp_path):
    first = weights(fit("one").folder)
    shutil.copytree(prepared, tmp_path / "data")
    (tmp_path / "data" / "test.parquet").write_bytes(b"\xff\x00 not a table")
    second = weights(fit("two", data=tmp_path / "data").folder)
    assert all(torch.equal(first[name], second[name]) for name in first)


def leaves_nothing(tmp_path, *kept):
    return {path.name for path in tmp_path.iterdir()} <= set(kept)


def test_rows_of_one_class_are_refused(fit, tmp_path, prepared):
    """Eight rows of a tape that holds nine times in ten."""
    from rook_bench.training.data import read_training_data

    data = read_training_data(prepared, load_template("codes"))
    seed = next(seed for seed in range(50) if len(set(data.side[draw_rows(data.train, 8, seed)])) == 1)
    with pytest.raises(InputError, match="max_samples") as caught:
        fit(max_samples=8, seed=seed)
    assert "\n" not in str(caught.value)
    assert leaves_nothing(tmp_path)


def test_training_that_diverges_is_one_line(fit, tmp_path):
    with pytest.raises(InputError, match="not a number.*diverged") as caught:
        fit(learning_rate=1e30)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "adapter").exists()


def test_unknown_layers_are_refused_before_anything_is_written(fit, tmp_path):
    with pytest.raises(ConfigError, match="the model has no layer 'q_proj'"):
        fit(lora_targets=["q_proj"])
    assert leaves_nothing(tmp_path)


def test_a_model_too_short_for_the_prompt_is_refused(fit, tmp_path, mini_base):
    from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(mini_base)
    short = tmp_path / "short"
    GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_positions=40, n_embd=8, n_layer=1, n_head=1)).save_pretrained(short)  # fmt: skip
    tokenizer.save_pretrained(short)
    with pytest.raises(InputError, match=r"an example of \d+ tokens does not fit a model of 40"):
        fit(model=str(short), template="rook-v1")
    assert leaves_nothing(tmp_path, "short")


def test_a_foreign_output_folder_is_kept(fit, tmp_path):
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "thesis.txt").write_text("years")
    with pytest.raises(InputError, match="did not write"):
        fit()
    assert (tmp_path / "adapter" / "thesis.txt").read_text() == "years"
    assert leaves_nothing(tmp_path, "adapter")


def test_an_earlier_adapter_is_replaced(fit):
    first = fit(seed=0)
    second = fit(seed=1)
    assert first.folder == second.folder
    assert read_manifest(second.folder).training["settings"]["seed"] == 1


def test_what_is_said_before_training(fit):
    fit(template="rook-v1")
    said = "\n".join(fit.said)
    assert "64 of 929 train rows, 121 validation rows: BUY " in said
    assert "class weights in the loss (sqrt): BUY " in said
    assert "prompt ceiling of rook-v1 (macro-F1 on validation): boosted trees " in said
    assert "epoch 1: loss " in said
    assert "purge" not in said


def test_the_ceiling_does_not_depend_on_how_many_rows_a_run_draws(fit):
    few, many = fit(max_samples=40), fit(max_samples=400)
    assert few.ceiling == many.ceiling
    assert few.ceiling.carries
    assert not any(line.startswith("warning: ") for line in fit.said)


def test_unpurged_splits_are_remarked(fit, tmp_path, root):
    from rook_bench.dataset.prepare import prepare
    from rook_bench.dataset.rules import Rules
    from rook_bench.market.simulation.simulate import simulate

    rules = Rules.from_file(root / "strategies" / "data_driven.json")
    prepare(simulate(1500, np.random.default_rng(7)), rules, tmp_path / "rook", compat_rook=True)
    fit(data=tmp_path / "rook")
    assert any("no purge between train and validation" in line for line in fit.said)
