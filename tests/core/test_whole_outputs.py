"""Several writers of one output, and writers that are killed: old or new, never a mixture, and no litter."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rook_bench.core import files
from rook_bench.core.files import MARKER, whole_file, whole_folder

WRITER = """
import sys
from pathlib import Path
from rook_bench.core.files import whole_folder
out, who, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(times):
    with whole_folder(out) as aside:
        for part in "ab":
            (aside / part).write_text(f"{who} {number}")
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from rook_bench.core import files
out, step = Path(sys.argv[1]), int(sys.argv[2])
count = 0
def die(*_):
    global count
    count += 1
    if count == step:
        os.kill(os.getpid(), signal.SIGKILL)
    return None
sys.settrace(lambda frame, event, argument: (die(), sys.gettrace())[1] if frame.f_code.co_filename == files.__file__ else None)
with files.whole_folder(out) as aside:
    for part in "ab":
        (aside / part).write_text("new")
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("swaps", [True, False], ids=["in one step", "in two steps"])
def test_several_writers_of_one_folder(tmp_path, swaps):
    code = WRITER if swaps else "import rook_bench.core.files as f; f.exchange = lambda *_: False\n" + WRITER
    writers = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path / "out", str(who), "40"], stderr=subprocess.PIPE)
        for who in range(3)
    ]
    assert [(writer.wait(), writer.stderr.read()) for writer in writers] == [(0, b"")] * 3
    assert names(tmp_path) == ["out"]
    first, second = ((tmp_path / "out" / part).read_text() for part in "ab")
    assert first == second


def test_a_writer_killed_at_any_step_leaves_old_or_new_and_the_next_one_cleans_up(tmp_path):
    seen = set()
    for step in range(1, 90, 2):
        out = tmp_path / f"at{step}" / "out"
        with whole_folder(out) as aside:
            for part in "ab":
                (aside / part).write_text("old")
        done = subprocess.run([sys.executable, "-c", KILLED, out, str(step)], check=False, capture_output=True)
        assert names(out) == [MARKER, "a", "b"], f"killed at step {step}"
        found = {(out / part).read_text() for part in "ab"}
        assert len(found) == 1
        seen |= found
        if done.returncode == 0:
            break
        with whole_folder(out) as aside:
            (aside / "c").write_text("")
        assert names(out.parent) == ["out"], f"killed at step {step}"
    assert seen == {"old", "new"}


def test_what_living_writers_and_others_keep_there_stays(tmp_path):
    (tmp_path / ".out.mine").mkdir()
    (tmp_path / f".out.{files._HOST}-{os.getpid()}.abcdefgh").mkdir()
    (tmp_path / ".out.elsewhere-1.abcdefgh").mkdir()
    with whole_folder(tmp_path / "out"):
        pass
    with whole_file(tmp_path / "out.txt"):
        pass
    assert len(names(tmp_path)) == 5


def test_a_folder_that_somebody_put_there_meanwhile_is_not_replaced(tmp_path):
    from rook_bench.core import InputError

    with pytest.raises(InputError, match="did not write"), whole_folder(tmp_path / "out") as aside:
        (aside / "a").write_text("mine")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("years of work")
    assert names(tmp_path / "out") == ["thesis.txt"]
    assert names(tmp_path) == ["out"]


def test_termination_is_an_interruption(tmp_path):
    """docker stop, or a job that is cancelled."""
    code = "from rook_bench.cli.main import main; main()"
    command = [sys.executable, "-c", code, "data", "simulate", "--out", "tape.parquet", "--swaps", "300000"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    time.sleep(2.5)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert names(tmp_path) == []
