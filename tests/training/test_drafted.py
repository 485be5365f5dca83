"""Stage 2: labels taught with drafts, before the answer and after it."""

import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from kept import kept_folder

import rook_bench as rook
from rook_bench.core import ConfigError, InputError, RookError, UnknownName
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.core.hashing import sha256_file
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.drafts.make import make_drafts
from rook_bench.drafts.teacher import RulesTeacher
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.language.template import load_template
from rook_bench.market.view import MarketView
from rook_bench.sources import Source

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.language.adapter import load_adapter  # noqa: E402
from rook_bench.training.data import read_training_data  # noqa: E402
from rook_bench.training.drafted import BY_PART, Drafted, Drafts  # noqa: E402
from rook_bench.training.examples import COPIED, END, PROMPT, VERDICT, Collator  # noqa: E402
from rook_bench.training.fit import train  # noqa: E402
from rook_bench.training.loss import completion_loss  # noqa: E402
from rook_bench.training.trainer import TimedCheckpoint  # noqa: E402

CODES = load_template("codes")
RULES = Rules.from_file("data_driven")


@pytest.fixture(autouse=True)
def no_picture(monkeypatch):
    """Drawing takes a third of such a short run's time, and is looked at elsewhere."""
    monkeypatch.setattr("rook_bench.report.charts.training.draw_training", lambda *arguments: b"")


