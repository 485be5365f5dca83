"""What can be watched and taken: the log from a byte on, steps, and the files of the adapter."""

from __future__ import annotations

import sys
import tarfile
import threading
from typing import Any

from .job import ADAPTER, ENDED, POLL_S, ROOT, Job, tell

NEWS = ("stage", "alive", "message", "progress", "deadline")
"""Facts of the state that are told when they change."""


def follow(job: Job, offset: int) -> None:
    """Lines of JSON: pieces of the log from a byte on, steps, and changes of the state, until the job ended.

    It ends when the other side goes away too: standard input is then at its end.
    """
    gone = threading.Event()

    def listen() -> None:
        while sys.stdin.buffer.read(1024):
            pass
        gone.set()

    threading.Thread(target=listen, daemon=True).start()
    told: dict[str, Any] = {}
    while not gone.is_set():
        status = job.status()
        offset = _send_log(job, offset)
        news = {name: status.get(name) for name in NEWS}
        if news != told:
            tell({"state": news})
            told = news
        if status["stage"] in ENDED or not status["alive"]:
            tell({"end": status})
            return
        gone.wait(POLL_S)


def _send_log(job: Job, offset: int) -> int:
    """Everything of the log that is there, each piece with the byte that it begins at; where it ends."""
    if not job.log.is_file():
        return offset
    with job.log.open("rb") as file:
        file.seek(offset)
        for piece in iter(lambda: file.read(1 << 16), b""):
            tell({"at": offset, "log": piece.decode("latin-1")})
            offset += len(piece)
    return offset


def collect(job: Job, names: list[str]) -> None:
    """These files of the adapter, as a tar on standard output."""
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as tar:
        for name in names:
            path = job.work / ADAPTER / name
            if path.is_file() and not path.is_symlink():
                tar.add(str(path), arcname=name, recursive=False)


def jobs() -> list[dict[str, Any]]:
    """Status of every job that is known here."""
    folder = ROOT / "jobs"
    return [Job(path.name).status() for path in sorted(folder.iterdir())] if folder.is_dir() else []
