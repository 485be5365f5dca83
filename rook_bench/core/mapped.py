"""Columns as long as a tape: in memory while they are small, else in files that are mapped into it.

Whoever computes a column computes it a part at a time (`parts`, `by_part`), into what `empty` gives. What a large
tape then keeps in memory is a part of each column, and the rest lies on disk, in files without a name that are gone
with the process; they lie in TMPDIR, or where temporary files that are large do. A column is an ordinary array in any
case.
"""

from __future__ import annotations

import errno
import gc
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, finalize

import numpy as np
from numpy.typing import DTypeLike, NDArray

from rook_bench.core.errors import InputError

MAPPED_FROM = 1 << 22
"""Bytes from which on a column lies in a file: half a million float64. A run has some sixty columns."""

PART = 1 << 16
"""Rows that are computed at once."""

RELEASED = 1 << 26
"""Bytes of mapped columns that may have been touched before their pages are given back to the system."""

LARGE_FILES = "/var/tmp"
"""Where large temporary files lie (Filesystem Hierarchy Standard): the usual place may itself be memory."""

MANY = 1 << 16
"""Files that may be open at once, where the system allows it."""

_maps: WeakSet[mmap.mmap] = WeakSet()
_files: WeakKeyDictionary[mmap.mmap, int] = WeakKeyDictionary()
_lock = Lock()
_touched = 0


def empty(shape: int | tuple[int, ...], dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """An array whose content is arbitrary, in memory or in a file.

    Raises:
        InputError: where there is no room for the file.
    """
    return _room(shape, np.dtype(dtype), np.empty)


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """The same with nothing but zeros, as a file has where nobody wrote."""
    return _room(shape, np.dtype(dtype), np.zeros)


def _room(shape: int | tuple[int, ...], kind: np.dtype[Any], in_memory: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    shape = (shape,) if isinstance(shape, int) else shape
    size = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if size < MAPPED_FROM or kind.hasobject or size == 0:
        return in_memory(shape, kind)
    return np.frombuffer(_file(size), dtype=kind).reshape(shape)


def full(shape: int | tuple[int, ...], value: Any, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """The same with one value everywhere."""
    column = empty(shape, dtype)
    for part in parts(len(column)):
        column[part] = value
    return column


def parts(rows: int, size: int | None = None) -> Iterator[slice]:
    """Slices that make up all rows; between them memory is given back where much of it was touched."""
    size = size or PART
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))
        touched(8 * size * len(_maps))


def by_part(
    rows: int, compute: Callable[[slice], NDArray[Any]], dtype: DTypeLike = np.float64, width: int = 0
) -> NDArray[Any]:
    """A column of shape (rows,), or (rows, width), computed a part at a time."""
    column = empty((rows, width) if width else rows, dtype)
    for part in parts(rows):
        column[part] = compute(part)
    return column


def gathered(
    rows: int, compute: Callable[[slice], NDArray[Any]], dtype: DTypeLike = np.float64, size: int | None = None
) -> NDArray[Any]:
    """A column of what the parts give, however few values each gives; at most as many as there are rows."""
    column, filled = empty(rows, dtype), 0
    for part in parts(rows, size):
        found = compute(part)
        column[filled : filled + len(found)] = found
        filled += len(found)
    return column[:filled]


def count(rows: int, test: Callable[[slice], NDArray[np.bool_]]) -> int:
    """On how many rows a test is true."""
    return sum(int(np.count_nonzero(test(part))) for part in parts(rows))


def taken(column: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """`column[rows]`, for row numbers of any order."""
    if rows.dtype == bool or len(rows) * column.itemsize * column[:1].size < MAPPED_FROM:
        return column[rows]
    out = empty((len(rows), *column.shape[1:]), column.dtype)
    for part in parts(len(rows)):
        out[part] = column[rows[part]]
    return out


def concatenated(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The arrays one after the other along the first axis."""
    if len(columns) == 1 or sum(column.nbytes for column in columns) < MAPPED_FROM or columns[0].dtype.hasobject:
        return np.concatenate(columns)
    out = empty((sum(map(len, columns)), *columns[0].shape[1:]), np.result_type(*columns))
    start = 0
    for column in columns:
        for part in parts(len(column)):
            out[start + part.start : start + part.stop] = column[part]
        start += len(column)
    return out


def copied(column: NDArray[Any], dtype: DTypeLike | None = None) -> NDArray[Any]:
    """A copy that can be written to, of another type if asked."""
    out = empty(column.shape, column.dtype if dtype is None else dtype)
    for part in parts(len(column)):
        out[part] = column[part]
        touched(out[part].nbytes + column[part].nbytes)  # a row may be hundreds of bytes
    return out


def read_only_file(column: NDArray[Any]) -> int | None:
    """A new descriptor, for reading, of the file that holds this column and nothing else; None where there is none.

    Whoever gets it closes it. None too where a system can't open a file again that has no name.
    """
    owner: Any = column
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    if not isinstance(owner, mmap.mmap) or len(owner) != column.nbytes or not column.flags.c_contiguous:
        return None
    try:
        return os.open(f"/proc/self/fd/{_files[owner]}", os.O_RDONLY | os.O_CLOEXEC)
    except (KeyError, OSError):
        return None


def opened(file: int) -> NDArray[np.uint8]:
    """All bytes of an open file as a column that can't be written to; the descriptor is closed."""
    try:
        mapping = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(file)
    with _lock:
        _maps.add(mapping)
    return np.frombuffer(mapping, np.uint8)


def release() -> None:
    """Give back the memory in which pages of mapped columns lie; they stay in their files, and come back when read."""
    global _touched
    _touched = 0
    if not hasattr(mmap, "MADV_DONTNEED"):
        return  # the system gives back by itself what it is short of
    with _lock:
        maps = list(_maps)
    for one in maps:
        one.madvise(mmap.MADV_DONTNEED)


def touched(size: int) -> None:
    """Give memory back where so many more bytes of mapped columns make too many."""
    global _touched
    _touched += size if _maps else 0
    if _touched >= RELEASED:
        release()


def _folder() -> str:
    usable = "TMPDIR" not in os.environ and os.access(LARGE_FILES, os.W_OK | os.X_OK)
    return LARGE_FILES if usable else tempfile.gettempdir()


def _mapped(folder: str, size: int) -> mmap.mmap:
    with tempfile.TemporaryFile(prefix="rook-bench-", dir=folder) as file:
        try:  # a full disk is told here, and not by a signal when a page is written
            os.posix_fallocate(file.fileno(), 0, size)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
            file.truncate(size)  # a system, or a kind of disk, that can't say beforehand
        mapping = mmap.mmap(file.fileno(), size)
        _files[mapping] = own = os.dup(file.fileno())
        finalize(mapping, os.close, own)
        return mapping


@cache
def _allow_many() -> None:
    """Python keeps a mapped file open: let there be more of them than the few that are usual."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = MANY if hard == resource.RLIM_INFINITY else min(hard, MANY)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _file(size: int) -> mmap.mmap:
    folder = _folder()
    _allow_many()
    try:
        try:
            mapped = _mapped(folder, size)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            gc.collect()  # frames that nobody knows any more may still hold files
            mapped = _mapped(folder, size)
    except OSError as error:
        many = error.errno in (errno.EMFILE, errno.ENFILE)
        raise InputError(
            f"a column of {size / 1e6:,.0f} MB has no room ({error.strerror})",
            where=folder,
            hint="allow more with ulimit -n" if many else "point TMPDIR at a folder with more",
        ) from None
    with _lock:
        _maps.add(mapped)
    return mapped
