"""Looking after a job: its log, its steps, and beginning again where the box was rebooted or the runner killed."""

from __future__ import annotations

import codecs
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rook_bench.core import InputError
from rook_bench.core.untrusted import shown, word
from rook_bench.remote.box import Box
from rook_bench.remote.runner.job import ENDED
from rook_bench.remote.ssh import ConnectionLost

WAITS_S = (1, 2, 4, 8, 15, 30)
"""Seconds between tries to connect again; the last one from then on."""

MOST_RESTARTS = 3
"""How often a runner is begun again that ended without a word, where training came no further meanwhile."""

MARGIN_S = 1800.0
"""Seconds after the time that was asked for in which a job must have ended."""

MOST_LOG = 64 * 2**20
"""Bytes of a log that are kept here."""


class Watch:
    """One job, watched to its end.

    Args:
        box: where it runs; job: its name.
        order: what `start` is told (see `runner.run.start`), for when it has to be begun again.
        log: where its log is kept here, at the same places as there.
        say: hears the log, line by line, and what happens to the connection.
        console: where the progress bar goes.
        connect_s: seconds without any connection after which watching is given up; the job goes on.
    """

    def __init__(
        self,
        box: Box,
        job: str,
        order: dict[str, Any],
        log: Path,
        say: Callable[[str], None],
        console: Console,
        connect_s: float = 12 * 3600,
    ) -> None:
        self.box, self.job, self.order, self.log, self.say = box, job, order, log, say
        self.console, self.connect_s = console, connect_s
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.begun = ""  # of a line that is not whole yet
        self.stage, self.step = "", -1
        self.limit = time.monotonic() + float(order["max_seconds"]) + MARGIN_S

    def to_end(self) -> dict[str, Any]:
        """The status that the job ended with, after whatever it takes.

        Raises:
            ConnectionLost: where the box can't be reached for too long.
            InputError: where it is another box, or the runner ends again and again.
        """
        restarts, step_then, lost_at, tries = 0, -1, 0.0, 0
        while True:
            if time.monotonic() > self.limit:
                what = "it says nothing of an end, long after the time that was asked for"
                raise InputError(what, where=self.box.ssh.host, hint=f"rook-bench remote end {self.job}")
            try:
                status = self._follow()
                tries = 0
                if status.get("stage") in ENDED:
                    return status
                restarts = restarts + 1 if self.step <= step_then else 1
                step_then = self.step
                if restarts > MOST_RESTARTS:
                    what = f"the runner ended {restarts} times without a word, at {word(str(status.get('stage')), 20)}"
                    raise InputError(what, where=self.box.ssh.host, hint="rook-bench remote logs says what it did")
                self.say("the runner is gone (a reboot, or it was killed): beginning again where it stopped")
                self.box.ask("start", self.job, send=order_text(self.order))
            except ConnectionLost as lost:
                now = time.monotonic()
                lost_at = now if tries == 0 else lost_at
                if now - lost_at > self.connect_s:
                    raise
                if tries == 0:
                    self.say(f"{lost}: the job goes on there; connecting again")
                time.sleep(WAITS_S[min(tries, len(WAITS_S) - 1)])
                tries += 1

    def _follow(self) -> dict[str, Any]:
        """Watch over one connection; the status where the runner is gone or done."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
            task = bar.add_task("on the box", total=None)
            for told in self.box.follow(self.job, self._kept(), max(1.0, self.limit - time.monotonic())):
                if "log" in told:
                    self._take_log(told)
                state = told.get("state")
                if isinstance(state, dict):
                    stage = word(str(state.get("stage")), 20)
                    if stage != self.stage:
                        self.stage = stage
                        self.say(f"[{stage}]")
                    step = state.get("progress")
                    at, of = (step.get("step"), step.get("of")) if isinstance(step, dict) else (None, None)
                    if isinstance(at, int) and isinstance(of, int) and 0 <= at <= of < 2**40:
                        self.step = at
                        bar.update(task, description=stage, completed=at, total=of)
                end = told.get("end")
                if isinstance(end, dict):
                    return end
        raise ConnectionLost("the connection broke", where=self.box.ssh.host)

    def _kept(self) -> int:
        return self.log.stat().st_size if self.log.is_file() else 0

    def _take_log(self, told: dict[str, Any]) -> None:
        """Keep a piece of the log and say its whole lines; nothing in it acts on the terminal."""
        text, at = told["log"], told.get("at")
        if not isinstance(text, str) or at != self._kept() or at > MOST_LOG:
            return
        piece = text.encode("latin-1", "replace")
        with self.log.open("ab") as file:
            file.write(piece)
        lines = (self.begun + self.decoder.decode(piece)).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self.begun = lines.pop()[-10_000:]
        for line in lines:
            self.say(f"  {shown(line)}")


def order_text(order: dict[str, Any]) -> bytes:
    """What `start` reads from its standard input; secrets go this way and no other."""
    return json.dumps(order).encode()


def send_package(box: Box, job: str, package: Path, sha256: str, console: Console) -> None:
    """Send a package with a progress bar; what arrived before is not sent again."""
    columns = (TextColumn("sending"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("sending", total=package.stat().st_size)
        for at in box.send(job, package, sha256):
            bar.update(task, completed=at)
