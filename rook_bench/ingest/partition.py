"""A stream of events written as a tape: one file, or Parquet by pool and day in bounded memory."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rook_bench.core import InputError, mapped
from rook_bench.core.files import whole_folder, write_json
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.tick_map import PoolError
from rook_bench.ingest.events_to_frame import follow, frame_of_events, in_order
from rook_bench.ingest.gas_prices import with_gas_prices
from rook_bench.ingest.implied_liquidity import IMPLIED, with_implied_liquidity
from rook_bench.ingest.pool_metadata import unit_notes
from rook_bench.ingest.rounded_rows import without_rounded
from rook_bench.ingest.row_order import mend_order
from rook_bench.market.events import SCHEMA, SWAP, concat
from rook_bench.market.frame import SwapFrame
from rook_bench.market.history import LiquidityHistory, PoolStart
from rook_bench.market.pool import Pool
from rook_bench.market.tape_file import CONTENTS, VERSION, to_table, write_tape


@dataclass(frozen=True)
class Written:
    """What became of one pool's events: its swaps by day, in ISO dates."""

    address: str
    pool: Pool
    swaps_by_day: dict[str, int]

    @property
    def swaps(self) -> int:
        """Swaps of all days."""
        return sum(self.swaps_by_day.values())


def write_tape_of_events(
    tables: Iterable[pa.Table],
    out: str | Path,
    pools: Mapping[str, Pool],
    *,
    source: str,
    notes: Sequence[str] = (),
    rounded: Mapping[str, str] | None = None,
    gas_prices: Path | None = None,
    allow_rounded: bool = False,
) -> list[Written]:
    """Write events as a tape, whole or not at all.

    Args:
        tables: event tables (`market.events.SCHEMA`), in any order, with repeats.
        out: a path ending in .parquet is one file of one pool, held in memory; else it is a folder
            `pool=ADDRESS/day=DATE/tape.parquet`, for which only one day of one pool is held at a
            time. Each day opens with a snapshot of the tick map where that is known, so it can be
            read alone.
        pools: metadata by address (or v4 pool id); `pools`, `notes` and `rounded` are read when
            `tables` is used up, so what a stream learns on the way may be passed.
        source, notes, rounded: see `SwapFrame`.
        gas_prices: a series to put beside the swaps; see `ingest.gas_prices`.
        allow_rounded: mark integers that went through a float instead of refusing them.

    Raises:
        InputError: no swap, several pools for one file, a pool without metadata.
    """
    out = Path(out)
    with tempfile.TemporaryDirectory(prefix=".events.", dir=_existing(out.parent)) as spool:
        parts = Parts(Path(spool))
        for table in tables:
            parts.add(table)
        facts = _Facts(source, tuple(notes), dict(rounded or {}), gas_prices, allow_rounded)
        found = {address: _metadata(address, pools, source) for address in parts.pools()}
        if not found:
            raise InputError("the log holds no swap", where=source, hint="is it the log of this pool and these blocks?")
        if out.suffix == ".parquet":
            if len(found) > 1:
                raise InputError(
                    f"the log holds {len(found)} pools, a .parquet file holds one",
                    where=source,
                    hint="give a folder as --out, or name one with --pool ADDRESS",
                )
            (address, pool) = next(iter(found.items()))
            days = [events for _, events in parts.days(address)]
            frame = facts.frame(concat(days), pool)
            write_tape(frame, out)
            return [Written(address, pool, _by_day(frame))]
        with whole_folder(out) as aside:
            written = [_write_pool(aside, address, pool, parts, facts) for address, pool in found.items()]
            _write_contents(aside, written, source)
        return written


@dataclass(frozen=True)
class _Facts:
    """What holds for every part of a tape, and how a part is made."""

    source: str
    notes: tuple[str, ...]
    rounded: Mapping[str, str]
    gas_prices: Path | None
    allow_rounded: bool

    def frame(self, events: pa.Table, pool: Pool, snapshot: LiquidityHistory | None = None) -> SwapFrame:
        """The tape of these events."""
        events, implied = with_implied_liquidity(events)
        rounded = dict(self.rounded) | ({"liquidity": IMPLIED} if implied else {})
        notes = (*self.notes, *unit_notes(pool))
        frame = frame_of_events(events, pool, source=self.source, rounded=rounded, notes=notes, snapshot=snapshot)
        frame = without_rounded(mend_order(frame), allow=self.allow_rounded)
        return frame if self.gas_prices is None else with_gas_prices(frame, self.gas_prices)


