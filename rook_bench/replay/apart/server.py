"""The process that answers: it forks before it reads a question, so that no question meets another's memory.

What comes in is an outer frame with the place to stand in, whose inner pickle is opened after the watch began: to
unpickle a plugin is to run its file.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.lifeline import die_with_parent
from rook_bench.replay.apart.wire import ANSWER, DONE, LOADED, TOUCHED, pickled, receive, receive_files, send, write

NOTHING_LEFT = 71
"""Exit status of the process that found the pipe closed."""


def main(modules: Sequence[str] = ()) -> None:
    """Answer questions from standard input until it is closed.

    Args:
        modules: of installed packages, which plugins import: once here and not with every question.
    """
    die_with_parent()
    questions, answers = os.dup(0), os.dup(1)
    # What libraries do on their own: count cores by a program, share semaphores with processes that there are none of.
    os.environ.update({"LOKY_MAX_CPU_COUNT": "1", "JOBLIB_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1"})
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # what a plugin prints was printed when it was first asked
        os.dup2(nothing, standard)
    from rook_bench.market.features import load_compiled
    from rook_bench.plugins import load_installed
    from rook_bench.replay.apart import question, watch

    load_installed()
    load_compiled()  # whoever is watched reads no cache
    watch.came_with_packages()  # once, and not with every question
    del question
    for module in modules:
        with contextlib.suppress(BaseException):  # whoever imports it will see what is wrong with it
            importlib.import_module(module)
    send(answers, LOADED, pickle.dumps(frozenset(sys.modules)))
    while True:
        child = os.fork() if hasattr(os, "fork") else 0
        if child == 0:
            _answer_one(questions, answers)  # never returns
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 0:  # nothing was left to answer, or it was killed while it answered
            return
        send(answers, DONE, b"")


def _answer_one(questions: int, answers: int) -> None:
    die_with_parent()
    frame = receive(questions)
    if frame is None:
        os._exit(NOTHING_LEFT)
    from rook_bench.core import mapped
    from rook_bench.replay.apart.question import Answer

    outer: dict[str, Any] = pickle.loads(frame[1])
    columns = []
    if outer["columns"]:
        with socket.socket(fileno=questions) as beside:
            columns = [mapped.opened(file) for file in receive_files(beside, outer["columns"])]
    os.chdir(outer["folder"])
    os.environ.update(outer["environment"])
    sys.path[:] = outer["path"]
    sys.dont_write_bytecode = True
    if outer["watched"]:
        from rook_bench.replay.apart.watch import watch

        mapped.MAPPED_FROM = sys.maxsize  # whoever is watched opens no files
        watch(map(Path, outer["own"]), _teller(answers))
    try:
        answer = pickle.loads(outer["question"], buffers=columns).answer()
    except BaseException as error:  # whatever a plugin raises is its answer
        what = str(error) or type(error).__name__
        answer = Answer(error=what if isinstance(error, Exception) else f"{type(error).__name__} {what}")
    with contextlib.suppress(BaseException):
        _send(answers, replace(answer, touched=()), outer["long"])
    os._exit(0)


def _send(answers: int, answer: Any, long: int) -> None:
    """Send an answer, and its long columns after it."""
    columns: list[NDArray[np.uint8]] = []

    def beside(column: NDArray[np.uint8]) -> bool:
        columns.append(column)
        return True

    told = pickled(answer, beside, long)
    send(answers, ANSWER, pickle.dumps((told, [column.nbytes for column in columns])))
    for column in columns:
        write(answers, column.data)


def _teller(answers: int) -> Callable[[str], None]:
    told: set[str] = set()

    def tell(what: str) -> None:
        # At once, so that nothing the plugin does later can take it back.
        if what not in told and len(told) < 100:
            told.add(what)
            send(answers, TOUCHED, what.encode("utf-8", "replace"))

    return tell


if __name__ == "__main__":
    main()
