"""Drafts of a prepared folder: true, complete, of train and validation rows alone, whoever wrote them."""

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import rook_bench as rook
from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.drafts.file import read_drafts
from rook_bench.drafts.make import make_drafts
from rook_bench.drafts.teacher import RulesTeacher
from rook_bench.drafts.verify import REASONS, why_refused
from rook_bench.language.template import load_template

RULES = Rules.from_file("data_driven")
CODES = load_template("codes")


@pytest.fixture(scope="module")
def made(prepared, tmp_path_factory):
    return make_drafts(prepared, tmp_path_factory.mktemp("drafts") / "drafts.jsonl", CODES, RulesTeacher(), RULES)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_row_with_a_prompt_has_a_draft_that_is_true(made, prepared):
    found = lines(made.file)
    assert made.record.kept == 1.0
    assert {line["split"] for line in found} == {"train", "validation"}
    for split in ("train", "validation"):
        frame = split_tape(prepared, split).read()
        own = [line for line in found if line["split"] == split]
        assert len(own) == made.record.splits[split]["kept"] > 0.9 * len(frame)
        for line in own[::50]:
            row = line["row"]
            assert line["at"].startswith(str(frame.at[row])[:19])
            assert line["label"] == frame.labels["label_side"][row]
            assert line["rule"] == frame.labels["label_rule"][row]
    hold = next(line for line in found if line["label"] == "HOLD")
    numbers = " ".join(f"{step['shown']} {step['verdict']}" for step in hold["steps"])
    assert hold["completion"] == f" {numbers} hold"


def test_nothing_of_the_test_split_is_in_it(made, prepared):
    first = str(split_tape(prepared, "test").read().at[0])[:19]
    assert max(line["at"] for line in lines(made.file)) < first
    assert made.record.learned_from.last_at < first


def test_verdicts_follow_the_exact_number_and_not_the_one_shown(made, prepared):
    """A code that is shown for both sides of a threshold must have both verdicts."""
    by_code = {}
    for line in lines(made.file):
        for step in line["steps"]:
            by_code.setdefault((step["field"], step["shown"]), set()).add(step["verdict"])
    assert any(len(verdicts) > 1 for verdicts in by_code.values())


def test_other_rules_than_those_of_the_labels_are_found_out(prepared, tmp_path):
    other = Rules.from_file("data_driven").model_copy(update={"mr_price_deviation_threshold": 3e-4})
    made = make_drafts(prepared, tmp_path / "drafts.jsonl", CODES, RulesTeacher(), other)
    assert set(made.record.refused) == {"another side"}
    assert made.record.kept < 0.99
    never = other.model_copy(update={"active_hours_start": 23, "active_hours_end": 0})
    made = make_drafts(prepared, tmp_path / "holds.jsonl", CODES, RulesTeacher(), never)
    assert {line["label"] for line in lines(made.file)} == {"HOLD"}


def test_the_same_call_gives_the_same_bytes(made, prepared, tmp_path):
    again = make_drafts(prepared, tmp_path / "drafts.jsonl", CODES, RulesTeacher(), RULES)
    assert again.file.read_bytes() == made.file.read_bytes()
    assert again.file.with_suffix(".json").read_bytes() == made.file.with_suffix(".json").read_bytes()


def test_a_file_of_somebody_else_is_not_replaced(prepared, tmp_path):
    (tmp_path / "drafts.json").write_text('{"mine": 1}')
    with pytest.raises(InputError, match="something else lies where the record"):
        make_drafts(prepared, tmp_path / "drafts.jsonl", CODES, RulesTeacher(), RULES, rows=5)
    assert (tmp_path / "drafts.json").read_text() == '{"mine": 1}'
    assert not (tmp_path / "drafts.jsonl").exists()


def test_rows_are_drawn(prepared, tmp_path):
    some = make_drafts(prepared, tmp_path / "some.jsonl", CODES, RulesTeacher(), RULES, rows=40, seed=1)
    assert [split["asked"] for split in some.record.splits.values()] == [40, 40]
    other = make_drafts(prepared, tmp_path / "other.jsonl", CODES, RulesTeacher(), RULES, rows=40, seed=2)
    assert some.record.file != other.record.file


def test_levels_come_back(made):
    record, levels = read_drafts(made.file)
    assert record == made.record
    for line in lines(made.file)[::100]:
        own = levels[line["split"]][line["row"]]
        words = [step.words[level].strip() for step, level in zip(record.draft.steps, own, strict=True)]
        assert words == [step["verdict"] for step in line["steps"]]


