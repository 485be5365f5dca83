"""A column as the bytes that its hash is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from rook_bench.core import mapped
from rook_bench.core.exact import ExactInts


def bytes_of(column: Any) -> Iterator[bytes]:
    """The bytes of a column, shape (n,), a part at a time: of texts those of their UTF-8, with a zero between two."""
    for part in mapped.parts(len(column)):
        if isinstance(column, ExactInts):
            yield column.limbs[part].tobytes()
        elif column.dtype == object:
            yield ("\0" * (part.start > 0) + "\0".join(map(str, column[part]))).encode()
        else:
            yield np.ascontiguousarray(column[part]).tobytes()
