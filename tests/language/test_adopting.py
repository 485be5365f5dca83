"""Models that were not trained here: each kind is asked as it is, or refused in one line before it is trusted."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from foreign_models import KINDS, chat_model, independent, model_of

import rook_bench as rook
from rook_bench.core import InputError, Side
from rook_bench.core.hashing import sha256_file
from rook_bench.language import adopt as adopting
from rook_bench.language.adapter import load_adapter
from rook_bench.language.adopt import meet
from rook_bench.language.draft_scoring import scorer
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.language.place import place_of
from rook_bench.language.template import load_template
from rook_bench.workbench.adopt import adopt

torch = pytest.importorskip("torch", reason="the train extra is not installed")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_each_kind_of_adapter_is_asked_as_peft_itself_would(kind, foreign, mini_base):
    folder = foreign(**KINDS[kind])
    before = {path.name: sha256_file(path) for path in folder.iterdir()}
    done = adopt(folder, "rook-v1", base=mini_base)
    assert done.manifest.adopted.difference < 1e-5
    assert {path.name: sha256_file(path) for path in folder.iterdir()} == before, "its folder was written to"
    assert done.record == folder.parent / "adapter.rook.json"
    loaded = load_adapter(folder)
    prompts = adopting.sample_prompts(done.manifest.template)[:3]
    for prompt, answer in zip(prompts, scorer(loaded.model, loaded.encoder, loaded.manifest)(prompts), strict=True):
        np.testing.assert_allclose(answer.scores, independent(folder, mini_base, loaded.encoder, prompt), atol=1e-5)


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("model_type", ["llama", "gemma2", "mamba"])
def test_adapters_of_other_architectures(model_type, tied, foreign, mini_base, tmp_path):
    """A soft cap, an own head, a model without keys and values; all linear layers and the embeddings adapted."""
    base = base_of(model_type, mini_base, tmp_path / "base", tie_word_embeddings=tied)
    names = "all-linear" if model_type != "mamba" else ["in_proj", "x_proj"]
    folder = foreign(
        base,
        folder=tmp_path / "adapter",
        target_modules=names,
        modules_to_save=["embed_tokens"] * (model_type != "mamba") or None,
    )
    done = adopt(folder, "codes")
    assert done.manifest.adopted.difference < 1e-5


def base_of(model_type, mini_base, folder, **shape):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(mini_base)
    model_of(model_type, len(tokenizer), **shape).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_scores_that_are_not_the_models_are_refused(foreign, mini_base, monkeypatch):
    """The check can fail: a merge that loses the adapter is found."""
    folder = foreign()
    monkeypatch.setattr(adopting, "merged", lambda model: model.unload())
    with pytest.raises(InputError, match="its scores differ by .* from those of whole forward passes"):
        meet(folder, load_template("codes"), source="x", base=str(mini_base))


# What is refused, in one line that names the file.


def shape(folder, **changes):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


class Runs:
    """A pickle that makes a file where it is opened."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def pickled(folder, name):
    (folder / name).write_bytes(pickle.dumps(Runs(folder.parent / "opened")))


def only_pickled(folder):
    (folder / "adapter_model.safetensors").unlink()
    pickled(folder, "adapter_model.bin")


def tensors(folder, change, name="adapter_model.safetensors"):
    from safetensors.torch import load_file, save_file

    path = folder / name
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


