"""Processes of this machine, for work that holds Python's lock."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from typing import Any

from rook_bench.core.console import warn
from rook_bench.core.lifeline import die_with_parent
from rook_bench.engines.engine import ATTEMPTS, Job, cores, lost_again


class Processes:
    """So many processes, one by default for each core. One that is lost costs its piece, which another does again."""

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()

    def __str__(self) -> str:
        return f"{self.workers} processes"

    def results(self, job: Job, pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """See `Engine`."""
        packed = pickle.dumps(job)
        left, lost = list(range(len(pieces))), Counter[int]()
        while left:
            failed: list[int] = []
            for place, result in self._until_lost(packed, pieces, left, failed):
                left.remove(place)
                yield place, result
            lost.update(failed)
            worst = next((place for place in failed if lost[place] >= ATTEMPTS), None)
            if worst is not None:
                raise lost_again(worst, len(pieces), "process")

    def _until_lost(
        self, packed: bytes, pieces: Sequence[Any], left: Sequence[int], failed: list[int]
    ) -> Iterator[tuple[int, Any]]:
        """Results until a process is lost, which ends its pool; the pieces that were begun then are `failed`."""
        # Spawned and not forked: compiled code and its threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        count = min(self.workers, len(left))
        pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(packed,))
        waiting: dict[Future[Any], int] = {}
        ahead = iter(list(left))
        try:
            while True:
                # No more than there are processes: whatever waits is being computed, and may be what ended one.
                with suppress(StopIteration):
                    while len(waiting) < count:
                        place = next(ahead)
                        waiting[pool.submit(_do, pieces[place])] = place
                if not waiting:
                    return
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    yield waiting.pop(future), result
        except BrokenProcessPool:
            failed.extend(waiting.values())
            warn(f"a process was lost; {len(failed)} of {len(pieces)} pieces are computed again")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_packed: bytes = b""
_work: Callable[[Any], Any] | None = None
"""What this process does, in a process of a pool, and what it is made ready from."""


def _begin(packed: bytes) -> None:
    global _packed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of a terminal's processes; the first one ends us
    die_with_parent()
    _packed = packed


def _do(piece: Any) -> Any:
    global _work
    if _work is None:  # here and not in `_begin`, whose errors a pool swallows
        job: Job = pickle.loads(_packed)
        _work = job.open()
    return _work(piece)
