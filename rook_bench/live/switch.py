"""The kill switch: once thrown, nothing is traded until somebody says why it may be again. It lies on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from rook_bench.core import InputError
from rook_bench.core.config import Config
from rook_bench.core.files import write_json

THROWN, FILE, REQUEST = "killed.json", "KILL", "resume.json"
"""Why nothing is traded; the file whose being there throws the switch; what asks for it to be lifted."""


class Bounds(Config):
    """What throws the kill switch.

    Attributes:
        max_drawdown: of any desk's equity from its highest, a fraction.
        max_reverts: orders of one desk in a row that reverted.
        max_silence_s: seconds without a new block; max_skew_s: seconds between a new block's time and this clock.
            None leaves either out.
        max_reorg: blocks that may be replaced at once.
    """

    max_drawdown: float | None = Field(default=None, gt=0, le=1)
    max_reverts: int | None = Field(default=None, ge=1)
    max_silence_s: float | None = Field(default=None, gt=0)
    max_skew_s: float | None = Field(default=None, gt=0)
    max_reorg: int = Field(default=32, ge=0)


@dataclass(frozen=True)
class Killed:
    """Why nothing is traded: a word, what happened, and when."""

    reason: str
    what: str
    at: str


class Switch:
    """The kill switch of a session's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def thrown(self) -> Killed | None:
        """Why nothing may be traded, None where it may."""
        try:
            found = json.loads((self.folder / THROWN).read_text(encoding="utf-8"))
            return Killed(str(found["reason"]), str(found["what"]), str(found["at"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            # What can't be read was thrown all the same.
            return Killed("unreadable", f"{THROWN} can't be read", "")

    def throw(self, reason: str, what: str) -> Killed | None:
        """Latch it; None where it was thrown already."""
        if self.thrown is not None:
            return None
        killed = Killed(reason, what, datetime.now(UTC).isoformat(timespec="seconds"))
        write_json(self.folder / THROWN, killed.__dict__)
        return killed

    @property
    def asked_for(self) -> bool:
        """Whether somebody put the file there."""
        return (self.folder / FILE).exists()

    def ask_to_lift(self, reason: str) -> Killed:
        """Leave word for the session, which lifts it with its next step; InputError where nothing was thrown."""
        killed = self.thrown
        if killed is None and not self.asked_for:
            raise InputError("nothing was killed there", where=self.folder, hint="is it the folder of a live session?")
        write_json(self.folder / REQUEST, {"reason": reason})
        return killed or Killed("file", f"{FILE} is there", "")

    def lifted(self) -> str | None:
        """Lift it where somebody asked for that: why it may be, else None."""
        request = self.folder / REQUEST
        try:
            reason = str(json.loads(request.read_text(encoding="utf-8"))["reason"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        for path in (self.folder / FILE, self.folder / THROWN, request):
            with suppress(FileNotFoundError):
                path.unlink()
        return reason


def reverts_in_a_row(before: int, orders: Sequence[dict[str, Any]]) -> int:
    """How many of the last orders that were sent reverted, after these; `before`: until now."""
    for order in orders:
        if order["outcome"].startswith("REVERTED"):
            before += 1
        elif order["outcome"] in ("FILLED", "PARTIAL"):
            before = 0
    return before


def drawdown(equity: float, peak: float) -> float:
    """From the highest equity to now, a fraction; NaN where either is not known."""
    return 1.0 - equity / peak if peak > 0 else math.nan
