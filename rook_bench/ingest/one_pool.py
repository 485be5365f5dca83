"""A log read as the tape of one of its pools."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from rook_bench.core import InputError
from rook_bench.ingest.events_to_frame import frame_of_events
from rook_bench.ingest.implied_liquidity import IMPLIED, with_implied_liquidity
from rook_bench.ingest.log_stream import LogStream, stream_events
from rook_bench.ingest.pool_metadata import unit_notes
from rook_bench.ingest.rounded_rows import without_rounded
from rook_bench.ingest.row_order import mend_order
from rook_bench.ingest.text_columns import UNNAMED_POOL
from rook_bench.market.events import concat
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool, known_pool

V4_ID = len("0x") + 64
"""Characters of a v4 pool's id."""

LISTED = 5
"""Pools that an error names at most."""


class SeveralPools(InputError):
    """A log of several pools, of which one has to be named."""


def read_log(path: Path, pool: Pool | None, *, address: str | None = None, allow_rounded: bool = False) -> SwapFrame:
    """The tape of one pool out of a log file or a folder of them; it is held in memory.

    Args:
        path: file or folder.
        pool: metadata, where the log does not tell it.
        address: which pool; by default that of `pool`, or the only one.

    Raises:
        InputError: no swap of the pool, several pools and no address, or a pool without metadata.
    """
    if address is None and pool is not None:
        address = pool.log_address
    stream = stream_events([path], address=address, allow_rounded=allow_rounded)
    tables: list[pa.Table] = []
    for table in stream:
        if len(stream.swaps) <= 1 or address is not None:
            tables.append(table)
        else:
            tables.clear()  # it will be refused: only the counts are still of use
    found = _pool_of(stream, path, address, pool)
    metadata = described_pool(pool, found) if pool else stream.pools.get(found) or known_pool(found)
    return _frame(concat(tables), metadata, found, path, stream)


def described_pool(pool: Pool, found: str) -> Pool:
    """Metadata that was given for the pool that a log calls `found`: a v4 pool takes its id from the log."""
    return pool.model_copy(update={"address": found}) if pool.protocol == "v4" and len(found) == V4_ID else pool


def read_logs(path: Path, *, allow_rounded: bool = False, least: int = 1) -> list[SwapFrame]:
    """The tapes of all pools of a log file or folder, those with most swaps first; all are held in memory.

    Args:
        path: file or folder.
        allow_rounded: see `read_log`.
        least: swaps that a pool must have.

    Raises:
        InputError: see `read_log`.
    """
    stream = stream_events([path], allow_rounded=allow_rounded)
    events = concat(list(stream))
    if not stream.swaps:
        _pool_of(stream, path, None)  # says that there is none
    return [
        _frame(events.filter(pc.equal(events["pool"], pool)), stream.pools.get(pool), pool, path, stream)
        for pool, count in stream.swaps.most_common()
        if count >= least
    ]


def _frame(events: pa.Table, metadata: Pool | None, address: str, path: Path, stream: LogStream) -> SwapFrame:
    if metadata is None:
        raise _unknown(address, path)
    events, implied = with_implied_liquidity(events)
    rounded = rounded_reasons(stream) | ({"liquidity": IMPLIED} if implied else {})
    notes = (*stream.notes, *unit_notes(metadata))
    frame = mend_order(frame_of_events(events, metadata, source=str(path), rounded=rounded, notes=notes))
    return without_rounded(frame, allow=stream.allow_rounded)


def rounded_reasons(stream: LogStream) -> dict[str, str]:
    """What a tape says of the columns that a stream found rounded."""
    return {
        name: f"{count} of {total} values went through a float before they were imported"
        for name, (count, total) in stream.rounded.items()
    }


def _pool_of(stream: LogStream, path: Path, address: str | None, described: Pool | None = None) -> str:
    """The address of the pool to read, with swaps to its name."""
    if not stream.swaps:
        raise InputError("the log holds no Swap event of a pool", where=path, hint="is it the right log?")
    listed = ", ".join(f"{pool} ({count} swaps)" for pool, count in stream.swaps.most_common(LISTED))
    more = "" if len(stream.swaps) <= LISTED else f" and {len(stream.swaps) - LISTED} more"
    if address is None:
        if len(stream.swaps) > 1:
            raise SeveralPools(
                f"the log holds {len(stream.swaps)} pools: {listed}{more}",
                where=path,
                hint="choose with --pool ADDRESS"
                if described is None
                else "write one of them as the metadata's address",
            )
        return next(iter(stream.swaps))
    if address.lower() not in stream.swaps and UNNAMED_POOL not in stream.swaps:
        raise InputError(
            f"the log holds no swap of pool {address.lower()}", where=path, hint=f"it holds {listed}{more}"
        )
    return address.lower()


def _unknown(address: str, path: Path) -> InputError:
    problem = (
        "the file does not say which pool it is from"
        if address == UNNAMED_POOL
        else f"pool {address} is not known (the log does not tell its tokens and fee)"
    )
    return InputError(problem, where=path, hint="pass its metadata with --pool FILE")
