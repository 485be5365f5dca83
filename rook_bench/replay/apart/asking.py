"""The side that asks: one process per question, made from one that has seen nothing."""

from __future__ import annotations

import atexit
import os
import pickle
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

from rook_bench.core.errors import InputError
from rook_bench.execution.compiled import CACHE_VARIABLE, cache_folder
from rook_bench.plugins import STRATEGIES_VARIABLE
from rook_bench.replay.apart.question import Answer, AnswersQuestion, DecideQuestion, RiskQuestion
from rook_bench.replay.apart.server import ANSWER, DONE, LOADED, QUESTION, TOUCHED, receive, send
from rook_bench.replay.apart.watch import LIBRARIES
from rook_bench.sources.own_files import imported_by

_ENVIRONMENT, _PATH = dict(os.environ), list(sys.path)
"""As they were before any plugin could leave something in them."""


LIMIT_S = 600
"""Seconds that one question may take: the first asking took less, or nobody would be here."""


class Apart:
    """Processes in which questions are answered, each in one that saw no other question."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._modules: tuple[str, ...] = ()
        self._loaded: frozenset[str] = frozenset()

    def ask(
        self,
        question: DecideQuestion | RiskQuestion | AnswersQuestion,
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
            "question": pickle.dumps(question),
        }
        self._import(modules)
        server = self._running()
        assert server.stdin is not None
        assert server.stdout is not None
        touched: list[str] = []
        answer = Answer(error="the process that was asked ended without an answer")
        try:
            send(server.stdin.fileno(), QUESTION, pickle.dumps(outer))
            until = time.monotonic() + LIMIT_S
            while (frame := receive(server.stdout.fileno(), until)) is not None and frame[0] != DONE:
                kind, content = frame
                if kind == TOUCHED:
                    touched.append(content.decode())
                elif kind == ANSWER:
                    answer = pickle.loads(content)
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

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            code = f"import sys; sys.path[:] = {_PATH!r}; "
            code += f"from rook_bench.replay.apart.server import main; main({self._modules!r})"
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", code],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    bufsize=0,
                    env=_ENVIRONMENT,
                )
            except OSError as error:
                raise InputError(f"no further process can be started ({error.strerror})", where="gate") from None
            self._loaded = _loaded_by(self._process)
        return self._process

    def close(self, *, kill: bool = False) -> None:
        """End the processes."""
        process, self._process = self._process, None
        if process is not None:
            if kill:
                process.kill()  # and with it the process that it made
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


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
