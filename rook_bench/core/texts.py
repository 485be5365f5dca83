"""Columns of text as long as a tape: how often a text occurs costs two bytes a row, and the texts lie in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.arrays import read_only

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 1 << 16
"""Rows that share a table of their different texts: as many as two bytes can tell apart."""

MANY = 1 << 10
"""Different texts of a block from which on they are kept as bytes, and made strings again when they are read."""


class Texts(Sequence[str]):
    """A long column of strings that nobody changes; it reads as an object array of shape (n,) does.

    Args:
        codes: of each row, its text's place in the table of its block; uint16, shape (n,).
        tables: the different texts of each block.
        block: rows of a block.
    """

    dtype = np.dtype(object)

    def __init__(
        self, codes: NDArray[np.uint16], tables: Sequence[NDArray[np.object_] | pa.StringArray], block: int
    ) -> None:
        self._codes, self._tables, self._block = codes, tables, block

    def __len__(self) -> int:
        return len(self._codes)

    def __repr__(self) -> str:
        return f"<Texts of {len(self):,}>"

    @property
    def shape(self) -> tuple[int]:
        """Rows."""
        return self._codes.shape

    @overload  # type: ignore[override]  # a slice of it is an array
    def __getitem__(self, rows: int | np.integer[Any]) -> str: ...
    @overload
    def __getitem__(self, rows: slice | NDArray[Any] | Sequence[int]) -> NDArray[np.object_]: ...
    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, int | np.integer):
            row = range(len(self))[int(rows)]
            return str(self._tables[row // self._block][int(self._codes[row])])
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1:
                return _joined([self._between(*edges) for edges in self._blocks(start, stop)])
            rows = np.arange(start, stop, step)
        rows = np.asarray(rows)
        rows = (
            np.flatnonzero(rows) if rows.dtype == bool else np.where(rows < 0, rows + len(self), rows).astype(np.intp)
        )
        out = np.empty(len(rows), dtype=object)
        for block in np.unique(rows // self._block).tolist():
            mine = rows // self._block == block
            out[mine] = _strings(self._tables[block])[self._codes[rows[mine]]]
        return out

    def __iter__(self) -> Iterator[str]:
        for edges in self._blocks(0, len(self)):
            yield from self._between(*edges).tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("the strings of a column of Texts are made when they are read")
        return self[:] if dtype is None else self[:].astype(dtype)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, str | np.ndarray | Texts):
            return NotImplemented
        return self._compared(other)

    def __ne__(self, other: object) -> Any:
        return ~self._compared(other) if isinstance(other, str | np.ndarray | Texts) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def different(self) -> set[str]:
        """The different texts."""
        return {text for table in self._tables for text in _strings(table)}

    def between(self, start: int, stop: int) -> Column:
        """The rows from one to another as a column: of the same memory where a block begins there."""
        if start % self._block:
            return by_part(stop - start, lambda part: self[start + part.start : start + part.stop])
        first, last = start // self._block, -(-stop // self._block)
        return Texts(self._codes[start:stop], self._tables[first:last], self._block)

    def _compared(self, other: str | NDArray[Any] | Texts) -> NDArray[np.bool_]:
        theirs = (lambda rows: other) if isinstance(other, str) else (lambda rows: other[rows])
        return mapped.by_part(len(self), lambda rows: self[rows] == theirs(rows), np.bool_)

    def tolist(self) -> list[str]:
        """All of them."""
        return list(self)

    def copy(self) -> NDArray[np.object_]:
        """All of them in an array that can be written to."""
        return self[:]

    def _blocks(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Where rows of one block begin and end."""
        while start < stop:
            end = min(stop, (start // self._block + 1) * self._block)
            yield start, end
            start = end

    def _between(self, start: int, stop: int) -> NDArray[np.object_]:
        return _strings(self._tables[start // self._block])[self._codes[start:stop]]


Column = NDArray[np.object_] | Texts
"""A column of text: an object array, or `Texts` where it is long."""


class Gathering:
    """A column of text that is made a part at a time.

    Args:
        rows: how many there will be.
    """

    def __init__(self, rows: int) -> None:
        self._rows, self._filled, self._block = rows, 0, BLOCK
        self._long = is_long(rows)
        self._codes = mapped.empty(rows, np.uint16) if self._long else np.empty(0, dtype=np.uint16)
        self._tables: list[NDArray[np.object_] | pa.StringArray] = []
        self._waiting = np.empty(min(rows, self._block) if self._long else rows, dtype=object)
        self._held = 0

    def add(self, texts: Sequence[str] | NDArray[np.object_] | Texts) -> None:
        """The texts of the next rows, in any number up to those that are left."""
        for start in range(0, len(texts), self._block):
            some: Any = texts[start : start + self._block]
            while len(some):
                fits = min(len(some), len(self._waiting) - self._held)
                self._waiting[self._held : self._held + fits] = some[:fits]
                self._held, some = self._held + fits, some[fits:]
                if self._long and self._held in (self._block, self._rows - self._filled):
                    self._encode()

    def column(self) -> Column:
        """What was added, once that is all."""
        return Texts(self._codes, self._tables, self._block) if self._long else self._waiting

    def _encode(self) -> None:
        seen: dict[str, int] = {}
        codes = (seen.setdefault(text, len(seen)) for text in self._waiting[: self._held])
        end = self._filled + self._held
        self._codes[self._filled : end] = np.fromiter(codes, np.uint16, self._held)
        self._tables.append(_table(list(seen)))
        self._filled, self._held = end, 0


def is_long(rows: int) -> bool:
    """Whether a column of so many texts is one of `Texts`: where one of numbers lies in a file."""
    return rows * np.dtype(np.float64).itemsize >= mapped.MAPPED_FROM


def kept(column: NDArray[np.object_] | Texts) -> Column:
    """A column as it is kept: a long one as `Texts`, unless it is one text for all rows, which costs nothing."""
    if isinstance(column, Texts):
        return column
    return joined([column]) if is_long(len(column)) and column.strides != (0,) else read_only(column)


def joined(columns: Sequence[NDArray[np.object_] | Texts]) -> Column:
    """Columns one after the other."""
    made = Gathering(sum(map(len, columns)))
    for column in columns:
        made.add(column)
    return made.column()


def by_part(rows: int, compute: Any) -> Column:
    """A column of what `compute` gives for the rows of each part."""
    made = Gathering(rows)
    for part in mapped.parts(rows):
        made.add(compute(part))
    return made.column()


def different(column: NDArray[np.object_] | Texts) -> set[str]:
    """The different texts of a column."""
    return column.different() if isinstance(column, Texts) else set(column.tolist())


def some(column: NDArray[np.object_] | Texts, which: slice | Iterable[int]) -> Column:
    """Some rows of a column, as they are kept."""
    if isinstance(column, Texts) and isinstance(which, slice):
        start, stop, step = which.indices(len(column))
        if step == 1 and is_long(stop - start):
            return column.between(start, stop)
    return column[which]  # type: ignore[index]


def as_list(column: Column | Sequence[str]) -> Sequence[str]:
    """The same as a list, where it is short."""
    return column if isinstance(column, Texts) else list(column)


def _joined(parts: list[NDArray[np.object_]]) -> NDArray[np.object_]:
    return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.empty(0, dtype=object)])


def _strings(table: NDArray[np.object_] | pa.StringArray) -> NDArray[np.object_]:
    return table if isinstance(table, np.ndarray) else table.to_numpy(zero_copy_only=False)


def _table(texts: list[str]) -> NDArray[np.object_] | pa.StringArray:
    """The different texts of a block."""
    if len(texts) >= MANY:
        import pyarrow as pa

        try:
            return _in_file(pa.array(texts, pa.string()))
        except (UnicodeError, pa.ArrowException):
            pass  # half of a character, say, has no bytes
    table = np.empty(len(texts), dtype=object)
    table[:] = texts
    return table


def _in_file(table: pa.StringArray) -> pa.StringArray:
    """The same with its letters where other long columns lie."""
    import pyarrow as pa

    _, places, letters = table.buffers()
    return pa.StringArray.from_buffers(
        len(table), places, pa.py_buffer(mapped.copied(np.frombuffer(letters, np.uint8)))
    )
