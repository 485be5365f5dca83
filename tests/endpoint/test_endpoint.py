"""A server's model as a source: asked once, read strictly, within its budget, whatever the server does."""

import hashlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

import rook_bench as rook
from rook_bench.core import InputError, Side
from rook_bench.endpoint.address import Address
from rook_bench.endpoint.budget import Budget
from rook_bench.endpoint.reading import read_reply
from rook_bench.language.template import load_template
from rook_bench.sources import Source

WORDS = ("BUY", "HOLD", "SELL")


def source(server, **options):
    said = "".join(f",{name}={value}" for name, value in {"model": "m", "repeats": 0, **options}.items())
    return Source.parse(f"endpoint:{server.url}{said}")


def by_hash(prompt):
    """One of the words, by the prompt."""
    return WORDS[hashlib.sha256(prompt.encode()).digest()[0] % 3]


def test_words_are_decisions(server, short_tape):
    server.word = by_hash
    tape = source(server).ask(short_tape[:40])
    prompts = load_template("chat").render(rook.MarketView.whole(short_tape[:40])).texts
    for row, prompt in enumerate(prompts):
        assert tape[row].side_name == (by_hash(prompt) if prompt else "HOLD")
    assert set(tape.size[tape.trades]) == {0.05}
    assert np.isnan(tape.confidence).all(), "no probabilities are told, so none are known"
    told = tape.transcript
    asked = told.prompt != ""
    assert (told.prompt_tokens[asked] > 20).all()
    assert (told.answer_tokens[asked] == 2).all()
    assert (told.seconds[asked] > 0).all()
    assert np.isnan(told.cost_usd).all()
    path, body = server.asked[0]
    assert path == "/v1/chat/completions"
    assert [one["role"] for one in body["messages"]] == ["system", "user"]
    assert (body["temperature"], body["stream"]) == (0.0, False)


@pytest.mark.parametrize("answer", ["maybe", "BUY!", "buy", "BUY BUY", "", "I would BUY here", "HOLD.", None])
def test_what_is_no_answer_is_no_hold(server, short_tape, answer):
    server.word = lambda prompt: answer
    tape = source(server).ask(short_tape[:5])
    asked = tape.asked
    assert asked.any()
    assert (tape.side[asked] == -1).all()


def test_a_plain_prompt_goes_to_completions(server, short_tape):
    server.word = lambda prompt: " sell 5 50 300"
    tape = source(server, template="codes").ask(short_tape[:5])
    path, body = server.asked[0]
    assert path == "/v1/completions"
    assert body["prompt"].startswith(" ")
    assert (tape.side[tape.asked] == Side.SELL).all()
    assert set(tape.size[tape.asked]) == {0.05}


def test_reasoning_is_kept_and_counted(server, short_tape):
    server.word = lambda prompt: 'It rose, so {"x": 1} I sell.\n```json\n{"side": "SELL", "size": 0.25}\n```'
    tape = source(server, template="reasoning").ask(short_tape[:5])
    asked = tape.asked
    assert (tape.side[asked] == Side.SELL).all()
    assert set(tape.size[asked]) == {0.25}
    assert all(text.startswith("It rose") for text in tape.transcript.said[asked])
    assert server.asked[0][1]["max_tokens"] == 512
    source(server, template="reasoning", structured="json").ask(short_tape[:3])
    schema = server.asked[-1][1]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["side"] == {"enum": list(WORDS)}


# Probabilities.


def reply(text, listed):
    rows = [{"token": token, "logprob": math.log(value)} for token, value in listed.items()]
    content = [{"token": text, "top_logprobs": rows}]
    return {"choices": [{"message": {"content": text}, "logprobs": {"content": content}}]}


