"""The process that answers: it forks before it reads a question, so that no question meets another's memory.

Frames on the pipes are a kind (one byte), a length (eight bytes, big-endian) and a pickle. What comes in is an
outer frame with the place to stand in, whose inner pickle is opened after the watch began: to unpickle a plugin is
to run its file.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import select
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rook_bench.core.lifeline import die_with_parent

QUESTION, TOUCHED, ANSWER, DONE = b"?", b"!", b"=", b"."
LOADED = b"+"
"""Comes first, once: the names of all modules that need not be imported with a question any more."""

NOTHING_LEFT = 71
"""Exit status of the process that found the pipe closed."""


def send(pipe: int, kind: bytes, content: bytes) -> None:
    """Write one frame."""
    view = memoryview(kind + len(content).to_bytes(8, "big") + content)
    while len(view):
        view = view[os.write(pipe, view) :]


def receive(pipe: int, until: float | None = None) -> tuple[bytes, bytes] | None:
    """Read one frame; None where the pipe is closed, or closes within it.

    Args:
        until: `time.monotonic()` at which waiting ends in a TimeoutError.
    """
    head = _exactly(pipe, 9, until)
    content = None if head is None else _exactly(pipe, int.from_bytes(head[1:], "big"), until)
    return None if head is None or content is None else (head[:1], content)


def _exactly(pipe: int, count: int, until: float | None) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        if until is not None and not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
            raise TimeoutError("no answer")
        part = os.read(pipe, min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


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
    from rook_bench.core import mapped
    from rook_bench.market.features import load_compiled
    from rook_bench.plugins import load_installed
    from rook_bench.replay.apart import question, watch

    load_installed()
    mapped.MAPPED_FROM = sys.maxsize  # whoever is watched opens no files
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
    from rook_bench.replay.apart.question import Answer

    outer: dict[str, Any] = pickle.loads(frame[1])
    os.chdir(outer["folder"])
    os.environ.update(outer["environment"])
    sys.path[:] = outer["path"]
    sys.dont_write_bytecode = True
    if outer["watched"]:
        from rook_bench.replay.apart.watch import watch

        watch(map(Path, outer["own"]), _teller(answers))
    try:
        answer = pickle.loads(outer["question"]).answer()
    except BaseException as error:  # whatever a plugin raises is its answer
        what = str(error) or type(error).__name__
        answer = Answer(error=what if isinstance(error, Exception) else f"{type(error).__name__} {what}")
    with contextlib.suppress(BaseException):
        send(answers, ANSWER, pickle.dumps(replace(answer, touched=())))
    os._exit(0)


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
