"""An append-only file of JSON lines, each sealed with the hash of the one before it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from rook_bench.core.errors import InputError
from rook_bench.core.hashing import seal_of, sealed

Entry = dict[str, Any]
GENESIS = ""
"""What the first entry names as the one before it, and the head of a chain without entries."""

SEALED = ("seq", "prev", "at", "hash")
LOCK_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Problem:
    """What is wrong with one line.

    Attributes:
        line: its number, from 1.
        what: one phrase.
        kind: "broken" (changed, missing or out of order) or "unfinished" (a writer was stopped in
            the middle of the last line: it was never acknowledged, and the next writer drops it).
    """

    line: int
    what: str
    kind: Literal["broken", "unfinished"] = "broken"

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


@dataclass(frozen=True)
class Chain:
    """The chain in one file. Any number of processes may read and append; any of them may be killed.

    An entry is {"seq": 0, 1, ..., "prev": hash of the entry before, "at": ISO time in UTC, ...,
    "hash": SHA-256 of all the rest}. Once `append` returns, the entry is on disk.
    """

    path: Path

    def entries(self) -> list[Entry]:
        """Every finished entry, verified; InputError names the first line that is not as it was written."""
        found, problems = self._read()
        broken = next((problem for problem in problems if problem.kind == "broken"), None)
        if broken is not None:
            raise InputError(
                f"line {broken.line} {broken.what}", where=self.path, hint="restore the file from a copy: never edit it"
            )
        return found

    def verify(self) -> list[Problem]:
        """Everything that is wrong with the file, line by line; empty for a file that is not there."""
        return self._read()[1]

    @property
    def head(self) -> str:
        """The hash of the last entry; "" before the first."""
        return head_of(self.entries())

    def upto(self, head: str | None) -> list[Entry]:
        """The entries as they were when `head` was the head (None: all); InputError where it never was."""
        entries = self.entries()
        if head is None:
            return entries
        for count in range(len(entries) + 1):
            if head_of(entries[:count]) == head:
                return entries[:count]
        raise InputError(f"no entry has the hash {head[:16]}", where=self.path, hint="was the file cut or replaced?")

    def append(
        self, payload: Mapping[str, Any] | Callable[[list[Entry]], Mapping[str, Any]], *, at: datetime | None = None
    ) -> Entry:
        """Add one entry and return it sealed.

        Args:
            payload: the entry's own keys, or a function that makes them from the entries there are;
                no other writer comes in between. What it raises leaves the file as it was.
            at: the time of the entry, now by default.

        Raises:
            InputError: where the chain is broken, or the file can't be written.
        """
        return self.append_all(lambda entries: [payload(entries) if callable(payload) else payload], at=at)[0]

    def append_all(
        self,
        payloads: Iterable[Mapping[str, Any]] | Callable[[list[Entry]], Iterable[Mapping[str, Any]]],
        *,
        at: datetime | None = None,
    ) -> list[Entry]:
        """Add several entries, all in one write: whoever is killed leaves a beginning of them; else as `append`."""
        with locked(self.path):
            entries = self.entries()
            before = len(entries)
            for payload in payloads(entries[:]) if callable(payloads) else payloads:
                entries.append(seal(payload, entries, at))
            try:
                self._write(b"".join(map(line_of, entries[before:])))
            except OSError as error:
                raise InputError(f"can't be written ({error.strerror})", where=self.path) from None
        return entries[before:]

    def _write(self, line: bytes) -> None:
        """One write at the end of the finished lines, which is on disk when this returns."""
        new = not self.path.exists()
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            finished = self.path.read_bytes().rfind(b"\n") + 1
            os.ftruncate(handle, finished)
            if os.pwrite(handle, line, finished) != len(line):
                os.ftruncate(handle, finished)
                raise OSError(28, "the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)
        if new:
            sync_folder(self.path.parent)

    def _read(self) -> tuple[list[Entry], list[Problem]]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return [], []
        except OSError as error:
            raise InputError(f"can't be read ({error.strerror})", where=self.path) from None
        return parse(content)


def parse(content: bytes) -> tuple[list[Entry], list[Problem]]:
    """The entries of a chain's bytes, and what is wrong with its lines."""
    *lines, rest = content.split(b"\n")
    entries: list[Entry] = []
    problems: list[Problem] = []
    before = GENESIS
    for number, line in enumerate(lines, 1):
        entry = entry_of(line)
        if entry is None:
            problems.append(Problem(number, "is not an entry as it was written"))
            before = "unknown"
            continue
        what = None
        if seal_of(entry) != entry["hash"]:
            what = "was changed (it does not match its own hash)"
        elif entry["seq"] != number - 1 or entry["prev"] != before:
            what = "does not follow the line before it (lines were removed, added or moved)"
        if what is not None:
            problems.append(Problem(number, what))
        before = entry["hash"]
        entries.append(entry)
    if rest:
        what = "unfinished: a writer was stopped in the middle of it; the next one drops it"
        problems.append(Problem(len(lines) + 1, what, "unfinished"))
    return entries, problems


def entry_of(line: bytes) -> Entry | None:
    """The entry of a line that is byte for byte what `line_of` writes."""
    try:
        entry = json.loads(line)
        whole = isinstance(entry, dict) and all(key in entry for key in SEALED) and line_of(entry) == line + b"\n"
    except (ValueError, RecursionError):
        return None
    return entry if whole else None


def seal(payload: Mapping[str, Any], entries: list[Entry], at: datetime | None = None) -> Entry:
    """The payload as the entry that follows `entries`."""
    taken = sorted(set(payload) & set(SEALED))
    if taken:
        raise ValueError(f"{', '.join(taken)}: keys of the chain itself")
    time = (at or datetime.now(UTC)).astimezone(UTC)
    entry = {**payload, "seq": len(entries), "prev": head_of(entries), "at": time.isoformat()}
    # What is hashed is what a reader gets back: tuples are lists by then, numbers as keys are text.
    return sealed(json.loads(json.dumps(entry, allow_nan=False)))


def line_of(entry: Mapping[str, Any]) -> bytes:
    """The line that holds an entry."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def head_of(entries: list[Entry]) -> str:
    """The hash of the last of these entries; "" where there is none."""
    return str(entries[-1]["hash"]) if entries else GENESIS


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock beside `path` (`.lock`); a process that is killed gives it back."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(path.name + ".lock"), timeout=LOCK_TIMEOUT_S)
        lock.acquire()
    except Timeout:
        raise InputError("another process holds it", where=path, hint="wait for it to end and try again") from None
    except OSError as error:
        raise InputError(f"can't be written ({error.strerror})", where=path) from None
    try:
        yield
    finally:
        lock.release()


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in a folder survive a power failure (where folders can be synced)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
