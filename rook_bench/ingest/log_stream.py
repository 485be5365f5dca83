"""Log files of any layout as one stream of event tables, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rook_bench.core import InputError
from rook_bench.ingest.identity import Identity, guarded, strange_events
from rook_bench.ingest.layouts.block_times import BlockTimes
from rook_bench.ingest.recognise import recognise, spelled
from rook_bench.ingest.rounding import Rounding
from rook_bench.ingest.text_columns import UNNAMED_POOL
from rook_bench.ingest.text_rows import ROWS, columns_of, read_records
from rook_bench.market.events import BURN, COLLECT, INITIALIZE, MINT, SWAP
from rook_bench.market.pool import Pool, known_pool
from rook_bench.plugins import Plugin

REASONS = 3
"""Files of a folder whose reasons an error gives."""


class _Source(NamedTuple):
    path: Path
    plugin: Plugin
    names: dict[str, str]
    guarded: list[str]


class LogStream:
    """Event tables of one or several log files, chunk by chunk, in the order of the files.

    Attributes:
        rounded: (rounded values, of how many) by event column; complete after iteration, as are
            the others below.
        notes: what a reader of the result should know.
        pools: metadata by address (v4: pool id), of the pools the log tells of and well-known ones.
        swaps: Swap events by pool, those of other pools than `address` included.
    """

    def __init__(
        self, paths: Sequence[Path], *, address: str | None = None, allow_rounded: bool = False, rows: int = ROWS
    ) -> None:
        self.address = None if address is None else address.lower()
        self.allow_rounded, self._rows = allow_rounded, rows
        self._sources: list[_Source] = []
        self._block_files: list[Path] = []
        self._remarks: list[str] = []
        for path in map(Path, paths):
            if path.is_dir():
                self._add_folder(path)
            else:
                self._add_file(path)
        if not self._sources:
            raise InputError("there is no log of swaps", where=", ".join(map(str, paths)), hint="name a log file")
        self._begin()

    def _begin(self) -> None:
        self._rounding = Rounding(self.allow_rounded)
        self._kinds: Counter[str] = Counter()
        self._total = 0
        self._identity = Identity()
        self._strange: Counter[str] = Counter()
        self.pools: dict[str, Pool] = {}
        self.swaps: Counter[str] = Counter()
        layouts = {source.plugin.name: source.plugin.traits.get("note") for source in self._sources}
        self.notes: list[str] = [*self._remarks, *dict.fromkeys(note for note in layouts.values() if note)]

    @property
    def rounded(self) -> Mapping[str, tuple[int, int]]:
        """(Rounded values, of how many) by event column."""
        return self._rounding.counts

    def _add_file(self, path: Path) -> None:
        columns = columns_of(path)
        plugin = recognise(columns, where=path)
        if plugin.traits.get("blocks"):
            self._block_files.append(path)
        elif plugin.traits.get("log"):
            self._sources.append(_Source(path, plugin, spelled(columns, plugin), guarded(columns)))
        else:
            raise InputError(f"is no log of events but {plugin.name}", where=path, hint="import it alone")

    def _add_folder(self, folder: Path) -> None:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not _hidden(path, folder)]
        strange = []
        for path in files:
            try:
                self._add_file(path)
            except InputError as error:
                strange.append(f"{path.relative_to(folder).as_posix()} ({error.what})")
        if not self._sources:
            first = f"; {'; '.join(strange[:REASONS])}" if strange else ""
            more = f"; and {len(strange) - REASONS} more files" if len(strange) > REASONS else ""
            raise InputError(
                f"the folder holds no core_features.csv, no tape.json and no log file that is recognised{first}{more}",
                where=folder,
                hint="rook-bench data check FILE --explain says what each layout asks for",
            )
        if strange:
            self._remarks.append(f"not read, for they are no logs: {'; '.join(strange)}")

    def __iter__(self) -> Iterator[pa.Table]:
        self._begin()
        times: dict[Path, BlockTimes] = {}
        for source in self._sources:
            self._note_removals(source)
        for source in self._sources:
            for table in self._tables(source):
                filled = self._timed(table, source, times)
                self._count(filled)
                if self.address is not None:
                    filled = _only(filled, self.address)
                if len(filled):
                    yield filled
        for pool in self.swaps:
            known = known_pool(pool)
            if known is not None:
                self.pools.setdefault(pool, known)
        kinds = (SWAP, MINT, BURN, COLLECT, INITIALIZE)
        counts = ", ".join(f"{self._kinds[kind]} {kind} events" for kind in kinds if self._kinds[kind])
        self.notes += strange_events(self._strange)
        if self._identity.taken_back:
            self.notes.append(f"left out {self._identity.taken_back} records of logs that a reorganisation took back")
        self.notes.append(f"{counts or 'no event of a pool'} in {self._total} rows of {len(self._sources)} files")

    def _tables(self, source: _Source) -> Iterator[pa.Table]:
        traits: dict[str, Any] = source.plugin.traits
        layout, pools = traits.get("layout"), traits.get("pools")
        read = source.plugin.build()
        for whole in read_records(source.path, {*source.names, *source.guarded}, self._rows):
            self._total += len(whole)
            chunk = self._identity.standing(whole)
            self._identity.check(chunk, source.names, source.plugin.name, source.path)
            table = chunk[[column for column in chunk if column in source.names]].rename(columns=source.names)
            if pools is not None:
                self._learn(pools(table, source.path))
            if layout is None:
                yield read(table, source.path)
            else:
                yield layout.events(table, source.path, self._rounding.mend, self._strange)

    def _note_removals(self, source: _Source) -> None:
        """A record may take back one that lies before it, so they are all looked at first."""
        if any(column.lower() == "removed" for column in source.guarded):
            for chunk in read_records(source.path, source.guarded, self._rows):
                self._identity.note_removals(chunk)

    def _learn(self, pools: Sequence[Pool]) -> None:
        for pool in pools:
            self.pools.setdefault(pool.address, pool)

    def _timed(self, events: pa.Table, source: _Source, times: dict[Path, BlockTimes]) -> pa.Table:
        if not events["at"].null_count:
            return events
        folder = source.path.parent
        if folder not in times:
            files = self._block_files or _blocks_beside(source.path)
            times[folder] = BlockTimes(files, self._rows)
        return times[folder].fill(events, source.path)

    def _count(self, events: pa.Table) -> None:
        kinds, pools = events["event"].to_pylist(), events["pool"].to_pylist()
        self._kinds.update(kinds)
        self.swaps.update(pool for kind, pool in zip(kinds, pools, strict=True) if kind == SWAP)


def stream_events(
    paths: Sequence[Path], *, address: str | None = None, allow_rounded: bool = False, rows: int = ROWS
) -> LogStream:
    """The events of log files and folders of them, of one or several layouts.

    Args:
        paths: files, or folders of which every recognised file is read; repeats are not dropped.
        address: keep one pool (v4: pool id).
        allow_rounded: take integers that have been through a float, rounded to the nearest.
        rows: rows of a chunk.

    Raises:
        InputError: at once for a file that is missing, damaged or not a log; while iterating for a
            bad value, by column and row.
    """
    return LogStream(paths, address=address, allow_rounded=allow_rounded, rows=rows)


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _blocks_beside(log: Path) -> list[Path]:
    """Files of block times in the folder of a log."""
    found = []
    for path in sorted(log.parent.iterdir()):
        if path == log or not path.is_file() or "block" not in path.name.lower():
            continue
        try:
            plugin = recognise(columns_of(path), where=path)
        except InputError:
            continue
        if plugin.traits.get("blocks"):
            found.append(path)
    return found


def _only(events: pa.Table, address: str) -> pa.Table:
    """The events of one pool; those of a log that does not name its pool are taken to be its."""
    pool = events["pool"].to_numpy(zero_copy_only=False).astype(object)
    pool = np.where(pool == UNNAMED_POOL, address, pool)
    named = events.set_column(0, events.schema.field("pool"), pa.array(pool, pa.string()))
    return named.filter(pc.equal(named["pool"], address))