class Parts:
    """Events set aside on disk by pool and day, so that no more than one day is ever in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        self._traded: set[str] = set()

    def add(self, table: pa.Table) -> None:
        """Put each event of the table with those of its pool and day."""
        for name in ("pool", "at"):
            if table[name].null_count:
                raise InputError(f"an event has no {name}", where="event log", hint="mend or drop it")
        self._traded.update(table.filter(pc.equal(table["event"], SWAP))["pool"].unique().to_pylist())
        days = pc.strftime(table["at"], format="%Y-%m-%d")
        keys = pa.table({"pool": table["pool"], "day": days}).group_by(["pool", "day"]).aggregate([])
        for key in keys.to_pylist():
            mask = pc.and_(pc.equal(table["pool"], key["pool"]), pc.equal(days, key["day"]))
            folder = self.folder / key["pool"] / key["day"]
            folder.mkdir(parents=True, exist_ok=True)
            self._count += 1
            pq.write_table(table.filter(mask), folder / f"{self._count:09d}.parquet")

    def pools(self) -> list[str]:
        """Addresses of the pools with swaps so far; others have no tape."""
        return sorted(self._traded)

    def days(self, address: str) -> Iterator[tuple[str, pa.Table]]:
        """Each day of a pool with its events, in order of time."""
        for day in sorted((self.folder / address).iterdir()):
            yield day.name, concat([pq.read_table(part, schema=SCHEMA) for part in sorted(day.iterdir())])


def _write_pool(folder: Path, address: str, pool: Pool, parts: Parts, facts: _Facts) -> Written:
    state: PoolState | None = None
    pending: list[pa.Table] = []  # events of days without a swap wait for the next day that has one
    snapshot: LiquidityHistory | None = None
    swaps: dict[str, int] = {}
    for day, table in parts.days(address):
        events, _ = in_order(concat([*pending, table]))
        if not pc.any(pc.equal(events["event"], SWAP)).as_py():
            pending = [events]
            continue
        pending = []
        frame = facts.frame(events, pool, snapshot)
        _write_day(folder, address, day, frame)
        swaps[day] = len(frame)
        if frame.history is not None and frame.history.complete:
            try:
                state = follow(state, events, pool)
            except PoolError as error:
                raise InputError(f"{error} (on {day})", where=facts.source) from None
            snapshot = _snapshot(state)
        else:
            snapshot = None
    return Written(address, pool, swaps)


def _snapshot(state: PoolState | None) -> LiquidityHistory | None:
    if state is None:
        return None
    start = PoolStart(state.sqrt_price, state.tick, state.liquidity)
    return LiquidityHistory.of(complete=True, start=start, snapshot=state.map)


def write_by_day(frame: SwapFrame, out: str | Path) -> Written:
    """Write one pool's tape as a folder by day, whole or not at all; see `write_tape_of_events`."""
    address = frame.pool.address
    days = mapped.by_part(len(frame), lambda rows: frame.at[rows].astype("datetime64[D]"), "datetime64[D]")
    edges = [0, *(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist(), len(frame)]
    swaps: dict[str, int] = {}
    with whole_folder(out) as aside:
        for first, last in itertools.pairwise(edges):
            day = str(days[first])
            part = frame[first:last]
            if part.history is not None and last < len(frame):
                # Changes between two days belong to the later one, or they would be counted twice.
                part = replace(part, history=part.history.before(len(part)))
            _write_day(aside, address, day, part)
            swaps[day] = last - first
        written = Written(address, frame.pool, swaps)
        _write_contents(aside, [written], frame.source)
    return written


def _write_day(folder: Path, address: str, day: str, frame: SwapFrame) -> None:
    target = folder / f"pool={address}" / f"day={day}" / "tape.parquet"
    target.parent.mkdir(parents=True)
    pq.write_table(to_table(frame), target, compression="zstd")


def _write_contents(folder: Path, written: Sequence[Written], source: str) -> None:
    pools = {
        pool.address: {
            "pool": pool.pool.model_dump(),
            "swaps": pool.swaps,
            "days": [
                {"day": day, "swaps": count, "file": f"pool={pool.address}/day={day}/tape.parquet"}
                for day, count in pool.swaps_by_day.items()
            ],
        }
        for pool in written
    }
    write_json(folder / CONTENTS, {"version": VERSION, "source": source, "pools": pools})


def _metadata(address: str, pools: Mapping[str, Pool], source: str) -> Pool:
    if address not in pools:
        raise InputError(f"pool {address} is not known", where=source, hint="pass its metadata with --pool FILE")
    return pools[address]


def _by_day(frame: SwapFrame) -> dict[str, int]:
    days = frame.at_index.strftime("%Y-%m-%d").value_counts().sort_index()
    return {str(day): int(count) for day, count in days.items()}


def _existing(folder: Path) -> Path:
    """The nearest folder above that exists, for the spool."""
    while not folder.is_dir():
        folder = folder.parent
    return folder
