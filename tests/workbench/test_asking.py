"""Sources asked side by side decide what they decide here."""

from pathlib import Path

import pytest

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.engines.processes import Processes
from rook_bench.sources import Source
from rook_bench.workbench.asking import Asking, asked_elsewhere
from rook_bench.workbench.config import BenchConfig

PLUGIN = """
import numpy as np
from rook_bench import DecisionTape, decision_source
@decision_source(whole_tape=True)
def every(rows: int = 9):
    def decide(view):
        return DecisionTape.from_sides(np.where(np.arange(len(view)) % rows == 0, 0, 1), 0.05)
    return decide
"""


@pytest.fixture
def sources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(PLUGIN, encoding="utf-8")

    def function(view):
        return rook.Decision(rook.Side.HOLD)

    return ["momentum", "mine.py@every:rows=5", "random:0.2", function]


def test_every_run_is_the_same(short_tape, sources, empty_cache):
    here = rook.compare(short_tape, sources, seed=4, benchmarks=False)
    empty_cache()
    there = rook.compare(short_tape, sources, seed=4, benchmarks=False, engine=Processes(2))
    assert [one.run.run_hash for one in there] == [one.run.run_hash for one in here]
    assert [one.run.lookahead for one in there] == [one.run.lookahead for one in here]
    assert [one.run.decided.tape.to_bytes() for one in there] == [one.run.decided.tape.to_bytes() for one in here]


def test_what_only_this_process_knows_is_asked_here(short_tape, sources):
    asked = [Source.parse(one) for one in sources]
    found = asked_elsewhere(short_tape, asked, Processes(2), seed=0, fresh=True)
    assert [one is None for one in found] == [False, False, False, True]
    assert [one.source for one in found[:3]] == asked[:3]


def test_a_source_that_is_another_one_there_is_refused(short_tape, sources):
    job = Asking(short_tape, 0, False, str(Path.cwd()))
    source = Source.parse(sources[1])
    assert len(job.open()((source.reference, source.content)).tape) == len(short_tape)
    with pytest.raises(InputError, match=r"mine\.py@every:rows=5: is another one on the machine that was to ask it"):
        job.open()((source.reference, "0" * 64))


def test_what_can_not_be_assumed_is_said_before_anybody_is_asked(short_tape, sources, monkeypatch):
    monkeypatch.setattr("rook_bench.workbench.running.asked_elsewhere", None)
    with pytest.raises((ConfigError, InputError), match="EUR"):
        rook.compare(short_tape, sources, BenchConfig.parse({"numeraire": "EUR"}, where="test"), engine=Processes(2))


def test_the_command(command_line, sources, tmp_path):
    tape = Path(__file__).parents[2] / "data" / "sample.parquet"
    code, out, err = command_line(
        *("compare", tape, "--limit", "300", "--source", "momentum", "--source", "hold", "--processes", "2"),
        *("--out", tmp_path / "c", "--no-report"),
    )
    assert code == 0, err
    assert "momentum" in out
    code, _, err = command_line(
        *("compare", tape, "--source", "hold", "--processes", "2", "--ray", "auto", "--out", tmp_path / "d")
    )
    assert (code, "processes and ray are asked for" in err) == (3, True)
