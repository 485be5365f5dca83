"""The side that asks: one process per question, made from one that has seen nothing."""

from __future__ import annotations

import atexit
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.cache_folder import CACHE_VARIABLE, cache_folder
from rook_bench.core.errors import InputError
from rook_bench.plugins import STRATEGIES_VARIABLE
from rook_bench.replay.apart.question import Answer, AnswersQuestion, DecideQuestion, RiskQuestion
from rook_bench.replay.apart.watch import LIBRARIES
from rook_bench.replay.apart.wire import (
    ANSWER,
    DONE,
    LOADED,
    QUESTION,
    TOUCHED,
    as_file,
    fill,
    pickled,
    receive,
    send,
    send_files,
)
from rook_bench.sources.own_files import imported_by

_ENVIRONMENT, _PATH = dict(os.environ), list(sys.path)
"""As they were before any plugin could leave something in them."""


_Question = DecideQuestion | RiskQuestion | AnswersQuestion

MOST_COLUMNS = 32
"""Long columns of an answer."""

LIMIT_S = 600
"""Seconds that one question may take: the first asking took less, or nobody would be here."""


class Apart:
    """Processes in which questions are answered, each in one that saw no other question."""

    def __init__(self) -> None:
        self._process: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._modules: tuple[str, ...] = ()
        self._loaded: frozenset[str] = frozenset()

    def ask(
        self,
        question: _Question,
        *,
        own: Collection[Path] = (),
        modules: Collection[str] = (),
        watched: bool = True,
        cache: Path | None = None,
    ) -> Answer:
        """The answer, with what was touched on the way to it; an error is an answer too.

        Args:
            question: what is asked.
            own: files that the plugin may read.
            modules: what its files import of installed packages (see `installed_modules`).
            watched: whether anything else that it touches is told; False for what is installed with this package.
            cache: a cache folder in place of the user's.
        """
        named = os.environ.get(STRATEGIES_VARIABLE, "") if isinstance(question, RiskQuestion) else os.devnull
        outer = {
            "folder": str(Path.cwd()),
            "environment": {CACHE_VARIABLE: str(cache or cache_folder()), STRATEGIES_VARIABLE: named},
            "path": [path for path in sys.path if Path(path).is_dir()],
            "own": [str(Path(path).absolute()) for path in own],
            "watched": watched,
            "long": mapped.MAPPED_FROM,
        }
        self._import(modules)
        server, questions = self._running()
        assert server.stdout is not None
        touched: list[str] = []
        answer = Answer(error="the process that was asked ended without an answer")
        try:
            _send(questions, outer, question)
            until = time.monotonic() + LIMIT_S
            while (frame := receive(server.stdout.fileno(), until)) is not None and frame[0] != DONE:
                kind, content = frame
                if kind == TOUCHED:
                    touched.append(content.decode())
                elif kind == ANSWER:
                    answer = _received(content, server.stdout.fileno(), until, _rows_of(question))
        except TimeoutError:
            answer = Answer(error=f"no answer came within {LIMIT_S} s")
            self.close(kill=True)
        except (OSError, pickle.PickleError, EOFError) as error:
            answer = Answer(error=f"the process that was asked failed ({error})")
            self.close()
        return replace(answer, touched=tuple(touched))

    def _import(self, modules: Collection[str]) -> None:
        """Have modules imported before anything is asked, and not with every question."""
        if not set(modules) <= self._loaded.union(self._modules):
            self.close()
            self._modules = tuple(sorted({*self._modules, *modules}))

    def _running(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        if self._process is not None and self._process[0].poll() is not None:
            self.close()
        if self._process is None:
            code = f"import sys; sys.path[:] = {_PATH!r}; "
            code += f"from rook_bench.replay.apart.server import main; main({self._modules!r})"
            own, theirs = socket.socketpair()  # not a pipe: files go along
            try:
                process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=theirs.fileno(),
                    stdout=subprocess.PIPE,
                    bufsize=0,
                    env=_ENVIRONMENT,
                )
                self._process = process, own
            except OSError as error:
                own.close()
                raise InputError(f"no further process can be started ({error.strerror})", where="gate") from None
            finally:
                theirs.close()
            self._loaded = _loaded_by(process)
        return self._process

    def close(self, *, kill: bool = False) -> None:
        """End the processes."""
        running, self._process = self._process, None
        if running is not None:
            process, questions = running
            if kill:
                process.kill()  # and with it the process that it made
            questions.close()
            if process.stdout is not None:
                process.stdout.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _send(questions: socket.socket, outer: dict[str, Any], question: _Question) -> None:
    """Send a question, the long columns of its tape as files."""
    files: list[int] = []

    def beside(column: NDArray[np.uint8]) -> bool:
        file = as_file(column)
        if file is not None:
            files.append(file)
        return file is not None

    try:
        inner = pickled(question, beside, mapped.MAPPED_FROM)
        whole = outer | {"question": inner, "columns": len(files)}
        send(questions.fileno(), QUESTION, pickle.dumps(whole))
        send_files(questions, files)
    finally:
        for file in files:
            os.close(file)


def _received(content: bytes, pipe: int, until: float, rows: int) -> Answer:
    """An answer with the long columns that come after it, none of them longer than decisions on so many rows are."""
    told, sizes = pickle.loads(content)
    if len(sizes) > MOST_COLUMNS or any(not 0 <= size <= 8 * rows for size in sizes):
        raise EOFError("its answer is longer than the tape")
    columns = [mapped.empty(size, np.uint8) for size in sizes]
    if not all(fill(pipe, column, until) for column in columns):
        raise EOFError("its answer ends within")
    answer: Answer = pickle.loads(told, buffers=columns)
    return answer


def _rows_of(question: _Question) -> int:
    return 0 if isinstance(question, AnswersQuestion) else len(question.frame)


def _loaded_by(process: subprocess.Popen[bytes]) -> frozenset[str]:
    """The modules that a process has loaded before it is asked; none of one that says nothing, nor answers then."""
    assert process.stdout is not None
    try:
        frame = receive(process.stdout.fileno(), time.monotonic() + LIMIT_S)
        if frame is not None and frame[0] == LOADED:
            return frozenset(pickle.loads(frame[1]))
    except (OSError, pickle.PickleError, EOFError):  # a TimeoutError is an OSError
        pass
    return frozenset()


def installed_modules(own: Iterable[Path]) -> tuple[str, ...]:
    """Modules of installed packages that a plugin's files import and this process has.

    For one thread at a time: Python 3.11 counts the depth of syntax trees for all threads together.
    """
    wanted = {name for path in own if path.suffix == ".py" for name in imported_by(path)}
    return tuple(sorted(name for name in wanted if _is_installed(sys.modules.get(name))))


def _is_installed(module: ModuleType | None) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and os.path.realpath(file).startswith(tuple(f"{path}{os.sep}" for path in LIBRARIES))


AT_ONCE = min(4, os.cpu_count() or 1)
"""Questions that are asked at the same time."""


@cache
def workers(several: bool) -> ThreadPoolExecutor:
    """One thread that asks, or several, each with processes of its own. They live as long as this one: so do those."""
    return ThreadPoolExecutor(AT_ONCE if several else 1, thread_name_prefix="apart")


_of_thread = threading.local()


def apart() -> Apart:
    """The processes of this thread; they have no memory, so that all questions may share them."""
    if not hasattr(_of_thread, "apart"):
        _of_thread.apart = Apart()
        atexit.register(_of_thread.apart.close)
    shared: Apart = _of_thread.apart
    return shared