@pytest.mark.parametrize(
    ("text", "listed", "odds"),
    [
        ("BUY", {"BUY": 0.6, "HOLD": 0.3, "SELL": 0.1}, (0.6, 0.3, 0.1)),
        ("BUY", {"B": 0.3, " BUY": 0.2, "H": 0.3, "SE": 0.2}, (0.5, 0.3, 0.2)),
        ("HOLD", {"HOLD": 0.5, "BUY": 0.2, "SELL": 0.1, "the": 0.2}, (0.25, 0.625, 0.125)),
        ("BUY", {"BUY": 0.9, "HOLD": 0.0999, "x": 0.00001}, (0.900090009, 0.099909991, 0.0)),  # SELL is below x
        ("BUY", {"BUY": 0.8, "HOLD": 0.1}, None),  # SELL might be as likely as HOLD
        ("SELL", {"BUY": 0.6, "HOLD": 0.3, "SELL": 0.1}, None),  # not what the tokens say
        ("BUY", {"the": 0.5, "a": 0.5}, None),
        ("BUY", {}, None),
        ("BUY", {"": 0.5, "BUY": 0.4}, None),
        ("BUY", {"BUY": 0.9, "HOLD": 0.1}, (0.9, 0.1, 0.0)),  # nothing is left for SELL
        ("BUY", {"BUY": 0.33, "zz": 1e-300}, None),  # filled up: SELL may be anything
        ("BUY", {"BUY": 0.9999, "x": 0.00001}, (1.0, 0.0, 0.0)),
    ],
)
def test_probabilities_are_the_servers_or_unknown(text, listed, odds):
    said = read_reply(reply(text, listed), load_template("chat").answer, chat=True)
    assert said.odds == (None if odds is None else pytest.approx(odds, abs=1e-6))


@pytest.mark.parametrize(
    "told",
    [
        {}, {"choices": []}, {"choices": [7]}, {"choices": [{"message": 3}]}, {"choices": [{"message": {"content": 3}}]},
        {"choices": {"0": {}}}, {"choices": [{}]},
    ],
)  # fmt: skip
def test_what_is_no_reply(told):
    assert read_reply(told, load_template("chat").answer, chat=True) is None


@pytest.mark.parametrize(
    "logprobs", [3, [], {"content": 3}, {"content": [3]}, {"content": [{"top_logprobs": [3, {"token": 1}]}]}]
)
def test_odd_log_probabilities_are_none(logprobs):
    told = {"choices": [{"message": {"content": "BUY"}, "logprobs": logprobs}], "usage": {"prompt_tokens": "many"}}
    said = read_reply(told, load_template("chat").answer, chat=True)
    assert (said.text, said.odds, said.tokens_in) == ("BUY", None, None)


def test_a_token_that_begins_two_words_is_of_neither():
    """STAY and SELL both begin with S: 60% of the probability is not decided there."""
    text = json.dumps({"BUY": "STAY", "HOLD": "HOLD", "SELL": "SELL"})
    template = load_template("chat")
    answer = template.answer.model_copy(update={"side": type(template.answer.side).model_validate_json(text)})
    listed = {"S": 0.6, "SELL": 0.3, "STAY": 0.05, "HOLD": 0.04}
    assert read_reply(reply("SELL", listed), answer, chat=True).odds is None


def test_text_that_no_file_can_hold_is_replaced(server, short_tape, tmp_path):
    server.word = lambda prompt: "BUY \ud800"
    mine = source(server)
    tape = mine.ask(short_tape[:6])
    assert (tape.side[tape.asked] == -1).all()
    rook.evaluate(short_tape[:6], mine).save(tmp_path / "run", report=False)


def test_what_was_cut_off_is_no_answer():
    told = {"choices": [{"message": {"content": "BUY"}, "finish_reason": "length"}]}
    assert not read_reply(told, load_template("chat").answer, chat=True).ended


def test_numbers_that_fit_nothing_are_none():
    rows = [{"token": "BUY", "logprob": -(10**400)}, {"token": "SELL", "logprob": -0.1}]
    told = {"choices": [{"message": {"content": "SELL"}, "logprobs": {"content": [{"top_logprobs": rows}]}}]}
    assert read_reply(told, load_template("chat").answer, chat=True).odds is None


