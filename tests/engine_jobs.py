"""Jobs for the tests of engines; workers elsewhere import them from here."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rook_bench.core import InputError


@dataclass(frozen=True)
class Squares:
    """Numbers and their squares, from an array that the job holds."""

    numbers: np.ndarray

    def open(self):
        return lambda place: float(self.numbers[place]) ** 2


@dataclass(frozen=True)
class Fails:
    """A user's mistake in one piece."""

    def open(self):
        return self._do

    def _do(self, place):
        if place == 3:
            raise InputError("piece three is bad", where="somewhere", hint="mend it")
        return place


@dataclass(frozen=True)
class WontOpen:
    """A user's mistake before the first piece."""

    def open(self):
        raise InputError("can't be made ready", where="job")


@dataclass(frozen=True)
class Dies:
    """Kills the process that does a piece, the first `times` times."""

    folder: Path
    piece: int
    times: int

    def open(self):
        return self._do

    def _do(self, place):
        if place == self.piece:
            died = sorted(self.folder.glob("died-*"))
            if len(died) < self.times:
                (self.folder / f"died-{len(died)}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
        return place * 10
