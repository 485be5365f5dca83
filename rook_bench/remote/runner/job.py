"""A job: a folder, with a lock that is held by the process that works on it.

Whether one does is asked of the kernel, not of a number that another process may have after a reboot.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import IO, Any

ROOT = Path(os.environ.get("ROOK_BENCH_BOX") or Path.home() / ".rook-bench")
ENDED = ("done", "failed", "ended", "out of time")
"""Stages after which nothing more happens by itself."""

ADAPTER = "adapter"
POLL_S = 0.25


class Trouble(Exception):
    """What is wrong on the box, in one line."""


class Job:
    """A job by its name, whether it is known here or not."""

    def __init__(self, name: str) -> None:
        if not re.fullmatch("[0-9a-f]{16}", name):
            raise Trouble(f"not a job: {name[:40]}")
        self.name = name
        self.folder = ROOT / "jobs" / name
        self.package = self.folder / "package.tar.gz"
        self.part = self.folder / "package.tar.gz.part"
        self.work = self.folder / "work"
        self.log = self.folder / "log"

    def state(self) -> dict[str, Any]:
        """What was last noted of it."""
        try:
            state: dict[str, Any] = json.loads((self.folder / "state.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {"stage": "waiting"}
        return state

    def note(self, **facts: Any) -> None:
        """Change the state, whole."""
        state = {**self.state(), **facts}
        aside = self.folder / "state.json.tmp"
        with aside.open("w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self.folder / "state.json")

    def hold(self, wait_s: float = 2.0) -> IO[str] | None:
        """The lock, held until the file is closed everywhere; None where another process holds it.

        Whoever only looks holds it for a moment, hence the wait.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        limit = time.monotonic() + wait_s
        while True:
            file = (self.folder / "working.lock").open("a+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                if time.monotonic() >= limit:
                    return None
                time.sleep(0.05)
            else:
                return file

    def alive(self) -> bool:
        """Whether a process works on it."""
        if not self.folder.is_dir():
            return False
        with (self.folder / "working.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def progress(self) -> dict[str, int] | None:
        """The step that training is at."""
        try:
            told = json.loads((self.work / f".{ADAPTER}.training" / "progress.json").read_text("utf-8"))
            return {"step": int(told["step"]), "of": int(told["of"])}
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def status(self) -> dict[str, Any]:
        """All that can be told of it."""
        alive = self.alive()  # asked first: what ends meanwhile has then noted how
        return {
            **self.state(),
            "job": self.name,
            "known": self.folder.is_dir(),
            "package": self.package.is_file(),
            "alive": alive,
            "log": self.log.stat().st_size if self.log.is_file() else 0,
            "progress": self.progress(),
            "now": time.time(),
        }

    def last_line(self) -> str:
        """What was said last."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - 4096))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        said = [line.strip() for line in lines if line.strip()]
        return said[-1][:300] if said else "nothing was said"


def tell(value: Any) -> None:
    """Answer with a line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
