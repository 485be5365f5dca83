"""Sources that keep, somewhere, what they saw of the future are found out, whatever the place is."""

import os
import textwrap

import numpy as np
import pytest

from rook_bench.core import InputError
from rook_bench.replay import ReplayConfig, replay
from rook_bench.replay.apart import Apart, RiskQuestion, apart
from rook_bench.replay.causality import ANSWERS, look_again
from rook_bench.sources import Source, lookahead
from rook_bench.sources.own_files import companions

HEAD = """
import numpy as np
from rook_bench import decision_source
from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape

def later(price):
    move = np.append(price[1:], price[-1]) - price
    return np.select([move > 0, move < 0], [Side.BUY, Side.SELL], Side.HOLD).astype(np.int8)

def earlier(price):
    move = price - np.append(price[0], price[:-1])
    return np.select([move > 0, move < 0], [Side.BUY, Side.SELL], Side.HOLD).astype(np.int8)
"""


@pytest.fixture(autouse=True)
def _at_few_places(monkeypatch):
    # A gate asks at 48, which costs as much again and again what is tried here once.
    monkeypatch.setattr(lookahead, "MANY_CUTS", 6)


@pytest.fixture
def written(tmp_path):
    """Makes a run of a plugin that a body of code says, in a file of its own."""

    def make(body, frame, name="mine", files=None, config=None):
        file = tmp_path / "plugin.py"
        file.write_text(HEAD + textwrap.dedent(body).replace("TMP", repr(str(tmp_path))))
        return replay(frame, f"{file}@{name}", config, fresh=True)

    return make


def again(run):
    """The check as a gate makes it."""
    return look_again(run, np.random.default_rng(3))


KEEPERS = {
    "a file of numpy": """
        from pathlib import Path
        KEPT = Path(TMP) / "prices.npy"
        def store(price): np.save(KEPT, price)
        def kept(): return np.load(KEPT) if KEPT.exists() else None
        """,
    "a file of pyarrow, which Python does not open": """
        from pathlib import Path
        import pyarrow as pa, pyarrow.parquet as pq
        KEPT = Path(TMP) / "prices.parquet"
        def store(price): pq.write_table(pa.table({"p": price}), str(KEPT))
        def kept(): return pq.read_table(str(KEPT))["p"].to_numpy() if KEPT.exists() else None
        """,
    "a database": """
        import sqlite3
        def base(): return sqlite3.connect(TMP + "/prices.sqlite")
        def store(price):
            with base() as b:
                b.execute("create table p (v real)"); b.executemany("insert into p values (?)", [(v,) for v in price])
        def kept():
            try: return np.array([v for v, in base().execute("select v from p order by rowid")])
            except sqlite3.OperationalError: return None
        """,
    "a file among installed packages": """
        from pathlib import Path
        KEPT = Path(np.__file__).parent / "rook_bench_test_prices.npy"
        def store(price): np.save(KEPT, price)
        def kept(): return np.load(KEPT) if KEPT.exists() else None
        """,
    "shared memory": """
        from multiprocessing import shared_memory, resource_tracker
        def store(price):
            m = shared_memory.SharedMemory("rook_bench_test", create=True, size=price.nbytes)
            np.ndarray(price.shape, buffer=m.buf)[:] = price
            m.close()
        def kept():
            try: m = shared_memory.SharedMemory("rook_bench_test")
            except Exception: return None
            return np.frombuffer(bytes(m.buf))
        """,
    "another program": """
        import subprocess
        def store(price): open(TMP + "/prices.txt", "w").write(" ".join(map(repr, map(float, price))))
        def kept():
            try: return np.array(subprocess.check_output(["cat", TMP + "/prices.txt"]).split(), float)
            except Exception: return None
        """,
    "a server": """
        import socket, threading
        def store(price):
            s = socket.create_server(("127.0.0.1", 0)); at = s.getsockname()[1]
            open(TMP + "/port", "w").write(str(at))
            def serve():
                while True:
                    c, _ = s.accept(); c.sendall(price.tobytes()); c.close()
            threading.Thread(target=serve, daemon=True).start()
        def kept():
            try: at = int(open(TMP + "/port").read())
            except Exception: return None
            c, parts = socket.create_connection(("127.0.0.1", at), timeout=2), b""
            while part := c.recv(1 << 16): parts += part
            return np.frombuffer(parts)
        """,
    "a module that it imports": """
        import json
        def store(price): json.rook_bench_test = price.copy()
        def kept(): return getattr(json, "rook_bench_test", None)
        """,
    "the environment": """
        import os
        def store(price): os.environ["ROOK_TEST_PRICES"] = " ".join(f"{p:.6g}" for p in price)
        def kept():
            text = os.environ.get("ROOK_TEST_PRICES")
            return None if text is None else np.array(text.split(), float)
        """,
    "what the memory of the process holds": """
        import gc
        from rook_bench.market.frame import SwapFrame
        def store(price): pass
        def kept():
            frames = [one for one in gc.get_objects() if type(one) is SwapFrame]
            return max(frames, key=len).price if frames else None
        """,
    "an extended attribute": """
        import os
        def store(price): open(TMP + "/a", "w").close(); os.setxattr(TMP + "/a", "user.p", price[:400].tobytes())
        def kept():
            try: return np.frombuffer(os.getxattr(TMP + "/a", "user.p"))
            except OSError: return None
        """,
}

