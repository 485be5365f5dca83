"""What goes between the process that asks and the one that answers: frames on a pipe, and long columns beside them.

A frame is a kind (one byte), a length (eight bytes, big-endian) and its content. A question's columns that lie in
files go as those files, to be read only: neither side has a copy of them in memory. Only files that hold one whole
column of what is asked go: of a tape that was cut the rest is nobody's to see.
"""

from __future__ import annotations

import io
import os
import pickle
import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped

QUESTION, TOUCHED, ANSWER, DONE = b"?", b"!", b"=", b"."
LOADED = b"+"
"""Comes first, once: the names of all modules that need not be imported with a question any more."""

FILES_AT_ONCE = 200
"""Files that go with one byte; Linux takes 253."""

PIECE = 1 << 20
"""Bytes that are read or written at once."""


class _Pickler(pickle.Pickler):
    """Keeps a column that is one value for all rows what it is: pickle would write it out."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.size > 1 and not any(value.strides):
            first = value[(slice(1),) * value.ndim].copy()
            return np.broadcast_to, (first, value.shape)
        return NotImplemented


def pickled(value: Any, beside: Callable[[NDArray[np.uint8]], bool], long: int) -> bytes:
    """A pickle of a value, without its long columns.

    Args:
        beside: gets the bytes of each column that is as long, and says whether it is sent beside the pickle, in this
            order.
        long: bytes of the shortest such column.
    """
    out = io.BytesIO()

    def kept(buffer: pickle.PickleBuffer) -> bool:
        is_column = isinstance(memoryview(buffer).obj, np.ndarray)
        return not (is_column and buffer.raw().nbytes >= long and beside(np.frombuffer(buffer.raw(), np.uint8)))

    _Pickler(out, protocol=5, buffer_callback=kept).dump(value)
    return out.getvalue()


def send(pipe: int, kind: bytes, content: bytes) -> None:
    """Write one frame."""
    write(pipe, kind + len(content).to_bytes(8, "big"))
    write(pipe, content)


def write(pipe: int, content: bytes | memoryview) -> None:
    """Write all of it."""
    view = memoryview(content)
    while len(view):
        view = view[os.write(pipe, view[:PIECE]) :]


def receive(pipe: int, until: float | None = None) -> tuple[bytes, bytes] | None:
    """Read one frame; None where the pipe is closed, or closes within it.

    Args:
        until: `time.monotonic()` at which waiting ends in a TimeoutError.
    """
    head = read(pipe, 9, until)
    content = None if head is None else read(pipe, int.from_bytes(head[1:], "big"), until)
    return None if head is None or content is None else (bytes(head[:1]), bytes(content))


def read(pipe: int, count: int, until: float | None = None) -> bytearray | None:
    """So many bytes; None where the pipe closes before."""
    parts = bytearray()
    while len(parts) < count:
        part = _part(pipe, count - len(parts), until)
        if not part:
            return None
        parts += part
    return parts


def _part(pipe: int, most: int, until: float | None) -> bytes:
    if until is not None and not select.select([pipe], [], [], max(0.0, until - time.monotonic()))[0]:
        raise TimeoutError("no answer")
    return os.read(pipe, min(most, PIECE))


def fill(pipe: int, column: NDArray[np.uint8], until: float | None = None) -> bool:
    """Read a column's bytes into it; whether all of them came."""
    start = 0
    while start < len(column):
        part = _part(pipe, len(column) - start, until)
        if not part:
            return False
        column[start : start + len(part)] = np.frombuffer(part, np.uint8)
        start += len(part)
        mapped.touched(len(part))
    return True


def as_file(column: NDArray[np.uint8]) -> int | None:
    """A descriptor, for reading, of a file of these bytes and nothing else; None where files can't be passed on."""
    file = mapped.read_only_file(column)
    if file is not None:
        return file
    copy = mapped.empty(len(column), np.uint8)
    for start in range(0, len(column), PIECE):
        copy[start : start + PIECE] = column[start : start + PIECE]
        mapped.touched(2 * PIECE)
    return mapped.read_only_file(copy)


def send_files(pipe: socket.socket, files: Sequence[int]) -> None:
    """Pass open files on."""
    for start in range(0, len(files), FILES_AT_ONCE):
        socket.send_fds(pipe, [b"f"], list(files[start : start + FILES_AT_ONCE]))


def receive_files(pipe: socket.socket, count: int) -> list[int]:
    """As many as were passed on; OSError where fewer came."""
    files: list[int] = []
    while len(files) < count:
        told, some, _, _ = socket.recv_fds(pipe, 1, FILES_AT_ONCE)
        files += some
        if not told:
            break
    if len(files) < count:
        raise OSError(f"{len(files)} of {count} columns came")
    return files
