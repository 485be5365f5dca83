"""Sources that are functions: at the prompt, in a notebook's cell, in a script. Redefined at will, never confused."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from rook_bench.core import ConfigError, Decision, InputError, Side, UnknownName
from rook_bench.core.cache_folder import CACHE_VARIABLE
from rook_bench.plugins import decision_source
from rook_bench.replay import load_run, replay, save_run
from rook_bench.replay.causality import look_again
from rook_bench.sources import Source, decide
from rook_bench.sources.lookahead import check_source


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch, own_cache):
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "numba").symlink_to(own_cache / "numba", target_is_directory=True)
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder / "decisions"


def buyer(size):
    return lambda view: Decision(Side.BUY, size=size)


def sizes(source, tape):
    return set(decide(Source.parse(source), tape).tape.size)


def test_any_function_of_the_view(short_tape):
    run = replay(short_tape, buyer(0.25))
    assert set(run.decided.tape.size) == {0.25}
    assert run.lookahead.status == "clean"
    spec = run.source.spec
    assert (spec.kind, spec.params, spec.file) == ("decision_source", {}, "<test_functions.py>")
    assert spec.name == run.source.reference == run.name


def test_a_function_goes_by_its_name_and_a_lambda_by_what_it_is():
    def mine(view):
        """Holds."""
        return Decision.hold()

    assert Source.of(mine).reference == "mine"
    assert Source.of(mine).choice.plugin.summary == "Holds."
    first, second, again = (Source.of(buyer(size)).reference for size in (0.1, 0.2, 0.1))
    assert first.startswith("lambda-")
    assert first == again != second


def test_parse_takes_a_source_a_reference_or_a_function():
    source = Source.parse("hold")
    assert Source.parse(source) is source
    assert Source.parse(buyer(0.1)) is not None
    for odd in (3, None, [1], Own):
        with pytest.raises(InputError, match="is no decision source; give a name, a function of the view"):
            Source.parse(odd)


def test_closure_values_do_not_share_decisions(short_tape, empty_cache):
    """The same text and the same code, another value: what was kept for the one must not answer for the other."""
    one, two = Source.of(buyer(0.25)), Source.of(buyer(0.5))
    assert one.spec.sha256 == two.spec.sha256
    assert one.content != two.content
    assert [sizes(buyer(size), short_tape) for size in (0.25, 0.5, 0.25)] == [{0.25}, {0.5}, {0.25}]
    assert len(list(empty_cache.glob("*"))) == 2
    assert decide(Source.of(buyer(0.25)), short_tape).reused


def test_defaults_do_not_share_decisions(short_tape):
    first = lambda view, size=0.25: Decision(Side.BUY, size=size)  # noqa: E731
    assert sizes(first, short_tape) == {0.25}
    first.__defaults__ = (0.5,)
    assert sizes(first, short_tape) == {0.5}


LEVEL = 0.25


def test_a_global_that_changed_after_the_source_was_made(short_tape, monkeypatch):
    source = Source.of(lambda view: Decision(Side.BUY, size=LEVEL))
    assert sizes(source, short_tape) == {0.25}
    monkeypatch.setitem(globals(), "LEVEL", 0.5)
    assert sizes(source, short_tape) == {0.5}
    monkeypatch.setitem(globals(), "LEVEL", 0.25)
    assert decide(source, short_tape).reused
    assert sizes(source, short_tape) == {0.25}


class Own:
    size = 0.25


def test_where_it_can_not_be_told_it_is_asked_again(short_tape, empty_cache):
    own, asked = Own(), []

    def mine(view):
        if len(view) == 1:
            asked.append(own.size)
        return Decision(Side.BUY, size=own.size)

    source = Source.of(mine)
    assert not source.reusable
    assert sizes(source, short_tape) == {0.25}
    own.size = 0.5
    assert sizes(source, short_tape) == {0.5}
    assert not decide(source, short_tape).reused
    assert asked == [0.25, 0.5, 0.5]
    assert not empty_cache.exists()


def test_one_that_changes_while_it_is_asked_is_not_kept(short_tape, empty_cache):
    kept = []

    def mine(view):
        kept.append(len(view))
        return Decision.hold()

    assert not decide(Source.of(mine), short_tape).reused
    assert not decide(Source.of(mine), short_tape).reused
    assert not empty_cache.exists()


def test_an_object_that_decides(short_tape):
    class Whole:
        def decide(self, view, ask):
            return decide(Source.parse("always-buy:0.3"), short_tape).tape.head(ask.rows)

    source = Source.of(Whole())
    assert source.reference == "Whole"
    assert set(source.ask(short_tape).size) == {0.3}
    assert not source.reusable


def test_what_a_decorated_factory_made_keeps_its_name_and_parameters(short_tape):
    with decision_source.isolated():

        @decision_source
        def scaled(size: float = 0.1, sizes: object = None):
            """Buys."""
            return lambda view: Decision(Side.BUY, size=size if sizes is None else float(sizes[0]))

        made, default, odd = (
            Source.of(one) for one in (scaled(size=0.4), scaled, scaled(sizes=np.array([0.3, *[0.0] * 2000])))
        )
        other = Source.of(scaled(sizes=np.array([0.6, *[0.0] * 2000])))
        assert Source.parse("scaled:size=0.4").spec.params == {"size": "0.4", "sizes": None}
    assert (made.reference, made.spec.params) == ("scaled:size=0.4", {"size": 0.4, "sizes": None})
    assert (default.reference, default.spec.params["size"]) == ("scaled", 0.1)
    assert set(made.ask(short_tape).size) == {0.4}
    # A long array's text is cut, so its Spec is the same; its content is not.
    assert (odd.spec.params["sizes"] == other.spec.params["sizes"], odd.content == other.content) == (False, False)
    assert sizes(odd, short_tape) == {0.3}
    assert sizes(other, short_tape) == {0.6}


def test_a_factory_that_needs_something():
    from rook_bench.sources.recorded import recorded

    with pytest.raises(ConfigError, match="decision source 'recorded' needs its path; write recorded:PATH"):
        Source.of(recorded)


def test_a_leak_is_found_in_a_function_too(short_tape):
    def peeks(view):
        frame = view._columns.frame
        later = frame.price[min(len(view), len(frame) - 1)]
        return Decision(Side.BUY if later > view["price"][-1] else Side.SELL, size=0.1)

    def unseeded(view):
        return Decision(Side.BUY, size=float(np.random.default_rng().random()))

    for function in (peeks, unseeded):
        source = Source.of(function)
        assert check_source(source, short_tape, source.ask(short_tape)).status == "leak"


# Saved, and read in another place.


def saved(run, folder):
    folder.mkdir()
    save_run(run, folder)
    return folder


def test_a_saved_run_is_read_and_not_asked_again(short_tape, tmp_path):
    run = replay(short_tape, buyer(0.25))
    again = load_run(saved(run, tmp_path / "run"))
    assert again.run_hash == run.run_hash
    assert (again.source.reference, again.source.spec, again.source.content) == (
        run.source.reference,
        run.source.spec,
        run.source.content,
    )
    assert again.decided.tape.to_bytes() == run.decided.tape.to_bytes()
    found = look_again(again, np.random.default_rng(0))
    assert found.status == "unchecked"
    assert "it was defined in a notebook or a script" in found.detail
    found = check_source(again.source, short_tape, again.decided.tape)
    assert found.status == "unchecked"
    with pytest.raises(InputError, match="can't be made again: it was defined in a notebook or a script"):
        again.source.ask(short_tape)


def test_the_gate_can_not_ask_it_where_nothing_is_left_behind(short_tape):
    run = replay(short_tape, buyer(0.25))
    found = look_again(run, np.random.default_rng(0))
    assert (found.status, found.cuts) == ("unchecked", ())
    assert "move it into a file of its own" in found.detail


def test_a_saved_run_is_not_taken_for_a_plugin_of_that_name(short_tape, tmp_path):
    def momentum(view):
        return Decision(Side.BUY, size=0.25)

    again = load_run(saved(replay(short_tape, momentum), tmp_path / "run"))
    assert again.source.reference == "momentum"
    assert again.source.gone
    assert look_again(again, np.random.default_rng(0)).status == "unchecked"


def test_in_the_same_session_a_cell_is_found_again(short_tape, tmp_path):
    text = "@decision_source\ndef cell(size: float = 0.1):\n    '''.'''\n    return lambda view: Decision(Side.{}, size=size)"
    space = {"__name__": "__main__", "decision_source": decision_source, "Decision": Decision, "Side": Side}
    with decision_source.isolated():
        exec(text.format("BUY"), space)
        folder = saved(replay(short_tape, "cell:0.3"), tmp_path / "run")
        assert load_run(folder).source.gone is None
        exec(text.format("SELL"), space)
        assert load_run(folder).source.gone


def test_a_run_whose_plugin_file_is_gone_is_read(short_tape, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from rook_bench import Decision, decision_source\n\n@decision_source\ndef mine():\n    '''.'''\n"
        "    return lambda view: Decision.hold()\n"
    )
    run = replay(short_tape, f"{path}@mine")
    folder = saved(run, tmp_path / "run")
    path.unlink()
    again = load_run(folder)
    assert again.run_hash == run.run_hash
    found = look_again(again, np.random.default_rng(0))
    assert found.status == "unchecked"
    assert "mine.py: no such plugin file" in found.detail
    with pytest.raises(InputError, match="no such plugin file"):
        Source.remembered(f"{path}@mine", "")
    with pytest.raises(UnknownName):
        Source.remembered("never-was", "")


CELLS = r'''
import json, sys
from pathlib import Path
import numpy as np
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
def cell(text):
    result = shell.run_cell(text)
    result.raise_error()
    return result.result

cell("""import rook_bench as rook
import numpy as np
from rook_bench import Decision, Side, decision_source
from rook_bench.replay import replay
tape = rook.simulate(200, np.random.default_rng(0))""")
CELL = """@decision_source
def cell_source(every: int = 3):
    'Buys now and then.'
    def decide(view):
        return Decision(Side.BUY, size={size}) if len(view) % every == 0 else Decision.hold()
    return decide