FAULTS = {
    "a pickle alone": (only_pickled, "adapter_model.bin: a pickle, which may run code when it is opened"),
    "code": (lambda folder: (folder / "modeling_mine.py").write_text("raise SystemExit"), "it holds code"),
    "a link": (
        lambda folder: (folder / "notes.txt").symlink_to(folder / "adapter_config.json"), "a model holds no links",
    ),
    "a module to import": (
        lambda folder: shape(folder, megatron_config={"a": 1}, megatron_core="antigravity"), "megatron_config names a module",
    ),
    "a later PEFT": (
        lambda folder: shape(folder, halves_everything=True, peft_version="9.9.9"),
        "it sets halves_everything, which the PEFT installed here does not know and would pass over (made by PEFT 9.9.9)",
    ),
    "another task": (lambda folder: shape(folder, task_type="SEQ_CLS"), "it was trained for SEQ_CLS"),
    "no such kind": (lambda folder: shape(folder, peft_type="MAGIC"), "PEFT knows no adapter of the type 'MAGIC'"),
    "a rank of millions": (lambda folder: shape(folder, rank_pattern={"c_attn": 30_000_000}), "a rank of 30000000 is none"),
    "a rank of none": (lambda folder: shape(folder, r=0), "a rank of 0 is none"),
    "no configuration": (lambda folder: (folder / "adapter_config.json").write_text("{"), "not valid JSON"),
    "half of the weights": (
        lambda folder: tensors(folder, lambda all_: {name: one for name, one in all_.items() if "c_proj" not in name}),
        "8 of its weights are missing, such as",
    ),
    "weights of another model": (
        lambda folder: tensors(folder, lambda all_: {name.replace(".h.0.", ".blocks.0."): one for name, one in all_.items()}),
        "are for no layer of the base, such as",
    ),
    "cut weights": (
        lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\x10\0\0"), "the weights can't be read",
    ),
    "no base": (lambda folder: shape(folder, base_model_name_or_path=None), "it does not name its base"),
    "a base elsewhere": (
        lambda folder: shape(folder, base_model_name_or_path="/home/her/base"), "its base /home/her/base can't be loaded",
    ),
    "a record of its own": (lambda folder: (folder / "rook.json").write_text("{}"), "it has a record of its own"),
    "nothing": (lambda folder: [path.unlink() for path in folder.iterdir()], "neither an adapter (adapter_config.json) nor"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_refused(fault, foreign, tmp_path, command_line):
    folder = foreign(folder=tmp_path / "adapter")
    change, words = FAULTS[fault]
    change(folder)
    code, printed, err = command_line("adopt", folder, "--template", "codes")
    assert code == 3
    assert printed == ""
    assert words in err
    assert err.splitlines()[-1].startswith(f"rook-bench: {tmp_path}")
    assert not (tmp_path / "adapter.rook.json").exists()
    assert not (tmp_path / "opened").exists()


def test_a_run_of_a_trainer_is_adopted_and_its_pickles_are_not_opened(foreign, tmp_path, fresh_models, short_tape):
    from rook_bench.sources import Source

    folder = foreign(folder=tmp_path / "run")
    for name in ("training_args.bin", "optimizer.pt", "rng_state.pth", "rng_state_1.pth"):
        pickled(folder, name)
    (folder / "checkpoint-5").mkdir()
    pickled(folder / "checkpoint-5", "adapter_model.bin")
    done = adopt(folder, "codes")
    Source.parse(done.reference).ask(short_tape[:120])
    assert not (tmp_path / "opened").exists()


def test_the_adapter_in_a_checkpoint_is_offered(foreign, tmp_path, command_line):
    foreign(folder=tmp_path / "run" / "checkpoint-12")
    code, _, err = command_line("adopt", tmp_path / "run", "--template", "codes")
    assert code == 3
    assert f"did you mean {tmp_path / 'run' / 'checkpoint-12'}?" in err


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "abacus", "auto_map": {"AutoModelForCausalLM": "mine.Model"}, "architectures": ["Abacus"]},
         "Abacus: transformers knows no architecture 'abacus'; the code that its folder brings is not run"),
        ({"model_type": "t5", "is_encoder_decoder": True, "architectures": ["T5ForConditionalGeneration"]},
         "T5ForConditionalGeneration (t5) is no causal language model"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}},
         "its weights are quantised (gptq), which is computed on a GPU"),
    ],
)  # fmt: skip
def test_architectures_are_refused_before_any_weight_is_read(
    changes, words, mini_base, tmp_path, command_line, monkeypatch
):
    folder = tmp_path / "model"
    shutil.copytree(mini_base, folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    (folder / "model.safetensors").write_bytes(b"none of this is read")
    code, _, err = command_line("adopt", folder, "--template", "codes")
    assert code == 3
    assert words in err


def test_added_tokens_without_their_rows_are_refused(foreign, tmp_path, command_line):
    folder = foreign(folder=tmp_path / "adapter", added=600, target_modules=["c_attn", "wte"])
    tensors(folder, lambda all_: {name: one for name, one in all_.items() if "lora_" in name})
    code, _, err = command_line("adopt", folder, "--template", "codes")
    assert code == 3
    assert "it was trained with" in err
    assert "does not bring their rows" in err


# A base in 4 bits.


@pytest.fixture(scope="module")
def in_4_bits(root, tmp_path_factory):
    """rook-tiny in 4 bits, and an adapter that plain PEFT put on it."""
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed (make setup-dev-train)")
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    folder, tiny = tmp_path_factory.mktemp("bits"), root / "models" / "base" / "rook-tiny"
    how = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    model = AutoModelForCausalLM.from_pretrained(
        tiny, quantization_config=how, device_map={"": "cpu"}, dtype=torch.float32
    )
    model.save_pretrained(folder / "base")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(folder / "base")
    torch.manual_seed(5)
    config = LoraConfig(r=8, target_modules=["c_attn", "c_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    get_peft_model(model, config).save_pretrained(folder / "adapter")
    return folder


def test_an_adapter_of_a_base_in_4_bits_is_not_merged_into_it(in_4_bits, tmp_path, fresh_models, short_tape):
    """Merged, it would be rounded to 16 values: probabilities differ by more than half."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    shutil.copytree(in_4_bits / "adapter", tmp_path / "adapter")
    done = rook.adopt(tmp_path / "adapter", "codes", base=in_4_bits / "base")
    assert done.manifest.adopted.difference < 1e-5
    decisions = rook.Source.parse(done.reference).ask(short_tape[:50])
    alone = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(in_4_bits / "base"), tmp_path / "adapter")
    plain = rook.Source.parse(done.reference.replace("lora:", "base:")).ask(short_tape[:50])
    assert decisions.content_hash != plain.content_hash
    import torch

    from rook_bench.language.adapter import load_adapter
    from rook_bench.language.adopt import sample_prompts
    from rook_bench.language.draft_scoring import scorer

    loaded = load_adapter(done.folder)
    prompts = sample_prompts(loaded.manifest.template)[:4]
    for prompt, answer in zip(prompts, scorer(loaded.model, loaded.encoder, loaded.manifest)(prompts), strict=True):
        tokens = loaded.encoder.prompts([prompt])[0]
        with torch.no_grad():
            each = torch.log_softmax(alone.eval()(torch.tensor([tokens])).logits[0, -1].double(), dim=0)
        words = np.array([float(each[loaded.encoder.side(side)[0]]) for side in rook.Side])
        np.testing.assert_allclose(np.exp(answer.scores), np.exp(words) / np.exp(words).sum(), atol=1e-4)


def test_packed_weights_are_under_the_hash(in_4_bits, tmp_path):
    from rook_bench.language.base import load_base

    shutil.copytree(in_4_bits / "base", tmp_path / "base")
    before = load_base(str(tmp_path / "base")).sha256

    def turned(all_):
        name = next(name for name in sorted(all_) if name.endswith("attn.c_attn.weight"))
        all_[name][0] ^= 1
        return all_

    tensors(tmp_path / "base", turned, "model.safetensors")
    assert load_base(str(tmp_path / "base")).sha256 != before


@pytest.mark.parametrize("engine", ["bf16", "int8"])
def test_other_engines_are_refused_for_quantised_weights(engine, in_4_bits, tmp_path, fresh_models, short_tape):
    shutil.copytree(in_4_bits / "base", tmp_path / "base")
    done = rook.adopt(tmp_path / "base", "codes")
    with pytest.raises(InputError, match="quantised already"):
        rook.Source.parse(f"{done.reference},engine={engine}").ask(short_tape[:50])


# Whole models.


def test_a_merged_model_and_a_plain_base(foreign, mini_base, tmp_path, fresh_models, short_tape):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rook_bench.sources import Source

    adapter = foreign(folder=tmp_path / "adapter")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(mini_base), adapter).merge_and_unload()
    model.save_pretrained(tmp_path / "merged", max_shard_size="100kB")
    assert (tmp_path / "merged" / "model.safetensors.index.json").is_file(), "it was to be in several files"
    AutoTokenizer.from_pretrained(mini_base).save_pretrained(tmp_path / "merged")
    shutil.copytree(mini_base, tmp_path / "plain")
    found = {}
    for name in ("adapter", "merged", "plain"):
        done = adopt(tmp_path / name, "codes")
        assert done.reference == f"{'lora' if name == 'adapter' else 'model'}:{tmp_path / name}"
        found[name] = Source.parse(done.reference).ask(short_tape)
    assert (found["adapter"].side == found["merged"].side).all()
    np.testing.assert_allclose(found["adapter"].confidence, found["merged"].confidence, atol=1e-5)
    assert not np.allclose(found["plain"].confidence, found["merged"].confidence, atol=1e-3, equal_nan=True)


@pytest.mark.parametrize("fault", ["missing", "surplus"])
def test_a_model_whose_layers_got_no_weights_is_refused(fault, mini_base, tmp_path, command_line):
    """They would be drawn, anew at each load."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(mini_base, folder)
    if fault == "missing":
        weights = load_file(folder / "model.safetensors")
        save_file(
            {name: one for name, one in weights.items() if ".h.1.mlp." not in name},
            folder / "model.safetensors",
            {"format": "pt"},
        )
    else:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"n_layer": 1}))
    code, _, err = command_line("adopt", folder, "--template", "codes")
    assert code == 3
    assert {"missing": "of its weights are missing", "surplus": "of its weights are for no layer"}[fault] in err