def test_a_list_of_tokens_is_read_in_plain_completions_too():
    """As llama.cpp's server answers them (build 1 of 0c1e570), shortened."""
    first = {
        "id": 309, "token": " buy", "bytes": [32, 98, 117, 121], "logprob": -0.3239787817001343,
        "top_logprobs": [
            {"id": 309, "token": " buy", "bytes": [32, 98, 117, 121], "logprob": -0.3239787817001343},
            {"id": 492, "token": " hold", "bytes": [32, 104, 111, 108, 100], "logprob": -1.369829535484314},
            {"id": 310, "token": " sell", "bytes": [32, 115, 101, 108, 108], "logprob": -4.247923374176025},
            {"id": 491, "token": " deadline", "bytes": [], "logprob": -6.579013824462891},
        ],
    }  # fmt: skip
    told = {
        "choices": [{"text": " buy 4 30 120", "index": 0, "logprobs": {"content": [first]}, "finish_reason": "stop"}],
        "model": "rook-tiny.gguf", "system_fingerprint": "b1-0c1e570", "object": "text_completion",
        "usage": {"completion_tokens": 4, "prompt_tokens": 6, "total_tokens": 10},
    }  # fmt: skip
    said = read_reply(told, load_template("codes").answer, chat=False)
    shares = [math.exp(value) for value in (-0.3239787817001343, -1.369829535484314, -4.247923374176025)]
    assert said.odds == pytest.approx([share / sum(shares) for share in shares])
    assert (said.tokens_in, said.tokens_out, said.fingerprint) == (6, 4, "rook-tiny.gguf/b1-0c1e570")


def test_a_text_of_several_lines_is_read_whole(server, short_tape):
    server.word = lambda prompt: 'First.\nSecond.\n{"side": "BUY", "size": 0.1}'
    tape = source(server, template="reasoning", api="completions").ask(short_tape[:4])
    assert "stop" not in server.asked[0][1]
    assert (tape.side[tape.asked] == Side.BUY).all()


def test_confidence_is_the_probability_of_what_was_said(server, short_tape):
    server.logprobs = lambda text: {"BUY": math.log(0.7), "HOLD": math.log(0.2), "SELL": math.log(0.1)}
    tape = source(server).ask(short_tape[:5])
    np.testing.assert_allclose(tape.confidence[tape.asked], 0.7)
    np.testing.assert_allclose(tape.transcript.p_sell[tape.asked], 0.1)


def test_a_server_without_log_probabilities_is_asked_without(server, short_tape):
    def refuse(handler):
        handler.send(400, b'{"error": {"message": "logprobs is not supported"}}')

    server.plan = [refuse]
    mine = source(server)
    tape = mine.ask(short_tape[:12])
    assert (tape.side[tape.asked] == Side.BUY).all()
    assert "logprobs" in server.asked[0][1]
    assert not any("logprobs" in body for _, body in server.asked[1:])
    assert any("no confidence is known" in note for note in mine.notes())


# Asked once.


def test_a_prompt_is_asked_once_and_kept(server, short_tape):
    first = source(server).ask(short_tape[:60])
    assert len(set(server.prompts)) == len(server.prompts)
    count = len(server.asked)
    again = source(server, concurrency=2).ask(short_tape[:60])
    assert len(server.asked) == count
    assert again.content_hash == first.content_hash
    source(server, temperature=1).ask(short_tape[:60])
    assert len(server.asked) == 2 * count


