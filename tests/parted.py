"""A tape in many parts: small ones, so that a short tape has some."""

from contextlib import contextmanager

import pytest

from rook_bench.core import mapped, parquet, texts
from rook_bench.market import tape_columns
from rook_bench.replay import orders, sparse


@contextmanager
def in_parts(size, *, files):
    """Parts of so many rows, and columns in files from 64 bytes on or not at all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "PART", size)
        patch.setattr(mapped, "MAPPED_FROM", 64 if files else 1 << 40)
        patch.setattr(mapped, "RELEASED", 1 << 14)
        patch.setattr(parquet, "GROUP", 3 * size)
        patch.setattr(tape_columns, "BATCH", size)
        patch.setattr(sparse, "MARKED", 2 * size)
        patch.setattr(orders, "BATCH", size)
        patch.setattr(orders, "KEPT", size)
        patch.setattr(texts, "BLOCK", min(size, 11))
        patch.setattr(texts, "MANY", 3)
        yield