def test_biases_that_are_missing_are_missed(foreign, tmp_path, command_line):
    folder = foreign(folder=tmp_path / "adapter", bias="all")
    tensors(folder, lambda all_: {name: one for name, one in all_.items() if "lora_" in name})
    code, _, err = command_line("adopt", folder, "--template", "codes")
    assert code == 3
    assert "of its weights are missing" in err


def test_a_base_of_the_same_name_is_told(foreign, tmp_path, root):
    base = root / "models" / "base" / "rook-tiny"
    folder = foreign(base, folder=tmp_path / "adapter")
    shape(folder, base_model_name_or_path="/home/her/rook-tiny")
    done = adopt(folder, "codes")
    assert len(done.manifest.adopted.cautions) == 1
    assert "its base /home/her/rook-tiny is not here, and" in done.manifest.adopted.cautions[0]


def test_a_prompt_is_the_same_tomorrow(mini_base, tmp_path):
    """A chat template that tells the date is told a fixed one."""
    folder = chat_model(
        mini_base,
        tmp_path / "chat",
        "{{ strftime_now('%d %b %Y') }} {% for m in messages %}{{ m.content }}{% endfor %}",
    )
    adopt(folder, "chat")
    assert load_adapter(folder).encoder.shown("x").startswith("01 Jan 2025 ")