DECIDE = """
@decision_source(whole_tape=True)
def mine():
    def decide(view):
        price = np.array(view["price"])
        known = kept()
        if known is None:
            store(price)
            known = price
        known = known if len(known) >= len(price) else price
        return DecisionTape.from_sides(later(known)[: len(price)], 0.05)
    return decide
"""


@pytest.mark.parametrize("place", KEEPERS)
def test_what_is_kept_anywhere_is_found(place, written, short_tape, monkeypatch, tmp_path):
    monkeypatch.setenv("ROOK_TEST_PRICES", "0")
    monkeypatch.delenv("ROOK_TEST_PRICES")
    try:
        run = written(textwrap.dedent(KEEPERS[place]) + DECIDE, short_tape)
        found = again(run)
    finally:
        from pathlib import Path

        (Path(np.__file__).parent / "rook_bench_test_prices.npy").unlink(missing_ok=True)
        Path("/dev/shm/rook_bench_test").unlink(missing_ok=True)
    assert found.status in ("leak", "unchecked"), found.detail


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("a file of numpy", "read {tmp}/prices.npy"),
        ("a file of pyarrow, which Python does not open", "prices.parquet"),
        ("a file among installed packages", "rook_bench_test_prices.npy"),
        ("another program", "started"),
        ("a server", "read {tmp}/port"),
    ],
)
def test_the_place_is_named(place, named, written, short_tape, tmp_path):
    try:
        found = again(written(textwrap.dedent(KEEPERS[place]) + DECIDE, short_tape))
    finally:
        from pathlib import Path

        (Path(np.__file__).parent / "rook_bench_test_prices.npy").unlink(missing_ok=True)
    assert found.status == "unchecked"
    assert named.format(tmp=tmp_path) in found.detail


HONEST = """
@decision_source(whole_tape=True)
def mine():
    def decide(view):
        return DecisionTape.from_sides(earlier(view["price"]), 0.05)
    return decide
"""


def test_an_honest_source_is_clean(written, short_tape):
    found = again(written(HONEST, short_tape))
    assert found.status == "clean", found.detail


def test_reading_time_zones_libraries_and_random_numbers_is_no_offence(written, short_tape):
    body = """
        import json, os, secrets, scipy.stats, zoneinfo, pandas as pd

        @decision_source(whole_tape=True)
        def mine():
            def decide(view):
                import sqlite3, decimal, scipy.signal
                sqlite3.connect(":memory:").execute("select 1")
                secrets.token_bytes(8); os.cpu_count()
                view.at_index.tz_convert(zoneinfo.ZoneInfo("Europe/Berlin"))
                pd.Timestamp("2024-01-01", tz="America/New_York")
                print("deciding")
                return DecisionTape.from_sides(earlier(view["price"]), 0.05)
            return decide
        """
    found = again(written(body, short_tape))
    assert found.status == "clean", found.detail


