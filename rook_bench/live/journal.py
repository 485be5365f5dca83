"""The journal of a live session: one sealed line for every step, on disk before the next one is taken.

Beside `core.hash_chain.Chain`, whose lines look the same: a chain has few entries and many writers, and reads all of
itself at each; a journal has one writer, who knows the line before, and many lines, which are read one at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rook_bench.core import InputError
from rook_bench.core.hash_chain import GENESIS, SEALED, entry_of, line_of, sync_folder
from rook_bench.core.hashing import seal_of, sealed

Entry = dict[str, Any]

FILE = "journal.jsonl"


class Journal:
    """The journal of a session's folder, open for its one writer.

    Half a line at the end, left by a writer who was killed, was never acknowledged and is dropped.

    Args:
        folder: of the session; made where it is not there.

    Raises:
        InputError: another process writes it, a line is not as it was written, or the folder can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(folder / f"{FILE}.lock", timeout=0)
            self._lock.acquire()
        except Timeout:
            raise InputError("another process follows the chain for it", where=folder, hint="stop that one") from None
        except OSError as error:
            raise InputError(f"can't be written ({error.strerror})", where=folder) from None
        try:
            self.head, self.count, self._end = self._finished()
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            os.ftruncate(self._handle, self._end)
            sync_folder(folder)
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise InputError(f"can't be written ({error.strerror})", where=self.path) from None
            raise

    def _finished(self) -> tuple[str, int, int]:
        """Hash and number of the last finished line, and the bytes up to its end."""
        head, count, end = GENESIS, 0, 0
        for entry, size in _lines(self.path):
            head, count, end = entry["hash"], count + 1, end + size
        return head, count, end

    def add(self, entry: Mapping[str, Any]) -> Entry:
        """Seal an entry and put it on disk; when this returns, it stays there.

        Raises:
            InputError: it can't be written (the disk is full); the journal is as it was.
            ValueError: it holds a key of the chain itself.
        """
        taken = sorted(set(entry) & set(SEALED))
        if taken:
            raise ValueError(f"{', '.join(taken)}: keys of the chain itself")
        whole = sealed(
            {**entry, "seq": self.count, "prev": self.head, "at": datetime.now(UTC).isoformat(timespec="milliseconds")}
        )
        line = line_of(whole)
        try:
            if os.pwrite(self._handle, line, self._end) != len(line):
                raise OSError(28, "no space left on the disk")
            os.fsync(self._handle)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._handle, self._end)
            what, hint = f"can't be written ({error.strerror})", "make room, then run the same command again"
            raise InputError(what, where=self.path, hint=hint) from None
        self.head, self.count, self._end = whole["hash"], self.count + 1, self._end + len(line)
        return whole

    def discard(self) -> None:
        """Have none: what was begun never came to anything. An empty folder goes with it."""
        self.close()
        for path in (self.path, self.path.with_name(f"{FILE}.lock")):
            path.unlink(missing_ok=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def empty(self) -> None:
        """Begin again from the first line."""
        os.ftruncate(self._handle, 0)
        self.head, self.count, self._end = GENESIS, 0, 0

    def entries(self) -> Iterator[Entry]:
        """Every entry up to now, one in memory at a time."""
        return read_journal(self.path.parent)

    def close(self) -> None:
        """Let others write."""
        os.close(self._handle)
        self._lock.release()


def read_journal(folder: Path) -> Iterator[Entry]:
    """The finished entries of a session's journal, verified, one in memory at a time.

    Raises:
        InputError: there is none; a line was changed, or does not follow the one before it.
    """
    path = folder / FILE
    if not path.is_file():
        raise InputError("the folder holds no journal", where=folder, hint="make one with rook-bench live")
    return (entry for entry, _ in _lines(path))


def _lines(path: Path) -> Iterator[tuple[Entry, int]]:
    """Each finished line as an entry, with its bytes."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"can't be read ({error.strerror})", where=path) from None
    before = GENESIS
    with file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            entry = entry_of(line[:-1])
            if entry is None or seal_of(entry) != entry["hash"]:
                raise _broken(path, number, "is not as it was written")
            if entry["seq"] != number - 1 or entry["prev"] != before:
                raise _broken(path, number, "does not follow the line before it (lines were removed, added or moved)")
            before = entry["hash"]
            yield entry, len(line)


def _broken(path: Path, number: int, what: str) -> InputError:
    return InputError(f"line {number} {what}", where=path, hint="restore the file from a copy: never edit it")
