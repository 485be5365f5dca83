"""What a second referee tried: names of folders, files among parameters, shared memory, helper packages, hanging."""

import textwrap

import numpy as np
import pytest
from test_apart import DECIDE, HONEST, again, written

from rook_bench.core import InputError
from rook_bench.replay import replay
from rook_bench.replay.apart import asking
from rook_bench.replay.causality import look_again
from rook_bench.sources import Source, lookahead

__all__ = ["written"]


@pytest.fixture(autouse=True)
def _at_few_places(monkeypatch):
    # A gate asks at 48, which costs as much again and again what is tried here once.
    monkeypatch.setattr(lookahead, "MANY_CUTS", 6)


KEEPERS = {
    "names of files": """
        import os
        from pathlib import Path
        PLACE = Path(TMP) / "names"
        def store(price):
            PLACE.mkdir(exist_ok=True)
            for row in range(0, len(price), 8):
                text = "-".join(f"{p:.5f}" for p in price[row:row + 8])
                (PLACE / f"{row:06d}_{text}").touch()
        def kept():
            if not PLACE.exists(): return None
            try: names = sorted(os.listdir(PLACE))
            except OSError: return np.zeros(10**6)
            return np.array([float(p) for name in names for p in name.split("_")[1].split("-")])
        """,
    "what looks like code among installed packages": """
        import numpy
        from pathlib import Path
        KEPT = Path(numpy.__file__).parent / "rook_bench_test_prices.so"
        def store(price): np.save(open(KEPT, "wb"), price)
        def kept(): return np.load(open(KEPT, "rb")) if KEPT.exists() else None
        """,
    "times of files": """
        import os
        from pathlib import Path
        PLACE = Path(TMP) / "times"
        def store(price):
            PLACE.mkdir(exist_ok=True)
            for row, p in enumerate(price):
                (PLACE / f"{row}").touch()
                os.utime(PLACE / f"{row}", ns=(0, int(p * 1e6)))
        def kept():
            if not (PLACE / "0").exists(): return None
            return np.array([os.stat(PLACE / f"{row}").st_mtime_ns / 1e6 for row in range(300)])
        """,
    "targets of links": """
        import os, posix
        from pathlib import Path
        PLACE = Path(TMP) / "links"
        def store(price):
            PLACE.mkdir(exist_ok=True)
            for row, p in enumerate(price):
                (PLACE / f"{row}").unlink(missing_ok=True)
                os.symlink(str(p), PLACE / f"{row}")
        def kept():
            try: return np.array([float(posix.readlink(str(PLACE / f"{row}"))) for row in range(300)])
            except OSError: return None
        """,
    "System V shared memory": """
        import ctypes
        C = ctypes.CDLL(None)
        C.shmat.restype = ctypes.c_void_p
        def store(price):
            one = C.shmget(0x524F4F4B, 1 << 16, 0o1600)
            ctypes.memmove(C.shmat(one, None, 0), price.tobytes(), price.nbytes)
        def kept():
            one = C.shmget(0x524F4F4B, 1 << 16, 0o600)
            return None if one < 0 else np.frombuffer(ctypes.string_at(C.shmat(one, None, 0), 8 * 300)).copy()
        """,
}


@pytest.mark.parametrize("place", KEEPERS)
def test_what_is_kept_there_is_found_too(place, written, short_tape):
    import ctypes
    from pathlib import Path

    try:
        found = again(written(textwrap.dedent(KEEPERS[place]) + DECIDE, short_tape))
    finally:
        (Path(np.__file__).parent / "rook_bench_test_prices.so").unlink(missing_ok=True)
        libc = ctypes.CDLL(None)
        libc.shmctl(libc.shmget(0x524F4F4B, 0, 0o600), 0, None)
    assert found.status in ("leak", "unchecked"), found.detail


