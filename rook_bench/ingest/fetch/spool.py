"""What was fetched so far, on disk beside the tape to be: a kill loses at most one request."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rook_bench.core import InputError
from rook_bench.core.files import whole_file, write_json
from rook_bench.ingest.fetch.get_logs import Chunk
from rook_bench.market.events import SCHEMA

VERSION = 1
_FACTS = "fetch.json"
_METADATA = b"rook_bench_chunk"


class Spool:
    """A folder of chunks, one Parquet file each, and what they are chunks of.

    Args:
        out: the tape that the chunks are for; the folder lies beside it.
        asked: what the call asks for; a later call must ask for the same.

    Raises:
        InputError: the folder was begun by a call that asked for something else.
    """

    def __init__(self, out: Path, asked: Mapping[str, Any]) -> None:
        self.folder = out.parent / f".{out.name}.fetching"
        self._asked = dict(asked)
        self.resumed = (self.folder / _FACTS).exists()
        self._facts: dict[str, Any] = self._read() if self.resumed else {}
        for leftover in self.folder.glob(".*"):  # half a chunk of a killed call
            leftover.unlink()

    def fact(self, name: str) -> Any:
        """A fact kept by an earlier call, or None."""
        return self._facts.get(name)

    def keep(self, **facts: Any) -> None:
        """Keep facts for later calls (JSON values)."""
        self._facts |= facts
        write_json(self.folder / _FACTS, {"version": VERSION, "asked": self._asked, "facts": self._facts})

    def add(self, chunk: Chunk) -> None:
        """Keep a chunk; it appears whole."""
        facts = json.dumps({"first": chunk.first, "last": chunk.last, "last_hash": chunk.last_hash})
        table = chunk.table.replace_schema_metadata({_METADATA: facts.encode()})
        try:
            with whole_file(self._path(chunk.first, chunk.last)) as aside:
                pq.write_table(table, aside, compression="zstd")
        except OSError as error:
            raise InputError(
                f"a chunk can't be written ({error.strerror or error})",
                where=self.folder,
                hint="make room and run the same command again",
            ) from None

    def chunks(self) -> list[tuple[int, int, str]]:
        """(first block, last block, hash of the last block) in order, without overlap; damaged files are dropped."""
        kept: list[tuple[int, int, str]] = []
        for path in sorted(self.folder.glob("*.parquet")):
            try:
                facts = json.loads(pq.read_schema(path).metadata[_METADATA])
                chunk = facts["first"], facts["last"], facts["last_hash"]
            except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError):
                path.unlink()
                continue
            if kept and chunk[0] <= kept[-1][1]:
                path.unlink()
                continue
            kept.append(chunk)
        return kept

    def gaps(self, first: int, last: int) -> list[tuple[int, int]]:
        """Block ranges within `first` to `last` that are not kept yet."""
        gaps, start = [], first
        for chunk_first, chunk_last, _ in self.chunks():
            if chunk_first > start:
                gaps.append((start, chunk_first - 1))
            start = chunk_last + 1
        return gaps + ([(start, last)] if start <= last else [])

    def drop(self, first: int, last: int) -> None:
        """Throw a chunk away."""
        self._path(first, last).unlink()

    def tables(self) -> Iterator[pa.Table]:
        """The event tables of the chunks, in order of blocks, one in memory at a time."""
        for first, last, _ in self.chunks():
            path = self._path(first, last)
            try:
                yield pq.read_table(path).cast(SCHEMA).replace_schema_metadata()
            except (pa.ArrowInvalid, OSError) as error:
                path.unlink()
                raise InputError(
                    f"a kept chunk was damaged and is thrown away ({str(error).splitlines()[0]})",
                    where=path.name,
                    hint="run the same command again",
                ) from None

    def counts(self) -> Counter[str]:
        """Number of events by name."""
        counts: Counter[str] = Counter()
        for first, last, _ in self.chunks():
            counts.update(pq.read_table(self._path(first, last), columns=["event"])["event"].to_pylist())
        return counts

    def remove(self) -> None:
        """Delete the folder: the tape is written."""
        shutil.rmtree(self.folder)

    def _path(self, first: int, last: int) -> Path:
        return self.folder / f"{first:012d}-{last:012d}.parquet"

    def _read(self) -> dict[str, Any]:
        hint = f"use the same arguments, another --out, or delete {self.folder}"
        try:
            kept = json.loads((self.folder / _FACTS).read_text(encoding="utf-8"))
            version, asked, facts = kept["version"], dict(kept["asked"]), dict(kept["facts"])
        except (OSError, KeyError, TypeError, ValueError):
            raise InputError(
                "the record of the interrupted fetch can't be read", where=self.folder, hint=hint
            ) from None
        if version != VERSION:
            raise InputError("another version began this fetch", where=self.folder, hint=hint)
        for name in sorted(asked.keys() | self._asked.keys()):
            if asked.get(name) != self._asked.get(name):
                was, now = asked.get(name, "none"), self._asked.get(name, "none")
                raise InputError(
                    f"an interrupted fetch to the same --out asked for {name} {was}, not {now}",
                    where=self.folder,
                    hint=hint,
                )
        return facts