def test_what_the_source_would_refuse_is_not_adopted(foreign, tmp_path, command_line):
    folder = foreign(folder=tmp_path / "adapter")
    (folder / "additional_chat_templates").mkdir()
    (folder / "runs").mkdir()
    for change in (
        lambda: None,
        lambda: ((folder / "additional_chat_templates").rmdir(), (folder / "runs" / "latest").symlink_to(folder)),
    ):
        change()
        code, _, err = command_line("adopt", folder, "--template", "codes")
        assert code == 3, err
        assert not (tmp_path / "adapter.rook.json").exists()


def test_an_adapter_is_no_model_and_a_model_has_no_base(foreign, tmp_path, mini_base, command_line, root):
    folder = foreign(folder=tmp_path / "adapter")
    adopt(folder, "codes")
    shutil.copytree(mini_base, tmp_path / "plain")
    adopt(tmp_path / "plain", "codes")
    for reference, words in (
        (f"model:{folder}", "it is an adapter, which needs a base; name it as lora:"),
        (f"model:{tmp_path}", "neither an adapter nor a model"),
        (f"lora:{tmp_path / 'absent'}", "no such adapter folder"),
    ):
        code, _, err = command_line(
            "replay", root / "data" / "sample.parquet", "--source", reference, "--out", tmp_path / "r"
        )
        assert code == 3
        assert words in err
    code, _, err = command_line("adopt", tmp_path / "plain", "--template", "codes", "--base", "rook-tiny")
    assert code == 3
    assert "it is a whole model and has no base" in err


