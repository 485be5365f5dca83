"""Numbers of many points on disk while nobody looks at them, in files that have no name and end with the process."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rook_bench.sweeps.replays import Measured


def on_disk(rows: int, columns: int) -> NDArray[np.float64]:
    """Room for a table that may be larger than memory, shape (rows, columns)."""
    with tempfile.TemporaryFile(prefix="rook-bench-") as file:
        table: NDArray[np.float64] = np.memmap(
            file, dtype=np.float64, mode="w+", shape=(max(rows, 1), max(columns, 1))
        )[:rows, :columns]
    return table


class Shelf:
    """Returns of points, one piece after the other: a hundred thousand points of a year are more than memory holds."""

    def __init__(self) -> None:
        # It lives as long as what lies in it.
        self._file = tempfile.TemporaryFile(prefix="rook-bench-")  # noqa: SIM115
        self._end = 0

    def laid_out(self, piece: Measured) -> Measured:
        """The piece with its returns on disk."""
        joined = np.concatenate(piece.returns)
        if not len(joined):
            return piece
        os.ftruncate(self._file.fileno(), self._end + joined.nbytes)
        laid = np.memmap(self._file, dtype=np.float64, mode="r+", offset=self._end, shape=joined.shape)
        laid[:] = joined
        self._end += joined.nbytes
        return replace(piece, returns=np.split(laid, np.cumsum([len(each) for each in piece.returns])[:-1]))
