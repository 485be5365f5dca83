"""A series of gas prices put beside the swaps of a tape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError
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
    series = _read(path)
    missing = "gwei" if "gwei" not in series else "block or at" if not {"block", "at"} & set(series) else None
    if missing:
        raise InputError(f"missing column {missing}", where=path, hint="a series needs gwei, and block or at")
    gwei = pd.to_numeric(series["gwei"], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(gwei) | (gwei < 0)
    if bad.any():
        raise InputError(f"gwei is not a price at row {int(np.argmax(bad)) + 1}", where=path, hint="mend or drop it")
    if "block" in series and frame.block is not None:
        keys, places = _numbers(series["block"], path), frame.block
    elif "at" in series:
        keys, places = _times(series["at"], path), frame.at.astype(np.int64)
    else:
        raise InputError("the tape has no block numbers", where=frame.source, hint="give the series by time (at)")
    order = np.argsort(keys, kind="stable")
    latest = np.searchsorted(keys[order], places, side="right") - 1
    if (latest < 0).any():
        row = int(np.argmax(latest < 0)) + 1
        raise InputError(f"the series begins after swap {row}", where=path, hint="give prices from the tape's start on")
    wei = np.round(gwei[order][latest] * _GWEI).astype(np.int64)
    return replace(frame, gas_price=wei, notes=(*frame.notes, f"gas prices from {path.name}"))


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError("no such file", where=path, hint="check the path")
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError) as error:  # pandas' and Arrow's parse errors are ValueErrors
        raise InputError(f"not a readable table ({str(error).splitlines()[0]})", where=path) from None


def _numbers(column: pd.Series, path: Path) -> NDArray[np.int64]:
    blocks = pd.to_numeric(column, errors="coerce")
    if blocks.isna().any():
        raise InputError(f"block is not a number at row {int(np.argmax(blocks.isna())) + 1}", where=path)
    return blocks.to_numpy(dtype=np.int64)


def _times(column: pd.Series, path: Path) -> NDArray[np.int64]:
    times = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    if times.isna().any():
        raise InputError(f"at is not a time at row {int(np.argmax(times.isna())) + 1}", where=path)
    return times.dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)
