"""Interpreters that have the large libraries loaded already, for tests that start training in processes of their own.

Importing torch, transformers and PEFT takes a process longer than everything that such a test lets it do. Here one
process imports them, once and nothing of ours, and every interpreter is made from it by fork: with streams, folder,
environment and arguments of its own, it imports our code from wherever it is told to, and is a process like any other.

`command(*words)` stands for `[sys.executable, *words]`. What it starts is a messenger: signals that reach it reach the
interpreter, it ends as the interpreter ends, and when it is killed so is the interpreter.
"""

import json
import os
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

LIBRARIES = (
    *("torch", "torch.distributed", "transformers", "transformers.trainer", "transformers.models.gpt2.modeling_gpt2"),
    *("peft", "accelerate", "sklearn.metrics", "sklearn.ensemble", "scipy.stats", "pandas", "numba", "pyarrow.parquet"),
    *("matplotlib.figure", "pydantic", "typer", "rich", "jinja2", "yaml", "huggingface_hub"),
)

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def command(*words):
    """The command line of an interpreter with these words: `-u`, then `-c CODE`, `-m MODULE` or a script; arguments."""
    return [sys.executable, "-I", "-S", __file__, _address(), *map(str, words)]


def interpreter(path, code=""):
    """A program at `path` that can be called as Python; what it is told by `-c` finds the libraries loaded.

    Args:
        code: in place of whatever is told by `-c`.
    """
    with_libraries = shlex.join(command("-c"))
    told = f'shift 2; exec {with_libraries} {shlex.quote(code)} "$@"' if code else f'shift; exec {with_libraries} "$@"'
    path.write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then {told}; fi\nexec {shlex.quote(sys.executable)} "$@"\n')
    path.chmod(0o755)
    return path


@cache
def _address():
    """Where the process with the libraries listens: made for the first that asks, it ends with this test run."""
    place = str(Path(tempfile.mkdtemp(prefix="rook-bench-warm-")) / "socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen(16)
    lifeline, _ = os.pipe()  # its other end is open for as long as this process lives
    ready, says_ready = os.pipe()
    passed = (listener.fileno(), lifeline, says_ready)
    subprocess.Popen(
        [sys.executable, __file__, "--serve", *map(str, passed)],
        pass_fds=passed, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    for handle in (lifeline, says_ready):
        os.close(handle)
    listener.close()
    os.read(ready, 1)  # before anybody measures how long something takes
    os.close(ready)
    return place


# The messenger: it needs nothing but the standard library.


def ask(place, words):
    """Have an interpreter run these words on our own streams; end as it ends."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(place)
        ignored = [number for number in PASSED_ON if signal.getsignal(number) == signal.SIG_IGN]
        about = {"words": words, "folder": str(Path.cwd()), "environment": dict(os.environ), "ignored": ignored}
        told = json.dumps(about).encode()
        socket.send_fds(server, [struct.pack("!I", len(told))], [0, 1, 2])
        server.sendall(told)
        for number in set(PASSED_ON) - set(ignored):
            signal.signal(number, lambda number, frame: server.send(bytes([number])))
        os.close(1)  # who reads our streams waits for the interpreter, not for us
        status = struct.unpack("!i", _exactly(server, 4))[0]
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _exactly(source, count):
    parts = b""
    while len(parts) < count:
        part = source.recv(count - len(parts))
        if not part:
            os._exit(70)
        parts += part
    return parts


# The process that has the libraries, and what is made from it.


def serve(listener, lifeline, says_ready):
    """Import the libraries, then make an interpreter for everybody who connects, until the test run is over."""
    import gc
    import importlib
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LIBRARIES:
            with suppress(ImportError):
                importlib.import_module(name)
    gc.freeze()
    os.write(says_ready, b".")
    os.close(says_ready)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who mind
    while True:
        ready, _, _ = select.select([listener, lifeline], [], [])
        if lifeline in ready:
            os._exit(0)
        asker, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            os.close(lifeline)
            return _mind(asker)
        asker.close()


def _mind(asker):
    """Make the interpreter, pass signals on, tell how it ended; in the interpreter itself, what it is to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(asker, 4, 3)
    told = json.loads(_exactly(asker, struct.unpack("!I", head)[0]))
    child = os.fork()
    if child == 0:
        asker.close()
        return told, streams
    for stream in streams:
        os.close(stream)
    ended = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([asker, ended], [], [])
        if ended in ready:
            with suppress(OSError):
                asker.send(struct.pack("!i", os.waitpid(child, 0)[1]))
            os._exit(0)
        number = asker.recv(1)
        os.kill(child, number[0] if number else signal.SIGKILL)
        if not number:
            os._exit(0)


def become(told, streams):
    """Be the interpreter that was asked for; returns a function that runs its words."""
    import runpy

    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in told["ignored"]:
        signal.signal(number, signal.SIG_IGN)
    os.chdir(told["folder"])
    os.environ.clear()
    os.environ.update(told["environment"])
    words = told["words"]
    if words[0] == "-u" or os.environ.get("PYTHONUNBUFFERED"):
        sys.stdout.reconfigure(write_through=True)
    words = words[1:] if words[0] == "-u" else words
    kind = words.pop(0) if words[0] in ("-c", "-m") else ""
    what = words.pop(0)
    own = Path(__file__).parent
    named = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    first = "" if kind == "-c" else str(Path.cwd()) if kind else str(Path(what).resolve().parent)
    sys.path[:] = [first, *named, *(path for path in sys.path if Path(path) != own)]
    sys.argv = [kind or what, *words]
    names = sys.modules["__main__"].__dict__
    if kind == "-c":
        names = {"__name__": "__main__", "__builtins__": __builtins__}
        return lambda: exec(compile(what, "<string>", "exec"), names)
    if kind == "-m":
        return lambda: runpy.run_module(what, run_name="__main__", alter_sys=True)
    return lambda: runpy.run_path(what, run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        become(*serve(socket.socket(fileno=int(sys.argv[2])), *map(int, sys.argv[3:])))()
    else:
        ask(sys.argv[1], sys.argv[2:])
