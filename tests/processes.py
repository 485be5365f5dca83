"""The command line as a process of its own."""

import signal
import subprocess
import sys
from contextlib import contextmanager

import warm
from quickly import IN_A_PROCESS


def start(*arguments, quickly=False, libraries_loaded=False, **options):
    """Start `rook-bench` with these arguments; both its streams are piped as text.

    Args:
        quickly: with one picture in a report, and a gate that asks again at few places.
        libraries_loaded: where torch need not be imported anew (see warm.py), which takes most of a short training.
    """
    code = (IN_A_PROCESS if quickly else "") + "from rook_bench.cli.main import main\nmain()"
    words = ["-c", code, *map(str, arguments)]
    command = warm.command(*words) if libraries_loaded else [sys.executable, *words]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    with hearing_interrupts():
        return subprocess.Popen(command, **options)


@contextmanager
def hearing_interrupts():
    """What is started inside hears Ctrl-C and hang-ups, also where this test run does not.

    A shell starts its background jobs deaf to the one, nohup to the other, and what they start is born deaf too. The
    product keeps that habit (who runs it under nohup means it), so the tests of both have to undo it.
    """
    own = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in own.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