"""
out = {}
cell(CELL.format(size=0.25))
run = cell("replay(tape, 'cell_source:every=5')")
out["first"] = [run.decided.tape.counts()["BUY"], run.decided.tape.size.max(), run.source.spec.to_json()]
out["kept"] = cell("replay(tape, 'cell_source:every=5').decided.reused")
cell(CELL.format(size=0.5))
run = cell("replay(tape, 'cell_source:every=5')")
out["second"] = [run.decided.reused, run.decided.tape.size.max(), run.source.spec.sha256]
run = cell("replay(tape, cell_source(every=4))")
out["made"] = [run.source.reference, run.decided.tape.counts()["BUY"]]
run = cell("replay(tape, lambda view: Decision.hold())")
out["lambda"] = [run.name, run.source.spec.file, run.lookahead.status]
try:
    cell("view = rook.MarketView.whole(tape)\nreplay(tape, lambda view: view['prise'])")
except Exception as error:
    out["column"] = str(error)
print("OUT", json.dumps(out))
'''


def test_in_a_notebook(tmp_path):
    pytest.importorskip("IPython")
    own = {**os.environ, "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", CELLS], capture_output=True, text=True, cwd=tmp_path, env=own)
    assert done.returncode == 0, done.stdout + done.stderr
    out = json.loads(done.stdout.rpartition("OUT ")[2])
    count, size, spec = out["first"]
    assert (count, size) == (40, 0.25)
    assert (spec["name"], spec["params"], spec["file"]) == ("cell_source", {"every": "5"}, "<notebook>")
    assert out["kept"] is True
    assert out["second"][:2] == [False, 0.5]
    assert out["second"][2] != spec["sha256"]
    assert out["made"] == ["cell_source:every=4", 50]
    assert out["lambda"][1:] == ["<notebook>", "clean"]
    assert "ipython-input" in out["column"]
    assert out["column"].endswith(":2: unknown column 'prise'; did you mean 'price'?")
