"""Pictures drawn by several processes are those of one, whatever becomes of a process."""

import os
import signal
import sys
from functools import partial

import pytest

from rook_bench.report.charts.canvas import NoPicture, Picture, blank, style
from rook_bench.report.drawing import drawn

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="drawn by one process elsewhere")

HERE = os.getpid()


def draw(name):
    with style():
        figure = blank(f"The picture {name}")
        figure.add_subplot().plot([0, 1], [0, len(name)])
    return [Picture(name, name.title(), f"The picture {name}", "", figure)]


def not_here(name):
    """Ends the process it is drawn by, unless it is the first."""
    if os.getpid() != HERE:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(name)


@pytest.fixture
def forked(monkeypatch):
    """Processes that were begun, as far as this one knows."""
    fork, begun = os.fork, []

    def remember():
        process = fork()
        begun.append(process)
        return process

    monkeypatch.setattr(os, "fork", remember)
    return begun


def is_left(process):
    """Whether a child was not waited for."""
    try:
        os.waitpid(process, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


NAMES = ["one", "two", "three", "four", "five"]


def test_the_same_bytes_from_one_process_and_from_several(tmp_path):
    (tmp_path / "alone").mkdir()
    (tmp_path / "together").mkdir()
    draws = [partial(draw, name) for name in NAMES]
    alone = drawn(draws, tmp_path / "alone", workers=1)
    assert drawn(draws, tmp_path / "together", workers=3) == alone
    assert [[shown.name for shown in place] for place in alone] == [[name] for name in NAMES]
    for name in NAMES:
        one, other = ((tmp_path / folder / f"{name}.png").read_bytes() for folder in ("alone", "together"))
        assert one == other


def test_a_process_that_is_lost_costs_no_picture(forked, tmp_path):
    found = drawn([partial(not_here, name) for name in NAMES], tmp_path, workers=3)
    assert [shown.name for place in found for shown in place] == NAMES
    assert all(shown.png for place in found for shown in place)
    assert len(forked) == 2
    assert not any(is_left(process) for process in forked)


def test_an_error_is_the_errors_own(forked, tmp_path):
    def fail():
        raise ValueError("no such picture")

    with pytest.raises(ValueError, match="no such picture"):
        drawn([partial(draw, "one"), fail, partial(draw, "two")], tmp_path, workers=2)
    assert len(forked) == 1
    assert not any(is_left(process) for process in forked)


def test_a_sentence_in_place_of_a_picture_writes_no_file(tmp_path):
    ((shown,),) = drawn([lambda: [NoPicture("none", "None", "There is nothing to show.")]], tmp_path)
    assert (shown.png, shown.alt) == ("", "There is nothing to show.")
    assert not list(tmp_path.iterdir())