def test_a_file_among_the_parameters_is_part_of_the_source(written, short_tape, tmp_path):
    body = """
        @decision_source(whole_tape=True)
        def mine(scale: str):
            factor = float(np.load(scale))
            def decide(view):
                return DecisionTape.from_sides(earlier(view["price"] * factor), 0.05)
            return decide
        """
    np.save(tmp_path / "scale.npy", 2.0)
    run = written(body, short_tape, name=f"mine:scale={tmp_path}/scale.npy")
    assert again(run).status == "clean"
    np.save(tmp_path / "scale.npy", 3.0)
    assert "is not what it was" in again(run).detail
    nothing = body.replace("factor = float(np.load(scale))", "factor = 1.0")
    nothing = nothing.replace("earlier(view", "open(scale + '/scale.npy').close() or earlier(view")
    folder = written(nothing.replace("open(", "open(", 1), short_tape, name=f"mine:scale={tmp_path}")
    assert again(folder).status == "unchecked"  # a folder holds whatever somebody puts there later


def test_helper_packages_and_relative_imports_are_its_own(short_tape, tmp_path, monkeypatch):
    package = tmp_path / "helpers_of_mine"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sizes.py").write_text("SIZE = 0.05\n")
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "more.py").write_text("from ..sizes import SIZE\n")
    monkeypatch.syspath_prepend(tmp_path)
    place = tmp_path / "elsewhere"
    place.mkdir()
    from test_apart import HEAD

    body = "from helpers_of_mine.deep.more import SIZE\n" + HEAD + textwrap.dedent(HONEST).replace("0.05", "SIZE")
    (place / "plugin.py").write_text(body)
    run = replay(short_tape, f"{place}/plugin.py@mine", fresh=True)
    found = again(run)
    assert found.status == "clean", found.detail
    (package / "sizes.py").write_text("SIZE = 0.06\n")
    assert "is not what it was" in again(run).detail


def test_threads_of_joblib_are_no_offence(written, short_tape):
    joblib = pytest.importorskip("joblib")
    body = """
        import joblib
        @decision_source(whole_tape=True)
        def mine():
            def decide(view):
                joblib.Parallel(n_jobs=2, prefer="threads")(joblib.delayed(abs)(one) for one in range(4))
                return DecisionTape.from_sides(earlier(view["price"]), 0.05)
            return decide
        """
    found = again(written(body, short_tape))
    assert joblib
    assert found.status == "clean", found.detail


def test_who_does_not_answer_in_time_is_unchecked(written, short_tape, monkeypatch):
    monkeypatch.setattr(asking, "LIMIT_S", 2)
    body = """
        import os, time
        @decision_source(whole_tape=True)
        def mine():
            def decide(view):
                if os.getpid() != PID:
                    time.sleep(30)
                return DecisionTape.from_sides(earlier(view["price"]), 0.05)
            return decide
        """
    import os

    found = again(written(body.replace("PID", str(os.getpid())), short_tape))
    assert found.status == "unchecked"
    assert "no answer came within 2 s" in found.detail
    monkeypatch.undo()
    assert again(written(HONEST, short_tape)).status == "clean"


@pytest.mark.parametrize("where", ["import", "decide"])
def test_who_ends_the_program_gives_no_exit_code(where, tmp_path, short_tape):
    from test_apart import HEAD

    end = "raise SystemExit(0)\n"
    body = HEAD + textwrap.dedent(HONEST)
    body = (
        end + body
        if where == "import"
        else body.replace("return DecisionTape", "raise SystemExit(0)\n        return DecisionTape")
    )
    file = tmp_path / "quits.py"
    file.write_text(body)
    with pytest.raises(InputError, match="fails|ended the program"):
        replay(short_tape, Source.parse(f"{file}@mine"), fresh=True)


def test_a_leak_that_was_found_stays_found(written, short_tape, monkeypatch):
    """Whatever is found later: a plugin in the judge's own process might have had a hand in that."""
    from rook_bench.metrics import analyse
    from rook_bench.sources.lookahead import Lookahead
    from rook_bench.workbench import judge
    from rook_bench.workbench.evaluation import Evaluation

    run = written(HONEST.replace("earlier(", "later("), short_tape)
    assert run.lookahead.status == "leak"
    monkeypatch.setattr(judge, "look_again", lambda run, rng: Lookahead("clean", (), None, "trust me"))
    assert judge.looked_at_again(Evaluation.of(analyse(run))).run.lookahead.status == "leak"
    assert look_again(run, np.random.default_rng(0)).status == "leak"