def test_a_killed_run_goes_on_without_asking_twice(server, tmp_path, root):
    """SIGKILL in the middle: what was answered was kept at once."""
    server.delay = 0.02
    command = [
        sys.executable, "-m", "rook_bench", "decide", f"endpoint:{server.url},model=m,repeats=0,concurrency=2",
        str(root / "data" / "sample.parquet"), "--limit", "150", "--out", str(tmp_path / "d.parquet"),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    until = time.monotonic() + 60
    while len(server.asked) < 40 and time.monotonic() < until:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = len(server.asked)
    assert 40 <= before < 140
    assert not (tmp_path / "d.parquet").exists()
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    twice = len(server.prompts) - len(set(server.prompts))
    assert twice <= 2, "only what was on its way may be asked again"
    assert len(set(server.prompts)) > 140


def test_another_revision_is_asked_anew(server, short_tape):
    source(server).ask(short_tape[:30])
    count = len(server.asked)
    server.print_ = "fp_2"
    server.word = lambda prompt: "SELL"
    tape = source(server).ask(short_tape[:60])
    assert (tape.side[tape.asked] == Side.SELL).all(), "answers of two models in one tape"
    assert len(server.asked) > 2 * count


def test_a_server_of_several_machines_is_one_model(server, short_tape):
    """Fingerprints that take turns: nothing that was paid for is thrown away."""
    turn = []

    def word(prompt):
        turn.append(prompt)
        server.print_ = f"fp_{len(turn) % 2}"
        return "BUY"

    server.word = word
    source(server, concurrency=1).ask(short_tape[:30])
    source(server, concurrency=1).ask(short_tape[:36])
    assert len(set(server.prompts)) == len(server.prompts)


def test_several_questions_are_on_their_way(server, short_tape):
    server.delay = 0.03
    source(server, concurrency=5).ask(short_tape[:60])
    assert 3 <= server.most_at_once <= 5


# Budgets.


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("limit", [3_000, 12_345])
def test_a_budget_of_tokens_is_never_passed(server, short_tape, concurrency, limit):
    spent = []
    usage = {"prompt_tokens": 400, "completion_tokens": 20}
    server.usage = usage
    server.word = lambda prompt: spent.append(420) or "HOLD"
    mine = source(server, budget_tokens=limit, concurrency=concurrency)
    with pytest.raises(InputError, match=rf"the budget of {limit:,} tokens is spent: [\d,]+ tokens so far") as caught:
        mine.ask(short_tape)
    assert "what was answered is kept" in str(caught.value)
    assert 0 < sum(spent) <= limit
    kept = len(server.asked)
    done = source(server)
    done.ask(short_tape)
    assert len(set(server.prompts)) == len(server.prompts), "what was answered within the budget was asked again"
    assert len(server.asked) > kept


def test_questions_that_broke_off_count_whole(server, short_tape):
    server.plan = [status(504), status(500), status(503), status(429)]
    mine = source(server, budget_tokens=10_000_000)
    mine.ask(short_tape[:3])
    asked = [body["messages"][1]["content"] for _, body in server.asked]
    lost = sum(len(text.encode()) for text in asked[:2])
    assert mine.built.budget.spent_in > lost
    assert mine.built.budget.reserved_in == 0


def test_the_gate_spends_from_the_same_budget(server, tape):
    from rook_bench.replay import replay
    from rook_bench.replay.causality import look_again

    server.word = by_hash
    server.usage = {"prompt_tokens": 100, "completion_tokens": 2}
    first = source(server)
    run = replay(tape[:120], first)
    count = len(server.asked)
    limit = first.built.budget.spent_in + first.built.budget.spent_out + 3_000
    run.source.built.budget.tokens = limit
    found = look_again(run, np.random.default_rng(1))
    assert found.status == "unchecked"
    assert "the budget of" in found.detail
    assert len(server.asked) * 102 <= limit
    assert len(server.asked) > count
    assert run.source.built.budget.spent_in >= len(server.asked) * 100 - 100


def test_a_budget_in_dollars(server, short_tape):
    server.usage = {"prompt_tokens": 1000, "completion_tokens": 10}
    mine = source(server, budget_usd=0.02, usd_in=2, usd_out=8, concurrency=4)
    with pytest.raises(InputError, match=r"the budget of \$0\.02 is spent"):
        mine.ask(short_tape)
    assert len(server.asked) * (1000 * 2 + 10 * 8) / 1e6 <= 0.02
    tape = source(server, usd_in=2, usd_out=8).ask(short_tape[:20])
    np.testing.assert_allclose(tape.transcript.cost_usd[tape.asked][-1], 0.00208)


def test_what_a_server_does_not_count_is_counted_for_it():
    budget = Budget(tokens=1000)
    assert budget.reserve(600, 100)
    assert not budget.reserve(300, 100), "what is on its way counts"
    budget.settle((600, 100), (600, 100))
    assert not budget.reserve(300, 100)
    budget.settle((0, 0), (0, 0))
    assert budget.reserve(200, 100)
    assert not budget.reserve(1, 0)


# A server that does what it likes.


def status(code, body=b"{}", **headers):
    return lambda handler: handler.send(code, body, **headers)


def tomorrow(handler):
    handler.send(429, b"{}", Retry_After=format_datetime(datetime.now(UTC) + timedelta(days=1)))


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def endless(handler):
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" " * 2**20)


