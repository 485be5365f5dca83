"""A series of gas prices put beside the swaps of a tape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rook_bench.core import InputError
from rook_bench.execution.frictions import HIGHEST_GWEI
from rook_bench.ingest.text_columns import floats, small, times
from rook_bench.ingest.text_files import check_exists
from rook_bench.ingest.text_rows import columns_of, read_records
from rook_bench.market.frame import SwapFrame

_GWEI = 1_000_000_000


def with_gas_prices(frame: SwapFrame, path: str | Path) -> SwapFrame:
    """The frame with the gas price that a series held at each swap (the last one not after it).

    Args:
        frame: the tape.
        path: CSV or Parquet with `gwei` (a number), and `block` or `at` (UTC).

    Raises:
        InputError: unreadable file, missing columns, prices that are no numbers or negative, or a
            series that begins after the tape does.
    """
    path = Path(path)
    check_exists(path)
    columns = columns_of(path)
    missing = "gwei" if "gwei" not in columns else "block or at" if not {"block", "at"} & set(columns) else None
    if missing:
        raise InputError(f"missing column {missing}", where=path, hint="a series needs gwei, and block or at")
    series = pd.concat(list(read_records(path, ("gwei", "block", "at"))))
    gwei = floats(series["gwei"], path)
    bad = (gwei < 0) | (gwei > HIGHEST_GWEI)
    if bad.any():
        row = int(np.argmax(bad)) + 1
        raise InputError(
            f"gwei is no gas price ({gwei[row - 1]:g}) at row {row}",
            where=path,
            hint=f"give gwei from 0 to {HIGHEST_GWEI:,}; is the column in wei?",
        )
    if "block" in series and frame.block is not None:
        keys, places = small(series["block"], path), frame.block
    elif "at" in series:
        keys, places = times(series["at"], path).astype(np.int64), frame.at.astype(np.int64)
    else:
        raise InputError("the tape has no block numbers", where=frame.source, hint="give the series by time (at)")
    order = np.argsort(keys, kind="stable")
    latest = np.searchsorted(keys[order], places, side="right") - 1
    if (latest < 0).any():
        row = int(np.argmax(latest < 0)) + 1
        raise InputError(f"the series begins after swap {row}", where=path, hint="give prices from the tape's start on")
    wei = np.round(gwei[order][latest] * _GWEI).astype(np.int64)
    return replace(frame, gas_price=wei, notes=(*frame.notes, f"gas prices from {path.name}"))