# The record.


def test_one_adapter_under_two_prompts(foreign, tmp_path, fresh_models, short_tape):
    """A second record has a name of its own, and lies above the folder that it names."""
    from rook_bench.sources import Source

    folder = foreign(folder=tmp_path / "adapter")
    first = adopt(folder, "codes")
    second = adopt(folder, "numbers", record=tmp_path / "by-numbers.rook.json")
    assert second.reference == f"lora:{tmp_path / 'by-numbers.rook.json'}"
    assert place_of(second.record).folder == folder
    assert read_manifest(second.record).template.name == "numbers"
    assert read_manifest(folder).template.name == "codes"
    assert len({adapter_hash(first.folder), adapter_hash(second.record)}) == 2
    sides = [Source.parse(one.reference).ask(short_tape).confidence for one in (first, second)]
    assert not np.allclose(*sides, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [("x.json", "a record's name ends in .rook.json"), ("adapter/a.rook.json", "beside the model's folder")],
)
def test_a_record_has_its_place(name, words, foreign, tmp_path):
    folder = foreign(folder=tmp_path / "adapter")
    with pytest.raises(InputError, match=words):
        adopt(folder, "codes", record=tmp_path / name)


def test_a_record_leads_nowhere_else(foreign, tmp_path):
    folder = foreign(folder=tmp_path / "her" / "adapter")
    adopt(folder, "codes")
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "a.rook.json"
    told = json.loads((tmp_path / "her" / "adapter.rook.json").read_text())
    path.write_text(json.dumps(told | {"folder": "../her/adapter"}))
    with pytest.raises(InputError, match="which lies elsewhere"):
        read_manifest(path)


def test_a_record_reads_no_file_elsewhere(foreign, tmp_path, command_line, root):
    folder = foreign(folder=tmp_path / "adapter")
    adopt(folder, "codes")
    record = tmp_path / "adapter.rook.json"
    told = json.loads(record.read_text())
    record.write_text(json.dumps(told | {"files": told["files"] | {"../../../../../../proc/self/mem": "0" * 64}}))
    code, _, err = command_line(
        "decide", f"lora:{folder}", root / "data" / "sample.parquet", "--out", tmp_path / "d.csv"
    )
    assert code == 3
    assert "is no file of the adapter's folder" in err.splitlines()[-1]


def test_what_changed_since_is_refused(foreign, tmp_path, short_tape, fresh_models, mini_base):
    """Weights, a base under the same name, and the base's tokenizer."""
    base = tmp_path / "base"
    shutil.copytree(mini_base, base)
    folder = foreign(base, folder=tmp_path / "adapter")
    adopt(folder, "codes")
    before = adapter_hash(folder)
    state = json.loads((base / "tokenizer.json").read_text())
    state["normalizer"] = {"type": "Lowercase"}
    (base / "tokenizer.json").write_text(json.dumps(state))
    with pytest.raises(InputError, match="is not the one that the adapter was adopted with"):
        load_adapter(folder)
    shutil.copyfile(mini_base / "tokenizer.json", base / "tokenizer.json")
    load_adapter(folder)
    tensors(folder, lambda all_: {name: one * 2 for name, one in all_.items()})
    with pytest.raises(InputError, match="its hash differs"):
        load_adapter(folder)
    assert adapter_hash(folder) != before


def test_a_base_is_found_by_its_weights_where_its_name_means_another(
    foreign, mini_base, random_bases, tmp_path, monkeypatch
):
    project = tmp_path / "project"
    (project / "models" / "base").mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    shutil.copytree(mini_base, project / "models" / "base" / "moved")
    folder = foreign(folder=tmp_path / "adapter")
    adopt(folder, "codes", base=mini_base)
    record = tmp_path / "adapter.rook.json"
    random_bases.random_base(tmp_path / "other", 2, 32, 4, vocabulary=3000, seed=1)
    told = json.loads(record.read_text())
    record.write_text(json.dumps(told | {"base": told["base"] | {"reference": str(tmp_path / "other")}}))
    monkeypatch.chdir(project)
    assert load_adapter(folder).model.num_parameters() > 0


# Tokenizers and templates.