def silent(handler):
    time.sleep(3)
    handler.close_connection = True


@pytest.mark.parametrize(
    "act",
    [
        status(429), status(500), status(503, b"<html>busy</html>"), status(200, b"garbage"), status(200, b"[1]"),
        status(200, b"{}"), status(200, b'{"choices": [{"message": {}}]}' * 2), status(200, b"[" * 100_000), cut, drip, silent,
        status(529, b'{"error": "overloaded"}'),
    ],
    ids=lambda act: getattr(act, "__name__", "reply"),
)  # fmt: skip
def test_what_passes_is_tried_again(server, short_tape, act):
    server.plan = [act]
    mine = source(server, timeout_s=0.6)
    tape = mine.ask(short_tape[:6])
    assert (tape.side[tape.asked] == Side.BUY).all()
    assert any("1 tries more" in note for note in mine.notes())


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (status(429), "no answer after 6 tries (it answers 429)"),
        (status(200, b"garbage"), "no answer after 6 tries (its answer is no JSON)"),
        (status(200, b"{}"), "no answer after 6 tries (it answers with something else)"),
        (cut, "no answer after 6 tries"),
        (status(401, b'{"error": {"message": "who\x1b[31m are you"}}'), "it answers 401"),
        (status(404), "check the address (it ends in /v1) and the model's name"),
        (status(302, b"", Location="http://elsewhere.example/"), "name the address that it leads to"),
        (status(400, b'{"error": {"message": "max_tokens is too large"}}'), "it answers 400 (max_tokens is too large)"),
        (status(422, b'{"detail": [{"msg": "x"}]}'), "it answers 422"),
        (endless, "it answers with more than 4,194,304 bytes"),
        (status(429, b"{}", Retry_After="90000"), "it asks to wait 90,000 s"),
        (tomorrow, "it asks to wait 86,"),
    ],
)  # fmt: skip
def test_what_does_not_pass_is_one_line(server, root, tmp_path, act, words, command_line):
    server.plan = [act] * 60
    reference = f"endpoint:{server.url},model=m,repeats=0"
    code, printed, err = command_line(
        "decide", reference, root / "data" / "sample.parquet", "--limit", 30, "--out", tmp_path / "d.csv"
    )
    assert (code, printed) == (3, "")
    assert words in err.splitlines()[-1]
    assert "\x1b" not in err
    assert not (tmp_path / "d.csv").exists()


def test_a_wait_that_is_asked_for_is_kept_by_all(server, short_tape):
    server.plan = [None, status(429, b"{}", Retry_After="0.4")]
    server.plan[0] = lambda handler: handler.send(
        200, json.dumps(server.reply("/v1/chat/completions", server.asked[-1][1])).encode()
    )
    heard = []
    server.word = lambda prompt: heard.append(time.monotonic()) or "BUY"
    source(server, concurrency=1).ask(short_tape[:8])
    gaps = np.diff(heard)
    assert gaps[0] >= 0.39
    assert (gaps[1:] < 0.3).all()


