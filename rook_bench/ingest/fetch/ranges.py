"""How many blocks to ask for at once: less after a refusal, more while answers are small."""

from __future__ import annotations

from rook_bench.core import InputError
from rook_bench.ingest.fetch.rpc_errors import Complaint, Kind

FIRST = 2_000
MOST = 100_000
SMALL_ANSWER = 1_000
LARGE_ANSWER = 10_000
QUICK_S = 5.0
PATIENCE = 16


class Step:
    """The number of blocks of the next request.

    Args:
        first: where to start, in blocks.
    """

    def __init__(self, first: int = FIRST) -> None:
        self.blocks = min(first, MOST)
        self._stated = MOST  # what the node says it takes: never exceeded
        self._refused: int | None = None  # a size that was too much lately, where logs are dense
        self._successes = 0

    def last_block(self, start: int, end: int) -> int:
        """The last block of the request that starts at `start`, no later than `end`."""
        return min(end, start + self.blocks - 1)

    def answered(self, asked: int, logs: int, seconds: float) -> None:
        """Learn from an answer to a request for `asked` blocks."""
        self._successes += 1
        if self._successes >= PATIENCE:
            self._refused = None
        if logs > LARGE_ANSWER:
            self.blocks = max(1, asked // 2)
        elif logs < SMALL_ANSWER and seconds < QUICK_S and asked == self.blocks:
            more = min(2 * self.blocks, self._stated)
            if self._refused is None or more < self._refused:
                self.blocks = more

    def refused(self, start: int, asked: int, said: Complaint) -> None:
        """Learn from a refusal of `asked` blocks from `start` on.

        Raises:
            InputError: a single block was refused; there is nothing smaller.
        """
        if asked <= 1:
            raise InputError(f"the node refuses even the single block {start} ({said})", hint=_hint(said))
        smaller = asked // 2
        if said.most_blocks is not None and said.most_blocks < asked:
            self._stated = smaller = said.most_blocks
        if said.last_block is not None and 0 < said.last_block - start + 1 < asked:
            smaller = min(said.last_block - start + 1, self._stated)
        self.blocks, self._refused, self._successes = smaller, asked, 0


def _hint(said: Complaint) -> str:
    if said.kind is Kind.SLOW:
        return "run the same command again when it is less busy, or use another node"
    return "use another node with --rpc; what was fetched so far is kept"