def test_a_chat_model_is_asked_in_its_own_form(mini_base, tmp_path, fresh_models, short_tape):
    from rook_bench.sources import Source

    folder = chat_model(mini_base, tmp_path / "chat")
    plain = adopt(folder, "codes")
    assert plain.manifest.adopted.cautions == ["its tokenizer brings a chat template, and template codes is plain text"]
    done = adopt(folder, "chat")
    assert done.manifest.adopted.difference < 1e-5
    shown = load_adapter(folder).encoder.shown(adopting.sample_prompts(done.manifest.template)[0])
    assert shown.startswith("[system] You decide whether to trade")
    assert shown.endswith("Answer with one word: BUY, SELL or HOLD.\n[assistant] ")
    decided = Source.parse(done.reference).ask(short_tape)
    assert set(decided.size[decided.trades]) <= {0.05}


def test_a_chat_template_needs_a_chat_model(mini_base, tmp_path, command_line):
    shutil.copytree(mini_base, tmp_path / "plain")
    code, _, err = command_line("adopt", tmp_path / "plain", "--template", "chat")
    assert code == 3
    assert "template chat is for chat models, and the tokenizer brings no chat template" in err
    assert not (tmp_path / "plain.rook.json").exists()


def test_a_chat_template_that_fails_is_one_line(mini_base, tmp_path, command_line):
    folder = chat_model(mini_base, tmp_path / "chat", "{{ raise_exception('System role not supported') }}")
    code, _, err = command_line("adopt", folder, "--template", "chat")
    assert code == 3
    assert "the tokenizer's chat template fails (System role not supported)" in err


def test_a_joined_word_is_told(mini_base, foreign, tmp_path):
    """A word that the tokenizer joins to the prompt's end was taught by other tokens than are scored."""
    path = tmp_path / "joined.toml"
    template = Path(load_template.__code__.co_filename).parent / "templates" / "codes.toml"
    text = template.read_text().split("[[draft.steps]]")[0]
    text = (
        text.replace('{hour}"', '{hour} bu"')
        .replace('BUY = " buy"', 'BUY = "y"')
        .replace('name = "codes"', 'name = "joined"')
    )
    path.write_text(text)
    done = adopt(foreign(folder=tmp_path / "adapter"), path)
    assert len(done.manifest.adopted.cautions) == 1
    assert "joins the end of a prompt and 'y' to other tokens" in done.manifest.adopted.cautions[0]


def test_sizes_that_nobody_knows_are_written_by_the_model(tiny_adapter, tmp_path, fresh_models, tape):
    """An adapter of ours as if it were anybody's: its own sizes come out, and what can't be read is no answer."""
    from rook_bench.sources import Source

    folder = tmp_path / "adapter"
    shutil.copytree(tiny_adapter, folder)
    told = read_manifest(folder)
    (folder / "rook.json").unlink()
    (folder / "README.md").unlink()
    done = adopt(folder, "codes", base="rook-tiny")
    assert done.manifest.answers == {}
    frame = tape[:1500]
    ours, free = (Source.parse(f"lora:{one}").ask(frame) for one in (tiny_adapter, folder))
    plain = told.model_copy(update={"temperature": 1.0, "class_weights": dict.fromkeys(told.class_weights, 1.0)})
    assert plain.answers
    read = (free.side != -1) & (free.side == ours.side) & ours.trades
    assert read.sum() > 20
    assert (free.size[read] == ours.size[read]).mean() > 0.95
    known = {size for values in told.answers.values() for size, _, _ in values}
    assert set(np.round(free.size[read], 6)) <= {round(size, 6) for size in known}


def test_an_unread_size_is_no_hold(mini_base, tmp_path, fresh_models, short_tape):
    """A random model writes anything after its word: UNPARSED, with what it wrote."""
    from rook_bench.sources import Source

    shutil.copytree(mini_base, tmp_path / "plain")
    decided = Source.parse(adopt(tmp_path / "plain", "codes").reference).ask(short_tape)
    unread = decided.side == -1
    asked = decided.asked
    assert unread.any()
    assert not (asked & ~unread & (decided.side != Side.HOLD)).any()
    assert all(text for text in decided.raw_text[unread])
    assert np.isnan(decided.confidence[unread]).all()
