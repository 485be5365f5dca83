"""Processes that the runner starts: tied to it, within the time that was asked for."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .job import POLL_S, Job

GRACE_S = 20.0
"""Seconds that a process has to end by itself."""


class Stopped(Exception):
    """The time is over, or somebody ended the job; which of both the state says."""


def carry_out(job: Job, command: list[str], deadline: float, **options: Any) -> int:
    """Run a command to its end and return its exit code.

    Raises:
        Stopped: where its time was over.
    """
    env = {**options.pop("env", os.environ), MARK: marked(job)}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_tied, env=env, **options)
    job.note(runner=os.getpid(), child=process.pid)

    def on_request(number: int, frame: object) -> None:
        stop(process)
        job.note(stage="ended", message="ended on request", ended=time.time())
        os._exit(0)

    before = signal.signal(signal.SIGTERM, on_request)
    try:
        while process.poll() is None:
            if time.time() >= deadline:
                say("the time that was asked for is over")
                stop(process)
                job.note(stage="out of time", message="the time that was asked for is over", ended=time.time())
                raise Stopped
            time.sleep(POLL_S)
    finally:
        signal.signal(signal.SIGTERM, before)
    return process.returncode


def say(text: str) -> None:
    """A line of the log."""
    os.write(1, (text.rstrip("\n") + "\n").encode("utf-8", "replace"))


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process and all of its group: first as Ctrl-C would, so that nothing half-written is left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except OSError:
            return
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            continue
        return


MARK = "ROOK_BENCH_JOB"
"""Environment variable by which processes of a job are known: its folder may be somebody's working folder, too."""


def marked(job: Job) -> str:
    """What the mark of a job says."""
    return str(job.folder.resolve())


def sweep(job: Job) -> None:
    """Kill what an earlier runner of the job left behind when it was killed itself."""
    mark = f"{MARK}={marked(job)}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes().split(b"\0") and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue


def _tied() -> None:
    """A group of its own, which dies with the runner where the kernel can do that."""
    os.setsid()
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
