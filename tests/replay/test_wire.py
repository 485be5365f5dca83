"""What goes between the judge and the processes that it asks: long columns as files, and of a cut tape no more than it."""

import os
import pickle
import socket
import textwrap
import threading

import numpy as np
import pytest
from parted import in_parts

from rook_bench.core import mapped
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.replay import replay
from rook_bench.replay.apart import Asked, DecideQuestion, apart, asking, wire
from rook_bench.replay.causality import look_again
from rook_bench.sources import Source, lookahead


def through(value, long=64):
    """A value as it comes out on the other side, and how many bytes of it were pickled."""
    here, there = socket.socketpair()
    files = []

    def beside(column):
        files.append(wire.as_file(column))
        return True

    told = wire.pickled(value, beside, long)
    with here, there:
        thread = threading.Thread(target=wire.send_files, args=(here, files))
        thread.start()
        came = wire.receive_files(there, len(files))
        thread.join()
        sizes = [os.fstat(file).st_size for file in came]
        made = pickle.loads(told, buffers=[mapped.opened(file) for file in came])
    for file in files:
        os.close(file)
    return made, len(told), sizes


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(mapped, "MAPPED_FROM", 64)


def test_long_columns_go_as_files(small_files):
    column = mapped.by_part(1000, lambda rows: np.arange(rows.start, rows.stop) / 7)
    table = mapped.copied(np.arange(60, dtype=np.int32).reshape(20, 3))
    turned = np.asfortranarray(np.arange(60.0).reshape(20, 3))
    sent = {"whole": column, "cut": column[5:300], "table": table, "turned": turned, "thin": column[::2], "few": [1]}
    made, pickled, sizes = through(sent)
    for name, value in sent.items():
        np.testing.assert_array_equal(made[name], value)
    assert made["table"].dtype == np.int32
    # Of a cut column its own bytes and no more; what does not lie together is pickled.
    assert sizes == [8000, 295 * 8, 240, 480]
    assert pickled < 500 * 8 + 2000


def test_a_file_that_was_passed_on_can_not_be_written(small_files):
    column = mapped.full(100, 1.0)
    for sent in (column, column[3:]):
        file = wire.as_file(sent.view(np.uint8))
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.write(file, b"x")
        bytes_ = mapped.opened(file)
        assert bytes_.tobytes() == sent.tobytes()
        assert not bytes_.flags.writeable
        with pytest.raises(ValueError, match="WRITEABLE"):
            bytes_.flags.writeable = True


def test_more_files_than_go_at_once(small_files, monkeypatch):
    monkeypatch.setattr(wire, "FILES_AT_ONCE", 3)
    sent = [mapped.full(20, float(number)) for number in range(10)]
    made, _, _ = through(sent)
    assert [column[0] for column in made] == list(range(10))


def test_one_value_for_all_rows_stays_one():
    tape = DecisionTape.from_sides(np.ones(100_000, dtype=np.int8), 0.0, reason="r")
    made, pickled, _ = through(tape, long=1 << 20)
    assert pickled < 1_000_000  # side and size, of nine bytes a row; the rest is constant
    assert made.to_bytes() == tape.to_bytes()


def test_files_are_closed(small_files):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        through([mapped.full(100, 1.0)])
    assert len(os.listdir("/proc/self/fd")) <= before + 2


PLUGIN = """
import numpy as np
from rook_bench import decision_source
from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape

def sides(move):
    return np.select([move > 0, move < 0], [Side.BUY, Side.SELL], Side.HOLD).astype(np.int8)

@decision_source
def honest():
    class One:
        def decide(self, view, ask):
            price = view["price"]
            reason = np.array([f"at {value:.3f}" for value in price], dtype=object)
            return DecisionTape.from_sides(sides(price - np.append(price[:1], price[:-1])), 0.1, reason=reason)
    return One()

@decision_source
def leaking():
    class One:
        def decide(self, view, ask):
            price = view["price"]
            return DecisionTape.from_sides(sides(np.append(price[1:], price[-1:]) - price), 0.1)
    return One()
"""


@pytest.mark.parametrize(("name", "status"), [("honest", "clean"), ("leaking", "leak")])
def test_a_long_tape_is_judged_as_a_short_one(tape, tmp_path, monkeypatch, name, status):
    monkeypatch.setattr(lookahead, "MANY_CUTS", 4)
    (tmp_path / "plugin.py").write_text(textwrap.dedent(PLUGIN))
    run = replay(tape[:2000], f"{tmp_path / 'plugin.py'}@{name}", fresh=True)
    told = look_again(run, np.random.default_rng(1))
    with in_parts(300, files=True):
        assert look_again(run, np.random.default_rng(1)) == told
    assert told.status == status, told.detail


def test_an_answer_of_longer_columns_than_the_tape_is_none(tape, monkeypatch):
    question = DecideQuestion(Asked.of(Source.parse("momentum")), tape[:2000].unlabelled, 2000, 0)
    with in_parts(300, files=True):
        assert len(apart().ask(question, watched=False).tape) == 2000
        monkeypatch.setattr(asking, "_rows_of", lambda question: 100)
        answer = apart().ask(question, watched=False)
    assert answer.tape is None
    assert "longer than the tape" in answer.error
    monkeypatch.undo()
    assert len(apart().ask(question, watched=False).tape) == 2000