def test_another_model_is_refused(server, short_tape):
    server.name = "someone-else-7b"
    with pytest.raises(InputError, match="model 'someone-else-7b' answers, and 'm2' was asked"):
        source(server, model="m2").ask(short_tape[:5])
    server.name = "m2-2024-08-06"
    source(server, model="m2").ask(short_tape[:5])


def test_nobody_is_there(short_tape, empty_cache, monkeypatch):
    monkeypatch.setattr("rook_bench.endpoint.asking.FIRST_WAIT_S", 0.001)
    with pytest.raises(InputError, match=r"no answer after 6 tries \(it can't be reached\)"):
        Source.parse("endpoint:http://127.0.0.1:9/v1,model=m").ask(short_tape[:5])


# Keys and addresses.


def test_keys_go_to_their_server_alone(server, short_tape, monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another")
    source(server).ask(short_tape[:3])
    assert "Authorization" not in server.headers[-1]
    monkeypatch.setenv("ROOK_BENCH_ENDPOINT_KEY", "key-of-the-test")
    evaluation = rook.evaluate(short_tape[:40], source(server, temperature=0.5))
    assert server.headers[-1]["Authorization"] == "Bearer key-of-the-test"
    evaluation.save(tmp_path / "run", report=False)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"key-of-the-test" not in path.read_bytes()
    assert Address("https://api.openai.com/v1").key == "key-of-the-test"
    with pytest.raises(InputError, match="would go over the network unencrypted"):
        _ = Address("http://example.org/v1").key


def test_a_key_is_never_shown(server, root, tmp_path, monkeypatch, command_line):
    """Not to a proxy of this machine, not in a message, not where a server repeats it."""
    monkeypatch.setenv("ROOK_BENCH_ENDPOINT_KEY", "sk-secret")
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    arguments = ("decide", f"endpoint:{server.url},model=m,repeats=0", root / "data" / "sample.parquet", "--limit", 5)
    code, _, err = command_line(*arguments, "--out", tmp_path / "d.parquet")
    assert code == 0, err
    server.plan = [lambda handler: handler.send(401, b'{"error": {"message": "bad key Bearer sk-secret"}}')]
    code, _, err = command_line(*arguments, "--fresh", "--out", tmp_path / "e.parquet")
    assert code == 3
    assert "bad key Bearer ***" in err
    server.word = lambda prompt: "your key is sk-secret"
    command_line(*arguments, "--fresh", "--out", tmp_path / "f.csv")
    assert "sk-secret" not in (tmp_path / "f.csv").read_text()
    for odd in ("sk-secret\nsk-other", "sk-secr\xe9t", "sk secret"):
        monkeypatch.setenv("ROOK_BENCH_ENDPOINT_KEY", odd)
        code, _, err = command_line(*arguments, "--fresh", "--out", tmp_path / "g.csv")
        assert code == 3
        assert "holds characters that no key has" in err
        assert "sk" not in err.partition("key in")[2].replace("risk", "")


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("endpoint:http://ho\x00st/v1,model=m", "not an http"),
        ("endpoint:ftp://host/v1,model=m", "not an http"),
        ("endpoint:host/v1,model=m", "not an http"),
        ("endpoint:http://[::1/v1,model=m", "not an http"),
        ("endpoint:https://me:secret@host/v1,model=m", "would be written down"),
        ("endpoint:https://host/v1?key=secret,model=m", "unknown parameter 'https://host/v1?key'"),
        ("endpoint:https://host/v1", "add ,model=NAME"),
        ("endpoint:https://host/v1,model=m,template=chatt", "did you mean 'chat'"),
        ("endpoint:https://host/v1,model=m,budget_usd=1", "a budget in dollars needs prices"),
        ("endpoint:https://host/v1,model=m,concurrency=0", "0 is less than 1"),
        ("endpoint:https://host/v1,model=m,structured=json", "answers with a word"),
        ("endpoint:https://host/v1,model=m,modle=n", "did you mean 'model'"),
    ],
)
def test_mistakes_are_one_line_before_anybody_is_asked(reference, words, root, tmp_path, command_line):
    code, printed, err = command_line(
        "decide", reference, root / "data" / "sample.parquet", "--out", tmp_path / "d.csv"
    )
    assert (code, printed, err.count("\n")) == (3, "", 1)
    assert words in err
    assert "secret" not in err


