"""What an engine is, and the one of this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from rook_bench.core import InputError

ATTEMPTS = 3
"""How often a piece is begun whose worker is lost: it may be what ends them."""

AHEAD = 2
"""Pieces handed out for each worker, so that none waits for its next one."""


class Job(Protocol):
    """What is to be done with each piece; it can be pickled."""

    def open(self) -> Callable[[Any], Any]:
        """Make ready, once in each worker; what is returned takes a piece and gives its result."""
        ...


class Engine(Protocol):
    """Computes pieces of a job. The results don't depend on which engine, or on how many workers there are.

    Attributes:
        workers: how many pieces are computed at the same time.
    """

    workers: int

    def results(self, job: Job, pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """The place of each piece with its result, as they are done; what a piece raises ends all of them.

        Raises:
            InputError: where the workers of a piece were lost again and again.
        """
        ...

    def __str__(self) -> str:
        """For example "2 threads"."""
        ...


class Threads:
    """Threads of this process, one by default for each core; compiled code lets the others run meanwhile."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()

    def __str__(self) -> str:
        return "this process" if self.workers == 1 else f"{self.workers} threads"

    def results(self, job: Job, pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """See `Engine`."""
        if min(self.workers, len(pieces)) <= 1:
            work = job.open() if pieces else None
            for place, piece in enumerate(pieces):
                assert work is not None
                yield place, work(piece)
            return
        own = threading.local()

        def do(piece: Any) -> Any:
            if not hasattr(own, "work"):
                own.work = job.open()
            return own.work(piece)

        with ThreadPoolExecutor(min(self.workers, len(pieces)), thread_name_prefix="rook-bench") as pool:
            waiting: dict[Future[Any], int] = {}
            try:
                for place, piece in enumerate(pieces):
                    if len(waiting) >= AHEAD * self.workers:
                        yield from finished(waiting)
                    waiting[pool.submit(do, piece)] = place
                while waiting:
                    yield from finished(waiting)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def finished(waiting: dict[Future[Any], int]) -> Iterator[tuple[int, Any]]:
    """Wait until a piece is done, or several are; they leave the table."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield waiting.pop(future), future.result()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lost_again(place: int, pieces: int, what: str) -> InputError:
    """What to say of a piece whose workers were lost too often."""
    return InputError(
        f"the {what} that computed piece {place + 1} of {pieces} was lost {ATTEMPTS} times",
        hint="it may lack memory: use fewer workers, or a shorter tape",
    )