@pytest.fixture(scope="module")
def drafts(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("drafts")
    return {
        order: make_drafts(prepared, folder / f"{order}.jsonl", CODES, RulesTeacher(), RULES, order=order).file
        for order in ("before", "after")
    }


@pytest.fixture
def teach(prepared, drafts, mini_settings, tmp_path):
    def run(name="adapter", order="before", given=None, parent=None, **changes):
        run.said.clear()
        return train(
            prepared, tmp_path / name, mini_settings(**changes), drafts=given or drafts[order], parent=parent,
            say=run.said.append,
        )  # fmt: skip

    run.said = []
    return run


@pytest.fixture(scope="module")
def tiny(prepared, drafts, mini_settings):
    """A rook-tiny adapter that drafts first, and has learned what verdicts look like; kept between test runs."""
    model = str(Path(__file__).parents[2] / "models" / "base" / "rook-tiny")
    settings = mini_settings(model=model, max_samples=640, num_epochs=2, batch_size=32, learning_rate=4e-3)
    taught = drafts["before"]

    def make(folder):
        train(prepared, folder, settings, drafts=taught, say=lambda line: None)

    folder = kept_folder(
        "drafting", make, data=prepared, base=Path(model), drafts=sha256_file(taught),
        settings=settings.model_dump(mode="json"),
    )  # fmt: skip
    return SimpleNamespace(folder=folder, manifest=read_manifest(folder))


def test_the_record_says_that_it_drafts_and_what_that_is_worth(tiny, drafts):
    manifest, told = tiny.manifest, tiny.manifest.training
    record = json.loads(drafts["before"].with_suffix(".json").read_text())
    assert manifest.drafts_first
    assert manifest.draft.model_dump(mode="json") == record["draft"]
    assert manifest.template == CODES.bare
    assert told["stage"] == "draft"
    assert told["drafts"]["file"] == record["file"]
    worth = told["draft_worth"]
    assert worth["tokens"] == 10
    assert worth["least mass"] >= 0.99
    assert worth["verdicts true"] > 0.6  # chance is at a third
    assert worth["turned"] > 10
    for share in ("true to the row", "true to the answer", "causal"):
        assert 0 <= worth[share] <= 1
    assert set(worth["written"]) == {"rows", "read", "numbers copied", "verdicts true"}
    card = (tiny.folder / "README.md").read_text()
    assert "It says why before it answers: volatility, impact, ratio, deviation, momentum" in card
    assert "answers that turn where the deciding verdict is turned" in card
    assert re.search(r"^ \d+ .* (buy|sell) 5 50 300$|^ \d+ .* (buy|sell) 8 30 120$", card, re.MULTILINE)


def test_doctor_asks_it_and_shows_its_draft(tiny, command_line):
    code, out, _ = command_line("doctor", "model", tiny.folder, "--json")
    sample = json.loads(out)["sample decision"]
    assert code == 0
    manifest = read_manifest(tiny.folder)
    assert manifest.draft.read(sample["draft"], manifest.shown(f" {sample['prompt']}")) is not None


def test_it_decides_and_gives_its_draft_as_the_reason(tiny, prepared, fresh_models):
    frame = split_tape(prepared, "test").read()
    tape = Source.parse(f"lora:{tiny.folder}").ask(frame)

    manifest = read_manifest(tiny.folder)
    prompts = manifest.template.render(MarketView.whole(frame)).texts
    for row in range(0, len(frame), 9):
        shares, _, draft = tape.reason[row].partition(";")
        assert shares.startswith("BUY 0.")
        assert manifest.draft.read(draft, manifest.shown(prompts[row])) is not None
    assert (tape.confidence > 1 / 3).all()
    again = Source.parse(f"lora:{tiny.folder}").ask(frame)
    np.testing.assert_array_equal(again.side, tape.side)


def test_a_draft_written_freely_that_is_broken_is_no_answer(tiny, prepared, fresh_models):
    """So small a model does not learn to copy numbers: strictly read, hardly anything is an answer."""
    tape = Source.parse(f"lora:{tiny.folder},mode=generate").ask(split_tape(prepared, "test").read()[:80])
    manifest, view = read_manifest(tiny.folder), MarketView.whole(split_tape(prepared, "test").read()[:80])
    for row, prompt in enumerate(manifest.template.render(view).texts):
        assert (manifest.read(tape.raw_text[row], prompt) is None) == (tape.side[row] == UNPARSED)
    assert (tape.side == UNPARSED).any()


@pytest.mark.parametrize("order", ["before", "after"])
def test_what_is_taught(order, prepared, drafts, mini_settings, mini_base, mini_adapter):
    data = read_training_data(prepared, CODES)
    taught = Drafts(data, drafts[order], CODES)
    assert taught.known.mean() > 0.9
    chosen = data.train[taught.known[data.train]][:60]
    lesson = Drafted(data, chosen, data.val, mini_settings(), CODES, None, taught)
    encoder = load_adapter(mini_adapter).encoder
    examples, _ = lesson.examples(encoder, lambda texts: [])
    lines = [json.loads(line) for line in drafts[order].read_text().splitlines()]
    own = {line["row"]: line for line in lines if line["split"] == "train"}
    for row, example in zip(chosen, examples, strict=True):
        line, parts = own[int(row)], np.array(example["parts"])
        assert encoder.tokenizer.decode(example["input_ids"][:-1]) == line["prompt"] + line["completion"]
        assert example["input_ids"][-1] == encoder.end
        assert (parts[-1], (parts == VERDICT).sum(), (parts == COPIED).sum() >= 5) == (END, 5, True)
        said = [part for part in parts if part != PROMPT]
        assert (said[0] == 0) == (order == "after")


def test_the_loss_by_hand(mini_adapter, prepared, drafts, mini_settings):
    data = read_training_data(prepared, CODES)
    taught = Drafts(data, drafts["before"], CODES)
    chosen = data.train[taught.known[data.train]][:6]
    lesson = Drafted(data, chosen, data.val, mini_settings(), CODES, None, taught)
    adapter = load_adapter(mini_adapter)
    examples, _ = lesson.examples(adapter.encoder, lambda texts: [])
    batch = Collator(adapter.encoder.end)(examples)
    with torch.inference_mode():
        loss, each, parts = lesson.loss(adapter.model, batch)
        logits = torch.log_softmax(adapter.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits, dim=-1)  # fmt: skip
        plain, _, _ = completion_loss(adapter.model, batch)
    expected = 0.0
    for number, example in enumerate(examples):
        for place in range(1, len(example["input_ids"])):
            if example["parts"][place] != PROMPT:
                nats = -float(logits[number, place - 1, example["input_ids"][place]])
                expected += nats * example["weight"] * BY_PART[example["parts"][place]]
    assert float(loss) == pytest.approx(expected / len(examples), rel=1e-5)
    assert float(plain) != pytest.approx(float(loss), rel=0.01)
    assert set(parts.tolist()) >= {0, END, VERDICT, COPIED}


def test_after_the_answer_it_explains(teach, prepared, fresh_models):
    done = teach(order="after")
    assert not done.manifest.drafts_first
    assert "note: a draft after the answer explains it and is not its cause" in teach.said
    assert set(done.manifest.training["draft_worth"]) == {"rows", "tokens", "written"}
    assert "It is an explanation and not the cause." in (done.folder / "README.md").read_text()
    tape = Source.parse(f"lora:{done.folder}").ask(split_tape(prepared, "test").read()[:50])
    assert not any(";" in reason for reason in tape.reason)


def test_peft_alone_loads_it(teach, mini_base):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    done = teach()
    base = AutoModelForCausalLM.from_pretrained(mini_base)
    assert PeftModel.from_pretrained(base, done.folder).peft_config["default"].r == 16


def test_it_goes_on_with_an_adapter(teach, mini_adapter):
    before = adapter_hash(mini_adapter)
    done = teach(parent=mini_adapter)
    assert adapter_hash(mini_adapter) == before
    assert done.manifest.training["parent"] == {"adapter": before, "stage": "sft"}
    assert done.manifest.base == read_manifest(mini_adapter).base


def test_stopped_and_gone_on_with_it_ends_in_the_same_bytes(teach, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def stop(self, args, state, control, **rest):
        if state.global_step == 6:  # in the second of two epochs of four steps
            raise Killed

    whole = teach("whole", num_epochs=2)
    with monkeypatch.context() as patch:
        patch.setattr(TimedCheckpoint, "on_step_begin", stop)
        with pytest.raises(Killed):
            teach("stopped", num_epochs=2)
    assert not (tmp_path / "stopped").exists()
    done = teach("stopped", num_epochs=2)
    assert done.resumed
    name = "adapter_model.safetensors"
    assert (done.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_drafts_of_others_are_refused(teach, drafts, tmp_path, prepared):
    copy = tmp_path / "other.jsonl"
    shutil.copy(drafts["before"], copy)
    record = json.loads(drafts["before"].with_suffix(".json").read_text())

    def claim(**changes):
        copy.with_suffix(".json").write_text(json.dumps(record | changes))

    claim(template=load_template("numbers").sha256)
    with pytest.raises(InputError, match="made with another prompt than codes v2.*teach --template codes"):
        teach(given=copy)
    splits = record["splits"] | {"validation": record["splits"]["validation"] | {"data_hash": "0" * 64}}
    claim(splits=splits)
    with pytest.raises(InputError, match="made from other validation rows"):
        teach(given=copy)
    claim()
    lines = [line for line in copy.read_text().splitlines() if '"split": "validation"' in line]
    copy.write_text("\n".join(lines) + "\n")
    from rook_bench.core.hashing import sha256_file

    claim(file=sha256_file(copy))
    with pytest.raises(InputError, match="no train row has a draft"):
        teach(given=copy)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stage": "draft"}, "stage draft needs --drafts; give --drafts FILE"),
        ({"stage": "draft", "drafts": "absent.jsonl", "model": "rook-tiny"}, "no such file of drafts"),
        ({"stage": "sft", "drafts": "d.jsonl"}, "stage sft takes no --drafts; add --stage draft"),
        ({"stage": "rl", "drafts": "d.jsonl"}, "stage rl needs --rewards; give --rewards DIR and --from ADAPTER"),
        ({"stage": "draft", "drafts": "d.jsonl", "rewards": "R"}, "stage draft takes no --rewards; add --stage rl"),
        ({"stage": "drafts"}, "unknown stage 'drafts'.*did you mean 'draft'"),
        ({"stage": "draft", "drafts": "d.jsonl", "parent": "a", "template": "numbers"}, "keeps the parent's"),
    ],
)
def test_stages_take_what_is_theirs(arguments, words, prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ConfigError, UnknownName, InputError, RookError), match=words):
        rook.train(prepared, "out", **arguments)
    assert not (tmp_path / "out").exists()
