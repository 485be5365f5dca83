"""The hash-chained file: any change is named, writers neither lose nor corrupt anything, kills included."""

import json
import os
import random
import signal
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.core import InputError
from rook_bench.core.hash_chain import Chain, line_of, parse

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
payloads = st.dictionaries(st.text().filter(lambda key: key not in ("seq", "prev", "at", "hash")), values, max_size=4)


@pytest.fixture
def chain(tmp_path):
    chain = Chain(tmp_path / "there" / "chain.jsonl")
    for number in range(4):
        chain.append({"number": number})
    return chain


def fork(function):
    """Run `function` in a copy of this process and return its id; no test code runs after it there."""
    pid = os.fork()
    if pid:
        return pid
    try:
        function()
    except BaseException:
        os._exit(1)
    os._exit(0)


def exit_codes(pids):
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def test_entries_come_back_in_order_and_linked(chain):
    entries = chain.entries()
    assert [entry["number"] for entry in entries] == [0, 1, 2, 3]
    assert [entry["seq"] for entry in entries] == [0, 1, 2, 3]
    assert entries[0]["prev"] == ""
    assert [entry["prev"] for entry in entries[1:]] == [entry["hash"] for entry in entries[:-1]]
    assert chain.head == entries[-1]["hash"]
    assert chain.verify() == []


def test_a_chain_without_a_file_is_empty(tmp_path):
    chain = Chain(tmp_path / "none.jsonl")
    assert (chain.entries(), chain.head, chain.verify(), chain.upto("")) == ([], "", [], [])
    assert not chain.path.exists()


def test_what_it_was_at_a_head(chain):
    entries = chain.entries()
    assert chain.upto(entries[1]["hash"]) == entries[:2]
    assert chain.upto("") == []
    assert chain.upto(None) == entries
    with pytest.raises(InputError, match="no entry has the hash"):
        chain.upto("f" * 64)


def test_a_payload_is_made_from_the_entries_there_are(chain):
    entry = chain.append(lambda entries: {"number": len(entries) * 10})
    assert entry["number"] == 40
    before = chain.path.read_bytes()

    def refuse(entries):
        raise InputError("there is one already")

    with pytest.raises(InputError, match="there is one already"):
        chain.append(refuse)
    assert chain.path.read_bytes() == before


def test_a_payload_can_not_take_the_keys_of_the_chain(chain):
    with pytest.raises(ValueError, match="prev"):
        chain.append({"prev": "me"})
    with pytest.raises(ValueError, match="JSON"):
        chain.append({"number": float("nan")})
    assert len(chain.entries()) == 4