# Wavering.


def test_answers_that_waver_are_said_to(server, short_tape):
    seen = {}

    def word(prompt):
        seen[prompt] = seen.get(prompt, 0) + 1
        wavers = int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % 2
        return WORDS[(seen[prompt] * wavers) % 3]

    server.word = word
    mine = source(server, repeats=3)
    tape = mine.ask(short_tape[:80])
    found = mine.built.wavering
    assert (found.prompts, found.times) == (16, 3)
    assert 2 <= found.differ <= 14
    assert any("not decided alike each time" in note for note in mine.notes())
    assert source(server, repeats=3).ask(short_tape[:80]).content_hash == tape.content_hash, "kept answers stay"


def test_a_steady_server_is_said_to_be(server, short_tape):
    server.word = by_hash
    mine = source(server, repeats=2)
    mine.ask(short_tape[:40])
    assert mine.built.wavering.differ == 0
    assert any("prompts asked 2 times: all decided alike" in note for note in mine.notes())


@pytest.mark.parametrize(
    ("wavers", "repeats", "status_"), [(0, 3, "clean"), (24, 3, "clean"), (24, 0, "unchecked"), (1, 3, "unchecked")]
)
def test_the_look_ahead_check_allows_for_wavering_that_was_tried(server, tape, wavers, repeats, status_):
    from rook_bench.replay import replay
    from rook_bench.replay.causality import look_again

    seen = {}

    def word(prompt):
        seen[prompt] = seen.get(prompt, 0) + 1
        steady = not wavers or int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % wavers
        return by_hash(prompt) if steady else WORDS[seen[prompt] % 3]

    server.word = word
    run = replay(tape[:300], source(server, repeats=repeats))
    found = look_again(run, np.random.default_rng(1))
    assert found.status == status_, found.detail
    if wavers == 1:
        assert "its answers waver too much to tell anything" in found.detail
    if not wavers:
        assert "of its answers were computed anew" in found.detail


def test_answers_that_changed_since_are_found(server, tape):
    """The server says something else by now than what the run was made with."""
    from rook_bench.replay import replay
    from rook_bench.replay.causality import look_again

    server.word = by_hash
    run = replay(tape[:300], source(server, repeats=3))
    server.word = lambda prompt: "SELL"
    found = look_again(run, np.random.default_rng(1))
    assert found.status == "unchecked"
    assert "more than its own wavering explains" in found.detail


# To a verdict.


def test_compared_and_gated(server, root, tmp_path, command_line, few_pictures):
    server.word = by_hash
    reference = f"endpoint:{server.url},model=m"
    tape = root / "data" / "sample.parquet"
    code, printed, err = command_line(
        "compare", tape, "--limit", 600, "--source", reference, "--out", tmp_path / "c", "--no-report"
    )
    assert code == 0, err
    assert "answers of m at 127.0.0.1" in err
    code, printed, err = command_line(
        "gate", "--policy", "first-champion", "--candidate", reference, "--data", tape, "--limit", 600, "--out", tmp_path / "v"
    )  # fmt: skip
    assert code in (1, 2), err
    verdict = json.loads((tmp_path / "v" / "verdict.json").read_text())
    checks = {check["name"]: check for check in verdict["checks"]}
    assert checks["look-ahead"]["status"] == "pass", checks["look-ahead"]
    assert "does not say what it learned from" in checks["training data"]["detail"]
