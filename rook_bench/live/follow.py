"""A session run until somebody stops it."""

from __future__ import annotations

import time
from collections.abc import Callable

from rook_bench.core.garbage import frozen
from rook_bench.live.session import NodeAway, Session
from rook_bench.live.wake import Wake

FIRST_PATIENCE_S, LONGEST_PATIENCE_S = 0.5, 30.0


class Stop:
    """Says that a session is to end, and why; set from a signal or another thread."""

    def __init__(self) -> None:
        self.why = ""

    def __call__(self, why: str) -> None:
        """End it."""
        self.why = self.why or why

    def __bool__(self) -> bool:
        return bool(self.why)


def follow(
    session: Session,
    wake: Wake,
    stop: Stop,
    *,
    until_block: int | None = None,
    seconds: float | None = None,
    after_step: Callable[[], None] = lambda: None,
) -> str:
    """Take step after step; the journal is closed when this returns.

    Args:
        session, wake: what is run, and what it waits for.
        stop: ends it.
        until_block: end once this block was read; seconds: end after so long.
        after_step: called after every look at the chain.

    Returns:
        Why it ended.

    Raises:
        InputError: it can't go on: the journal can't be written, a source can't be asked, or the node is on another
            chain.
    """
    started, patience_s = time.monotonic(), FIRST_PATIENCE_S
    why = "failed"
    try:
        with frozen():
            while not stop:
                try:
                    stepped = session.step()
                    patience_s = FIRST_PATIENCE_S
                except NodeAway as error:
                    session.failed(error)
                    after_step()
                    wake.wait(patience_s)
                    patience_s = min(2 * patience_s, LONGEST_PATIENCE_S)
                    continue
                after_step()
                if until_block is not None and session.follower.number >= until_block:
                    stop(f"block {until_block} was read")
                elif seconds is not None and time.monotonic() - started >= seconds:
                    stop(f"{seconds:g} seconds were over")
                elif not stepped:
                    wake.wait()
        why = stop.why
        return why
    finally:
        session.close(why)
        wake.close()