@pytest.fixture(scope="module")
def quick_disk():
    """Nothing stops here before its bytes are on the disk; that they get there has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@settings(max_examples=60)
@given(st.lists(payloads, min_size=1, max_size=4))
@pytest.mark.usefixtures("quick_disk")
def test_any_json_survives(tmp_path_factory, wanted):
    chain = Chain(tmp_path_factory.mktemp("chain") / "c.jsonl")
    for payload in wanted:
        chain.append(payload)
    assert chain.verify() == []
    for entry, payload in zip(chain.entries(), wanted, strict=True):
        assert {key: entry[key] for key in entry if key not in ("seq", "prev", "at", "hash")} == payload


@settings(max_examples=300)
@given(st.data())
def test_any_changed_byte_is_found(tmp_path_factory, data):
    chain = Chain(tmp_path_factory.getbasetemp() / "bytes.jsonl")
    if not chain.path.exists():
        for number in range(3):
            chain.append({"text": f"é {number}", "number": number / 7})
    content = chain.path.read_bytes()
    # The last newline is what finishes the last line: without it the line counts as never written.
    place = data.draw(st.integers(0, len(content) - 2))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    _, problems = parse(content[:place] + bytes([other]) + content[place + 1 :])
    assert any(problem.kind == "broken" for problem in problems)


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[0], b" " + lines[1], *lines[2:]], 2),
        (lambda lines: [*lines, b"\n"], 5),
        (lambda lines: [*lines, b"[]\n"], 5),
        (lambda lines: [*lines[:3], lines[3].replace(b'"number":3', b'"number":9')], 4),
    ],
    ids=["first cut", "one cut", "swapped", "doubled", "space", "blank line", "no entry", "changed"],
)
def test_harm_is_named_by_its_line_and_nothing_is_added_to_it(chain, harm, line):
    lines = chain.path.read_bytes().splitlines(keepends=True)
    chain.path.write_bytes(b"".join(harm(lines)))
    assert chain.verify()[0].line == line
    assert chain.verify()[0].kind == "broken"
    before = chain.path.read_bytes()
    with pytest.raises(InputError, match=f"line {line} "):
        chain.entries()
    with pytest.raises(InputError, match=f"line {line} "):
        chain.append({"number": 5})
    assert chain.path.read_bytes() == before


def test_a_forger_must_forge_all_that_follows(chain):
    """An entry sealed again with its own right hash breaks the line after it."""
    from rook_bench.core.hashing import sha256_json

    entries = chain.entries()
    forged = {key: value for key, value in entries[1].items() if key != "hash"} | {"number": 99}
    entries[1] = forged | {"hash": sha256_json(forged)}
    chain.path.write_bytes(b"".join(map(line_of, entries)))
    assert [problem.line for problem in chain.verify()] == [3]


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_an_unfinished_line_is_named_and_dropped_by_the_next_writer(chain, kept):
    entries = chain.entries()
    line = line_of(entries[-1])
    with open(chain.path, "ab") as file:
        file.write(line[:kept])
    (problem,) = chain.verify()
    assert (problem.kind, problem.line) == ("unfinished", 5)
    assert "unfinished" in str(problem)
    assert chain.entries() == entries
    added = chain.append({"number": 4})
    assert chain.verify() == []
    assert chain.entries() == [*entries, added]


def test_a_file_that_can_not_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        Chain(tmp_path / "file" / "chain.jsonl").append({})


@needs_fork
def test_writers_at_once_lose_nothing(tmp_path):
    chain = Chain(tmp_path / "chain.jsonl")
    exits = exit_codes(
        [fork(lambda who=who: [chain.append({"who": who, "n": n}) for n in range(20)]) for who in range(4)]
    )
    assert exits == [0] * 4
    assert chain.verify() == []
    entries = chain.entries()
    assert len(entries) == 80
    for who in range(4):
        assert [entry["n"] for entry in entries if entry["who"] == who] == list(range(20))


@needs_fork
def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path):
    chain, acknowledged, draw = Chain(tmp_path / "chain.jsonl"), [], random.Random(1)
    for life in range(20):
        reader, writer = os.pipe()

        def work(life=life, writer=writer):
            for number in range(10_000):
                entry = chain.append({"life": life, "number": number, "ballast": "x" * 5000})
                os.write(writer, f"{entry['hash']}\n".encode())

        pid = fork(work)
        os.close(writer)
        first = os.read(reader, 65)  # it is at work
        time.sleep(draw.random() * 0.03)
        os.kill(pid, signal.SIGKILL)
        assert exit_codes([pid]) == [-signal.SIGKILL]
        with open(reader, "rb") as rest:
            acknowledged += (first + rest.read()).decode().split("\n")[:-1]
        assert not [problem for problem in chain.verify() if problem.kind == "broken"]
    chain.append({"life": "last"})
    assert chain.verify() == []
    hashes = [entry["hash"] for entry in chain.entries()]
    assert len(acknowledged) >= 20
    assert set(acknowledged) <= set(hashes)


@needs_fork
@pytest.mark.parametrize("step", ["ftruncate", "pwrite", "half", "fsync"])
def test_stopped_at_each_step_of_writing(chain, monkeypatch, step):
    before = chain.entries()
    with open(chain.path, "ab") as file:
        file.write(b'{"torn')

    def work():
        real = os.pwrite
        if step == "half":
            monkeypatch.setattr(os, "pwrite", lambda h, line, at: (real(h, line[: len(line) // 2], at), os._exit(9)))
        else:
            monkeypatch.setattr(os, step, lambda *_: os._exit(9))
        chain.append({"number": 4})

    assert exit_codes([fork(work)]) == [9]
    assert not [problem for problem in chain.verify() if problem.kind == "broken"]
    assert chain.entries()[:4] == before
    chain.append({"number": 5})
    assert chain.verify() == []
    assert chain.entries()[-1]["number"] == 5


def test_a_full_disk_leaves_no_half_line(chain, monkeypatch):
    real, before = os.pwrite, chain.path.read_bytes()
    monkeypatch.setattr(os, "pwrite", lambda handle, line, at: real(handle, line[:10], at))
    with pytest.raises(InputError, match="can't be written"):
        chain.append({"number": 4})
    assert chain.path.read_bytes() == before


def test_lines_are_canonical_json(chain):
    for line in chain.path.read_text().splitlines():
        assert line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"))
