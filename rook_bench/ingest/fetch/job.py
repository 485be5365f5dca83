"""The whole pull: gaps are filled in adaptive steps, and filled again where the chain changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rook_bench.core import InputError
from rook_bench.ingest.fetch.get_logs import PoolKey, Reorganised, read_chunk
from rook_bench.ingest.fetch.node import Node
from rook_bench.ingest.fetch.ranges import FIRST, Step
from rook_bench.ingest.fetch.rpc_errors import Complaint
from rook_bench.ingest.fetch.spool import Spool

ROUNDS = 8
REORG_TRIES = 5
WATCHED_BLOCKS = 4_096


@dataclass(frozen=True)
class Job:
    """What to pull: the blocks `first` to `last` of one pool."""

    key: PoolKey
    first: int
    last: int
    gas_prices: bool = False
    first_step: int = FIRST


@dataclass(frozen=True)
class Pulled:
    """How it went: blocks and logs fetched by this call, and chunks that a reorg made it fetch again."""

    blocks: int
    logs: int
    reorganised: int


def last_block(node: Node, asked: int | None, reorg_depth: int) -> int:
    """The last block to fetch: `asked`, or the newest that is deep enough.

    Raises:
        InputError: the block is not there yet, or nearer to the head than `reorg_depth`.
    """
    head = node.head()
    if asked is None:
        return head - reorg_depth
    if asked > head:
        raise InputError(f"the chain's last block is {head}", where=f"--to-block {asked}", hint="use 'latest'")
    if asked > head - reorg_depth:
        raise InputError(
            f"it is within {reorg_depth} blocks of the chain's last, {head}, and may still change",
            where=f"--to-block {asked}",
            hint="use 'latest', or a smaller --reorg-depth",
        )
    return asked


def pull(
    node: Node, job: Job, spool: Spool, progress: Callable[[int, int], None] = lambda blocks, logs: None
) -> Pulled:
    """Fetch what the spool lacks.

    Args:
        node: where from.
        job: what.
        spool: where to.
        progress: called with (blocks, logs) of each chunk kept; negative blocks for a chunk thrown away.

    Raises:
        InputError: the node refuses for good, or the end of the chain does not settle.
    """
    step, blocks, logs = Step(job.first_step), 0, 0
    dropped = _drop_reorganised(node, job, spool, progress)
    for _ in range(ROUNDS):
        for first, last in spool.gaps(job.first, job.last):
            more_blocks, more_logs = _fill(node, job, spool, step, first, last, progress)
            blocks, logs = blocks + more_blocks, logs + more_logs
        again = _drop_reorganised(node, job, spool, progress)
        dropped += again
        if not again:
            return Pulled(blocks, logs, dropped)
    raise InputError(
        "the last blocks keep changing", where=node.address, hint="use a larger --reorg-depth, or run it again later"
    )


def _fill(
    node: Node,
    job: Job,
    spool: Spool,
    step: Step,
    first: int,
    last: int,
    progress: Callable[[int, int], None],
) -> tuple[int, int]:
    start, logs, changed = first, 0, 0
    while start <= last:
        end = step.last_block(start, last)
        began = time.monotonic()
        try:
            chunk = read_chunk(node, job.key, start, end, gas_prices=job.gas_prices)
        except Complaint as said:
            step.refused(start, end - start + 1, said)
            continue
        except Reorganised:
            changed += 1
            if changed >= REORG_TRIES:
                raise InputError(
                    f"the node does not agree with itself about blocks {start} to {end}",
                    where=node.address,
                    hint="use a larger --reorg-depth, another node, or run it again later",
                ) from None
            time.sleep(0.2 * changed)
            continue
        spool.add(chunk)
        rows = chunk.table.num_rows
        step.answered(end - start + 1, rows, time.monotonic() - began)
        progress(end - start + 1, rows)
        start, logs, changed = end + 1, logs + rows, 0
    return last - first + 1, logs


def _drop_reorganised(node: Node, job: Job, spool: Spool, progress: Callable[[int, int], None]) -> int:
    """Throw away chunks whose last block is no longer on the chain; return how many."""
    chunks = spool.chunks()
    # Chunks are fetched in order of blocks, so only those near the end can have been read from a branch
    # that died. Older ones are asked for from the newest back, until one is still there.
    watched = [chunk for chunk in chunks if chunk[1] > job.last - WATCHED_BLOCKS]
    dropped = sum(_drop_stale(node, spool, watched, progress))
    if dropped == len(watched):
        for chunk in reversed(chunks[: len(chunks) - len(watched)]):
            if not any(_drop_stale(node, spool, [chunk], progress)):
                break
            dropped += 1
    return dropped


def _drop_stale(
    node: Node, spool: Spool, chunks: list[tuple[int, int, str]], progress: Callable[[int, int], None]
) -> list[bool]:
    headers = node.headers([last for _, last, _ in chunks])
    stale = []
    for (first, last, last_hash), header in zip(chunks, headers, strict=True):
        stale.append(header is None or str(header.get("hash")).lower() != last_hash)
        if stale[-1]:
            spool.drop(first, last)
            progress(first - 1 - last, 0)
    return stale
