"""The pictures of a page, drawn by all cores at once."""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rook_bench.core import mapped
from rook_bench.core.lifeline import die_with_parent
from rook_bench.engines.engine import cores
from rook_bench.report.charts.canvas import NoPicture, Picture, style
from rook_bench.report.page import Shown

Draw = Callable[[], Sequence[Picture | NoPicture]]

_PLACE = struct.Struct("=H")


def drawn(draws: Iterable[Draw], folder: Path, *, workers: int | None = None) -> list[list[Shown]]:
    """Draw everything, write the PNGs into the folder; what the page shows of each call, in their order.

    On Linux by forked processes, which see the runs where they lie and need no imports; one that is lost costs time
    and no picture. Elsewhere one after the other: what libraries of macOS have begun does not survive a fork.

    Args:
        draws: each makes some pictures; the longest first keep the cores busy best.
        folder: an existing one.
        workers: processes, this one included; by default one for each core.
    """
    draws = list(draws)
    count = min(workers or cores(), len(draws)) if sys.platform == "linux" else 1
    done: dict[int, list[Shown]] = {}
    with _Queue(len(draws)) as queue:
        children = [_Child(queue, draws, folder) for _ in range(1, count)]
        try:
            done |= _taken(queue, draws, folder)
            for child in children:
                done |= child.result()
        finally:
            for child in children:
                child.end()
    return [done[place] if place in done else _draw(draw, folder) for place, draw in enumerate(draws)]


def _draw(draw: Draw, folder: Path) -> list[Shown]:
    found = []
    with style():
        for picture in draw():
            png = picture.to_png() if isinstance(picture, Picture) else None
            if png is not None:
                (folder / f"{picture.name}.png").write_bytes(png)
            found.append(Shown.of(picture, png))
    mapped.release()
    return found


class _Queue:
    """The places that nobody has begun, in a pipe: whoever is free reads the next."""

    def __init__(self, count: int) -> None:
        self._read, write = os.pipe()
        os.write(write, b"".join(_PLACE.pack(place) for place in range(count)))
        os.close(write)

    def __enter__(self) -> _Queue:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._read)

    def __iter__(self) -> Iterator[int]:
        while packed := os.read(self._read, _PLACE.size):
            yield _PLACE.unpack(packed)[0]


def _taken(queue: _Queue, draws: Sequence[Draw], folder: Path) -> dict[int, list[Shown]]:
    return {place: _draw(draws[place], folder) for place in queue}


class _Child:
    """A forked process that draws until nothing is left, and sends what it drew when it is done."""

    def __init__(self, queue: _Queue, draws: Sequence[Draw], folder: Path) -> None:
        self._read, write = os.pipe()
        with warnings.catch_warnings():
            # Of other threads there is nothing in what a picture is made with.
            warnings.filterwarnings("ignore", message=".*fork", category=DeprecationWarning)
            self._process = os.fork()
        if self._process:
            os.close(write)
            return
        try:
            die_with_parent()
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the first one ends us
            with os.fdopen(write, "wb") as sent:
                pickle.dump(_taken(queue, draws, folder), sent)
        finally:
            # Neither a traceback nor what the first process does at its end: what is missing, it draws and tells.
            os._exit(0)

    def result(self) -> dict[int, list[Shown]]:
        """What it drew by place; nothing where it was lost."""
        with os.fdopen(os.dup(self._read), "rb") as sent:
            packed = sent.read()
        try:
            return dict(pickle.loads(packed))
        except (EOFError, pickle.UnpicklingError):
            return {}

    def end(self) -> None:
        os.close(self._read)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
