"""The process that ends a machine when whoever rented it is gone: killed, crashed, or forgetful.

Its standard input is a pipe whose other end dies with that process, however that dies.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

from rook_bench.core import RookError
from rook_bench.remote.rent.guard import end_all
from rook_bench.remote.rent.lease import read_lease
from rook_bench.remote.rent.providers import provider_of

LOOK_S, AGAIN_S, TRIES = 1.0, 60.0, 24 * 60
"""Seconds between two looks at the other end, and between two tries to end the machine: for a day and more."""


def watch(path: Path) -> int:
    """Wait until the other end is gone or the lease is over, then end what is left; exit code 1 where that fails."""
    gone = False
    while True:
        lease = read_lease(path)
        if lease.state == "ended":
            return 0
        now = time.time()
        if now >= lease.end_at or (gone and now >= (lease.keep_until or 0)):
            break
        if gone:
            time.sleep(LOOK_S)
        elif select.select([0], [], [], LOOK_S)[0] and not os.read(0, 1024):
            gone = True
    for _ in range(TRIES):
        if not path.is_file() or read_lease(path).state == "ended":  # somebody else did it
            return 0
        try:
            end_all(provider_of(lease.provider), lease)
            return 0
        except RookError as left:  # still billed, no key: nobody else may be there to try again
            print(left, flush=True)
            time.sleep(AGAIN_S)
    return 1


if __name__ == "__main__":
    sys.exit(watch(Path(sys.argv[1])))