@pytest.mark.parametrize("harm", ["changed", "no record", "bad record", "absent", "other form"])
def test_a_file_that_is_not_what_was_written(harm, made, prepared, tmp_path):
    path = tmp_path / "drafts.jsonl"
    if harm != "absent":
        shutil.copy(made.file, path)
        shutil.copy(made.file.with_suffix(".json"), path.with_suffix(".json"))
    if harm == "changed":
        path.write_text(path.read_text().replace(" + ", " - ", 1))
    if harm == "no record":
        path.with_suffix(".json").unlink()
    if harm == "bad record":
        path.with_suffix(".json").write_text("{}")
    if harm == "other form":
        make_drafts(prepared, path, CODES, RulesTeacher(), RULES, form="preference", rows=20)
    with pytest.raises(InputError) as error:
        read_drafts(path)
    words = {"changed": "hash differs", "no record": "not here", "bad record": "can't be read", "absent": "no such file",
             "other form": "for other trainers"}  # fmt: skip
    assert words[harm] in str(error.value)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (None, "no answer"),
        ("  ", "no answer"),
        ("I cannot give financial advice.", "not a draft"),
        ("98 + 1 0 12 - 99 + 0 0", "not a draft"),
        ("98 + 1 0 12 - 97 + 0 0 hold", "another number"),
        ("98 + 1 0 12 - 99 - 0 0 hold", "an untrue verdict"),
        ("98 + 1 0 12 - 99 + 0 0 buy", "another side"),
        ("98 + 1 0 12 - 99 + 0 0 hold", None),
    ],
)
def test_why_a_draft_is_not_kept(written, reason):
    from rook_bench.core import Side

    shown, levels = ["98", "1", "12", "99", "0"], [2, 0, 0, 2, 1]
    assert why_refused(written, CODES.draft, CODES.answer, shown, levels, Side.HOLD) == reason
    assert reason is None or reason in REASONS


@pytest.mark.parametrize("form", ["conversational", "preference", "unpaired"])
def test_forms_of_other_trainers(form, made, prepared, tmp_path):
    other = make_drafts(prepared, tmp_path / "drafts.jsonl", CODES, RulesTeacher(), RULES, form=form)
    plain, found = lines(made.file), lines(other.file)
    first = found[0]
    if form == "conversational":
        assert first["prompt"] == [{"role": "user", "content": plain[0]["prompt"].strip()}]
        assert first["completion"] == [{"role": "assistant", "content": plain[0]["completion"].strip()}]
    elif form == "preference":
        assert first["chosen"] == plain[0]["completion"]
        assert all(line["chosen"] != line["rejected"] for line in found)
        words = {name: CODES.answer.side[side] for side, name in zip(rook.Side, ("BUY", "HOLD", "SELL"), strict=True)}
        assert not any(f"{words[line['label']]} " in f"{line['rejected']} " for line in found)
    else:
        assert len(found) == 2 * len(plain)
        assert [line["label"] for line in found[:4]] == [True, False, True, False]
        assert {line["side"] for line in found} == {"BUY", "HOLD", "SELL"}


class Server:
    """An OpenAI-compatible server that says what a test wants."""

    def __init__(self, answer):
        self.asked, self.keys, outer = [], [], self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question = body["messages"][0]["content"]
                outer.asked.append(question)
                outer.keys.append(self.headers.get("Authorization"))
                status, text = answer(question, len(outer.asked))
                content = json.dumps(
                    {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "system_fingerprint": "",
                     "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
                     "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
                ).encode()  # fmt: skip
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setattr("rook_bench.drafts.endpoint.FIRST_WAIT_S", 0.0)
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for one in servers:
        one.server.shutdown()
        one.server.server_close()


def solved(question):
    """What a teacher that reads the question would write: exact numbers against the edges."""
    rising, edges, shown, exact = {}, {}, {}, {}
    for line in question.splitlines():
        head, _, rest = line.partition(": ")
        if ", with edges at " in rest:
            words, _, last = rest.partition(" in rising order of ")
            rising[head] = [word.strip("'") for word in words.split(", ")]
            feature, _, listed = last.partition(", with edges at ")
            edges[head] = (feature, [float(edge) for edge in listed.split(", ")])
        if " shown " in line and ": " not in line:
            field, _, rest = line.partition(" shown ")
            shown[field], *pairs = rest.split(", ")
            exact[field] = {name: float(value) for name, value in (pair.split() for pair in pairs)}
    side = question.rpartition("decision:")[2].split()[0]
    steps = []
    for field, text in shown.items():
        feature, listed = edges[field]
        steps.append(f"{text} {rising[field][sum(exact[field][feature] > edge for edge in listed)]}")
    return " ".join([*steps, side])


needs_train = pytest.mark.skipif("not __import__('importlib.util').util.find_spec('torch')")


@needs_train
def test_a_server_is_believed_where_it_is_right(prepared, serve, tmp_path, monkeypatch, empty_cache):
    monkeypatch.setenv("ROOK_BENCH_TEACHER_KEY", "secret-key")

    def answer(question, number):
        good = solved(question)
        flaw = number % 5
        if number == 2:
            return 429, ""
        return 200, {1: "Sorry, I can't.", 2: good.replace("+", "-"), 3: None}.get(flaw, good)

    empty_cache()
    server = serve(answer)
    teacher = f"endpoint:{server.url},model=big"
    made = rook.teach(prepared, tmp_path / "drafts.jsonl", teacher, rules="data_driven", rows=40)
    record = made.record
    assert record.teacher == {"name": "endpoint", "host": server.url.split("/")[2], "model": "big"}
    assert 0.3 < record.kept < 0.8
    assert record.refused["no answer"] >= 10
    assert record.refused["not a draft"] >= 10
    assert sum(record.refused.values()) + sum(split["kept"] for split in record.splits.values()) == 80
    assert set(server.keys) == {"Bearer secret-key"}
    for path in (made.file, made.file.with_suffix(".json")):
        assert "secret-key" not in path.read_text()
    true = {(line["split"], line["row"]): line["completion"] for line in lines(made.file)}
    every = make_drafts(prepared, tmp_path / "rules.jsonl", CODES, RulesTeacher(), RULES)
    assert true.items() <= {(line["split"], line["row"]): line["completion"] for line in lines(every.file)}.items()
    before = len(server.asked)
    rook.teach(prepared, tmp_path / "again.jsonl", teacher, rules="data_driven", rows=40)
    assert len(server.asked) == before  # each question once
    assert (tmp_path / "again.jsonl").read_bytes() == made.file.read_bytes()


@needs_train
@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "does not let us in.*ROOK_BENCH_TEACHER_KEY"), (404, "404"), (503, "no answer after 5 tries")],
)
def test_a_server_that_does_not_answer_leaves_nothing(status, words, prepared, serve, tmp_path, empty_cache):
    empty_cache()
    server = serve(lambda question, number: (status, ""))
    with pytest.raises(InputError, match=words):
        rook.teach(prepared, tmp_path / "drafts.jsonl", f"endpoint:{server.url}", rules="data_driven", rows=4)
    assert not list(tmp_path.glob("*drafts*"))


