"""A tape that rook-bench wrote."""

from __future__ import annotations

from pathlib import Path

from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.market.tape_file import read_tape
from rook_bench.plugins import importer


@importer(columns=("at", "sqrt_price_x96", "liquidity"))
def tape():
    """A tape written by rook-bench (Parquet)."""

    def read(path: Path, pool: Pool | None) -> SwapFrame:
        return read_tape(path, pool)

    return read
