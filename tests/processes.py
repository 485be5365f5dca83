"""The command line as a process of its own."""

import signal
import subprocess
import sys
from contextlib import contextmanager


def start(*arguments, **options):
    """Start `rook-bench` with these arguments; both its streams are piped as text."""
    command = [sys.executable, "-c", "from rook_bench.cli.main import main; main()", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    with hearing_interrupts():
        return subprocess.Popen(command, **options)


@contextmanager
def hearing_interrupts():
    """What is started inside hears Ctrl-C, also where this test run does not.

    A shell starts its background jobs deaf to it, and what they start is born deaf too. The product keeps
    that habit (who runs it under nohup means it), so the tests of Ctrl-C have to undo it.
    """
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