def test_a_declared_file_may_be_read_and_is_part_of_the_source(written, short_tape, tmp_path):
    body = """
        from pathlib import Path
        @decision_source(whole_tape=True, files=["scale.npy"])
        def mine():
            scale = float(np.load(Path(__file__).parent / "scale.npy"))
            def decide(view):
                return DecisionTape.from_sides(earlier(view["price"] * scale), 0.05)
            return decide
        """
    np.save(tmp_path / "scale.npy", 2.0)
    run = written(body, short_tape)
    assert again(run).status == "clean"
    before = run.source.content
    np.save(tmp_path / "scale.npy", 3.0)
    assert Source.parse(run.source.reference).content != before
    assert "is not what it was" in again(run).detail
    (tmp_path / "scale.npy").unlink()
    with pytest.raises(InputError, match="declares it in files="):
        Source.parse(run.source.reference)


def test_a_module_beside_it_is_part_of_the_source(written, short_tape, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helper_of_mine.py").write_text("import deeper_of_mine\nSIZE = deeper_of_mine.SIZE\n")
    (tmp_path / "deeper_of_mine.py").write_text("SIZE = 0.05\n")
    run = written("import helper_of_mine\n" + HONEST.replace("0.05", "helper_of_mine.SIZE"), short_tape)
    names = {path.name for path in companions(run.source.choice.plugin)}
    assert names == {"helper_of_mine.py", "deeper_of_mine.py"}
    found = again(run)
    assert found.status == "clean", found.detail
    (tmp_path / "deeper_of_mine.py").write_text("SIZE = 0.06\n")
    assert "is not what it was" in again(run).detail


def test_a_parameter_that_lies_in_memory_is_not_handed_on(written, short_tape, tmp_path):
    """A list that the first asking fills is what it was recorded as when it is asked again."""
    body = """
        @decision_source(whole_tape=True)
        def mine(kept: list = None):
            def decide(view):
                if not kept:
                    kept.extend(view["price"].tolist())
                known = np.array(kept if len(kept) >= len(view) else view["price"])
                return DecisionTape.from_sides(later(known)[: len(view)], 0.05)
            return decide
        """
    file = tmp_path / "plugin.py"
    file.write_text(HEAD + textwrap.dedent(body).replace("kept: list = None", "kept: object = None"))
    from rook_bench.plugins import Choice, decision_source

    plugin = decision_source.get(f"{file}@mine")
    source = Source.chosen(Choice(f"{file}@mine", plugin, {"kept": []}))
    found = again(replay(short_tape, source, fresh=True))
    assert found.status in ("leak", "unchecked"), found.detail


def test_labels_are_shown_to_nobody_who_is_judged(written, short_tape):
    hindsight = np.append(short_tape.price[30:], np.full(30, short_tape.price[-1])) > short_tape.price
    from dataclasses import replace as changed

    count = len(short_tape)
    labelled = changed(
        short_tape,
        labels={
            "label_side": np.where(hindsight, "BUY", "SELL").astype(object),
            "label_size": np.full(count, 0.05),
            "label_slippage_bps": np.full(count, 50.0),
            "label_deadline_s": np.full(count, 300.0),
        },
    )
    body = """
        @decision_source(whole_tape=True)
        def mine():
            def decide(view):
                assert view.labels() == {} and not view._columns.frame.labels
                return DecisionTape.from_sides(earlier(view["price"]), 0.05)
            return decide
        """
    assert again(written(body, labelled)).status == "clean"
    found = again(replay(labelled, "labels", fresh=True))
    assert found.status == "unchecked"
    assert "may know the future" in found.detail


def test_a_filter_that_remembers_is_found(written, short_tape, tmp_path, monkeypatch):
    (tmp_path / "kept.py").write_text("prices = []\n")
    strategies = tmp_path / "own"
    strategies.mkdir()
    (strategies / "filters.py").write_text(
        textwrap.dedent(
            """
            import json
            import numpy as np
            from rook_bench import risk_filter

            @risk_filter
            def knows():
                def allow(view, decisions):
                    kept = getattr(json, "rook_bench_filter", None)
                    if kept is None:
                        kept = json.rook_bench_filter = np.array(view["price"])
                    return (np.append(kept[1:], kept[-1]) > kept)[: len(view)]
                return allow
            """
        )
    )
    monkeypatch.setenv("ROOK_BENCH_STRATEGIES", str(strategies))
    run = written(HONEST, short_tape, config=ReplayConfig(risk={"filters": ["knows"]}))
    assert again(run).status == "leak"


def test_what_kills_its_process_is_unchecked_and_the_next_question_is_answered(written, short_tape):
    body = """
        import os
        @decision_source(whole_tape=True)
        def mine():
            def decide(view):
                if os.getpid() != PID:
                    os._exit(STATUS)
                return DecisionTape.from_sides(earlier(view["price"]), 0.05)
            return decide
        """
    for status in (0, 5):
        found = again(written(body.replace("STATUS", str(status)).replace("PID", str(os.getpid())), short_tape))
        assert found.status == "unchecked"
        assert "ended without an answer" in found.detail
    assert again(written(HONEST, short_tape)).status == "clean"


def test_no_question_sees_the_memory_of_another(short_tape, written):
    """Every process is a fork of one that has seen no tape."""
    body = """
        import sys
        @decision_source(whole_tape=True)
        def mine():
            def decide(view):
                seen = getattr(sys, "rook_bench_seen", 0)
                sys.rook_bench_seen = seen + 1
                return DecisionTape.from_sides(earlier(view["price"]), 0.05 if seen == 0 else 0.06)
            return decide
        """
    assert again(written(body, short_tape)).status == "clean"
    apart().close()


@pytest.fixture(scope="module")
def asked_model(tiny_adapter, short_tape):
    return replay(short_tape, f"lora:{tiny_adapter}", fresh=True)


def test_answers_of_a_model_are_computed_anew(asked_model):
    found = look_again(asked_model, np.random.default_rng(1))
    assert found.status == "clean", found.detail
    assert f"{ANSWERS} of its answers were computed anew" in found.detail


def test_answers_that_the_model_never_gave_are_found(asked_model):
    from dataclasses import replace as changed

    decided = asked_model.decided
    side = np.where(decided.tape.side == 0, 2, 0).astype(np.int8)
    tape = changed(decided.tape, side=side, size=np.where(side == 1, 0.0, 0.05), confidence=np.full(len(side), 0.9))
    forged = changed(asked_model, decided=changed(decided, tape=tape))
    found = look_again(forged, np.random.default_rng(1))
    assert found.status == "leak"
    assert "computed anew, its answer" in found.detail


def test_no_process_is_started_anew_for_modules_that_this_one_has(tape):
    """Starting one takes seconds; where it lacks a module, every question would import it."""
    asked, question = Apart(), RiskQuestion(None, tape[:3], None)
    assert "has no attribute" in asked.ask(question, modules=["wave"]).error
    first = asked._process
    assert {"wave", "numpy", "rook_bench"} <= asked._loaded
    for modules in (["wave"], ["numpy", "pathlib"], ["rook_bench.core"], []):
        assert "has no attribute" in asked.ask(question, modules=modules).error
        assert asked._process is first
    lacking = next(name for name in ("mailbox", "imaplib", "nntplib") if name not in asked._loaded)
    asked._import([lacking])
    assert asked._process is None  # it ends, and the next question starts one that has both
    assert set(asked._modules) == {lacking, "wave"}