@needs_train
def test_a_small_model_is_not_believed(prepared, tmp_path, mini_base, empty_cache):
    """Planted: a teacher that writes rubbish."""
    empty_cache()
    with pytest.raises(InputError, match=r"no draft of a train row is true \(.*rules:FILE"):
        rook.teach(prepared, tmp_path / "drafts.jsonl", f"model:{mini_base}", rules="data_driven", rows=4)
    assert not list(tmp_path.glob("*drafts*"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"teacher": "oracle:x"}, "unknown teacher 'oracle'"),
        ({"teacher": "rules"}, "rules needs a FILE"),
        ({"teacher": "rules:data_driven", "rules": "data_driven"}, "names the rules already"),
        ({"teacher": "model:somewhere"}, "held against rules"),
        ({"teacher": "endpoint:ftp://host", "rules": "data_driven"}, r"not an http\(s\) address"),
        ({"teacher": "endpoint:http://me:pass@host/v1", "rules": "data_driven"}, "password"),
        ({"teacher": "model:x,depth=2", "rules": "data_driven"}, "no option 'depth'"),
        ({"teacher": "rules:nowhere.json"}, "nowhere.json"),
        ({"template": "seed"}, r"has no \[draft\]"),
        ({"order": "beside"}, "no order of a draft"),
        ({"form": "jsonlines"}, "unknown format 'jsonlines'"),
        ({"out": "drafts.csv"}, "name the file .jsonl"),
        ({"data_dir": "nowhere"}, "nowhere"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(arguments, words, prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"data_dir": prepared, "out": "drafts.jsonl", "teacher": "rules:data_driven"} | arguments
    with pytest.raises((ConfigError, InputError, UnknownName), match=words):
        rook.teach(**given)
    assert not list(tmp_path.glob("*drafts*"))


@needs_train
def test_a_trainer_of_others_reads_them(prepared, mini_base, tmp_path, monkeypatch):
    trl = pytest.importorskip("trl", reason="trl is not installed (make setup-dev-train)")
    from datasets import load_dataset

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    made = make_drafts(prepared, tmp_path / "drafts.jsonl", CODES, RulesTeacher(), RULES, rows=12)
    told = load_dataset("json", data_files=str(made.file), split="train", cache_dir=str(tmp_path / "cache"))
    arguments = trl.SFTConfig(
        output_dir=str(tmp_path / "out"), max_steps=1, per_device_train_batch_size=4, report_to=[], use_cpu=True, bf16=False,
        save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = trl.SFTTrainer(str(mini_base), args=arguments, train_dataset=told)
    batch = next(iter(trainer.get_train_dataloader()))
    # Completions alone are learned from.
    assert 0 < float((batch["labels"] != -100).float().mean()) < 1
    assert np.isfinite(trainer.train().training_loss)
