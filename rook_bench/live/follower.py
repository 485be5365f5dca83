"""What the chain says since it was last asked: further blocks, or a fork. Whoever woke us, the log is read by range."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rook_bench.core import InputError
from rook_bench.ingest.fetch import Node, PoolKey
from rook_bench.ingest.fetch.get_logs import Chunk, Reorganised, read_chunk
from rook_bench.ingest.fetch.ranges import Step
from rook_bench.ingest.fetch.rpc_errors import Complaint
from rook_bench.live.rows import Block

DEPTH = 64
"""Blocks that may still be replaced: so many are remembered by their hashes."""

FIRST_STEP = 500
"""Blocks of the first request after a gap."""


@dataclass(frozen=True)
class Head:
    """The newest block of a node: number, hash, hash of its parent, and its time in seconds since the epoch."""

    number: int
    hash: str
    parent: str
    seconds: int


@dataclass(frozen=True)
class Forked:
    """The chain left the one that was followed: `to` is the last block that both share."""

    to: int
    hash: str


@dataclass(frozen=True)
class Advance:
    """The blocks `first` to `last` were read; `blocks` are those with events, `head` the newest at that time."""

    first: int
    last: int
    last_hash: str
    blocks: tuple[Block, ...]
    head: Head


class TooDeep(InputError):
    """More blocks were replaced than are remembered."""


class Follower:
    """Follows one pool on one node.

    Attributes:
        known: numbers and hashes of blocks that were read, the newest last: all with events, and the last of each
            range, as far back as they may be replaced.

    Args:
        node, key: whom to ask for what.
        known: the same from an earlier time; at least the last block that was read.
        gas_prices: also ask for what the transactions of swaps paid for gas.
    """

    def __init__(self, node: Node, key: PoolKey, known: Iterable[tuple[int, str]], *, gas_prices: bool = False) -> None:
        self.node, self.key, self.gas_prices = node, key, gas_prices
        self.known: deque[tuple[int, str]] = deque(known)
        self._step = Step(FIRST_STEP)

    @property
    def number(self) -> int:
        """The last block that was read."""
        return self.known[-1][0]

    def head(self) -> Head:
        """The node's newest block."""
        return head_of(self.node)

    def advance(self, head: Head) -> Advance | Forked | None:
        """What is new up to `head`; None where nothing is.

        Raises:
            TooDeep: none of the blocks that are remembered is on the chain.
            InputError: the node refuses, or does not settle.
        """
        number, own = self.known[-1]
        if head.number < number:
            # A node that restarted, or one of several behind one address, is only behind.
            same = [known for known in self.known if known[0] == head.number]
            return None if not same or same[0][1] == head.hash else self._fork()
        if head.number == number:
            return None if head.hash == own else self._fork()
        if not (head.number == number + 1 and head.parent == own) and self._hashes_of([number])[number] != own:
            return self._fork()
        return self._read(number + 1, head)

    def took(self, advance: Advance | Forked) -> None:
        """It was put on record: go on behind it."""
        if isinstance(advance, Forked):
            while self.known and self.known[-1][0] > advance.to:
                self.known.pop()
            if not self.known or self.known[-1][0] != advance.to:
                self.known.append((advance.to, advance.hash))
            return
        self.remember(advance.blocks, advance.last, advance.last_hash, advance.head.number)

    def remember(self, blocks: Iterable[Block], last: int, last_hash: str, head: int) -> None:
        """Blocks that were read: those with events, and the last of them."""
        self.known += [(block.number, block.hash) for block in blocks if block.number < last]
        if self.known[-1] != (last, last_hash):
            self.known.append((last, last_hash))
        while len(self.known) > 1 and self.known[1][0] <= head - DEPTH:
            self.known.popleft()

    def _read(self, first: int, head: Head) -> Advance | Forked | None:
        while True:
            last = self._step.last_block(first, head.number)
            try:
                chunk = read_chunk(self.node, self.key, first, last, gas_prices=self.gas_prices)
            except Complaint as said:
                self._step.refused(first, last - first + 1, said)
                continue
            except Reorganised:
                return None  # asked again at once, by when the node has made up its mind
            blocks = blocks_of(chunk)
            # That all of them are of one chain, and that it is the one that was followed so far.
            read = dict([self.known[-1], *((block.number, block.hash) for block in blocks), (last, chunk.last_hash)])
            young = [number for number in read if number > head.number - DEPTH or number in (self.number, last)]
            if any(read[number] != found for number, found in self._hashes_of(young).items()):
                return None
            self._step.answered(last - first + 1, chunk.table.num_rows, 0.0)
            return Advance(first, last, chunk.last_hash, blocks, head)

    def _fork(self) -> Forked:
        found = self._hashes_of([number for number, _ in self.known])
        for number, own in reversed(self.known):
            if found[number] == own:
                return Forked(number, own)
        oldest = self.known[0][0]
        raise TooDeep(
            f"none of the blocks from {oldest} on is on the node's chain any more: another chain, or a reorganisation "
            f"deeper than {self.number - oldest} blocks",
            where=self.node.address,
            hint="check --rpc; else begin a new session with another --out",
        )

    def _hashes_of(self, numbers: Sequence[int]) -> dict[int, str | None]:
        headers = self.node.headers(numbers)
        return {
            number: None if header is None else str(header.get("hash")).lower()
            for number, header in zip(numbers, headers, strict=True)
        }


def head_of(node: Node) -> Head:
    """The node's newest block.

    Raises:
        InputError: it gives none, or not a whole one.
    """
    header = node.ask("eth_getBlockByNumber", "latest", False)
    try:
        number, seconds = int(header["number"], 16), int(header["timestamp"], 16)
        return Head(number, header["hash"].lower(), header["parentHash"].lower(), seconds)
    except (TypeError, KeyError, ValueError, AttributeError):
        raise InputError("the node's newest block is not whole", where=node.address, hint="use another node") from None


def blocks_of(chunk: Chunk) -> tuple[Block, ...]:
    """The blocks with events of a range that was read."""
    numbers = chunk.table["block"].to_pylist()
    starts = [row for row, number in enumerate(numbers) if row == 0 or numbers[row - 1] != number]
    ends = [*starts[1:], len(numbers)] if starts else []
    return tuple(
        Block(numbers[start], chunk.hashes[numbers[start]], chunk.table.slice(start, end - start))
        for start, end in zip(starts, ends, strict=True)
    )
