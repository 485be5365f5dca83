"""ROOK's train.csv, val.csv and test.csv (also .gz): standardised windows, back to swaps."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.ingest.layouts.rook_processed import (
    ROUNDED_LIQUIDITY,
    ROUNDED_PRICE,
    label_columns,
    liquidity_from_impact,
    pool_beside,
    pool_notes,
    sqrt_prices,
)
from rook_bench.ingest.text_columns import floats, times
from rook_bench.ingest.text_files import read_number_columns
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.plugins import importer

CORE_FEATURES = ("price", "volatility", "volume", "volume_ma", "liquidity_impact", "price_change")
_COLUMNS = ("price_0", "volatility_0", "price_change_0", "side_raw", "size", "slippage_bps", "deadline_s", "timestamp")


@importer(columns=_COLUMNS)
def rook_split():
    """ROOK's train/val/test.csv: standardised windows; needs the normalization.json beside it."""

    def read(path: Path, pool: Pool | None) -> SwapFrame:
        table = read_number_columns(path)
        steps = len([name for name in table.columns if re.fullmatch(r"price_\d+", name)])
        names = [f"{feature}_{step}" for feature in CORE_FEATURES for step in range(steps)]
        missing = [name for name in names if name not in table.columns]
        if missing:
            raise InputError(
                f"missing column '{missing[0]}'", where=path, hint=f"every feature needs steps 0 to {steps - 1}"
            )
        values = np.column_stack([floats(table[name], path) for name in names])
        mean, scale = read_scaler(path)
        windows, layout = _windows(values, steps, mean, scale, path)
        last = dict(zip(CORE_FEATURES, windows[:, -1, :].T, strict=True))
        renamed = table.drop(columns="side").rename(columns={"side_raw": "side"})
        unnamed = () if pool else pool_notes(path)
        pool = pool or pool_beside(path)
        return SwapFrame(
            pool=pool,
            at=times(table["timestamp"].astype(str), path),
            sqrt_price_x96=sqrt_prices(floats(pd.Series(last["price"], name="price"), path, positive=True), pool),
            liquidity=liquidity_from_impact(last["volume"], last["liquidity_impact"], path),
            recorded_volume=last["volume"],
            recorded={name: last[name] for name in ("volatility", "volume_ma", "liquidity_impact", "price_change")},
            labels=label_columns(renamed, path),
            rounded={"sqrt_price_x96": ROUNDED_PRICE, "liquidity": ROUNDED_LIQUIDITY},
            source=str(path),
            notes=(
                f"{len(table)} overlapping windows of {steps} swaps collapsed to the swap each ends on",
                layout,
                "the file has no amounts, ticks or blocks",
                *unnamed,
            ),
        )

    return read


def read_scaler(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and scale of the six core features, from the normalization.json beside `path`."""
    beside = path.with_name("normalization.json")
    try:
        scaler: dict[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
        mean = np.array(scaler["core_scaler_mean"], dtype=np.float64)
        scale = np.array(scaler["core_scaler_scale"], dtype=np.float64)
    except FileNotFoundError:
        raise InputError(
            f"{path.name} is standardised and needs its normalization.json",
            where=path.parent,
            hint="copy it beside the file",
        ) from None
    except (json.JSONDecodeError, KeyError, ValueError) as error:
        raise InputError(f"not a usable scaler ({error})", where=beside) from None
    if mean.shape != (len(CORE_FEATURES),) or mean.shape != scale.shape or not (scale > 0).all():
        raise InputError(f"the scaler does not hold {len(CORE_FEATURES)} means and positive scales", where=beside)
    return mean, scale


def _windows(
    values: NDArray[np.float64], steps: int, mean: NDArray[np.float64], scale: NDArray[np.float64], path: Path
) -> tuple[NDArray[np.float64], str]:
    """Unscaled windows of shape (rows, steps, features), and a note on the layout they were in.

    The published files name their columns feature by feature but fill them step by step. Which
    of the two a file really is shows in the data: price_change must follow from the prices.
    """
    count = len(CORE_FEATURES)
    by_step = values.reshape(-1, steps, count) * scale + mean
    by_feature = values.reshape(-1, count, steps).transpose(0, 2, 1) * scale + mean
    if _consistent(by_step):
        return by_step, "values run step by step under columns named feature by feature (as ROOK published them)"
    if _consistent(by_feature):
        return by_feature, "values run feature by feature, as the columns are named"
    raise InputError(
        "price_change does not follow from the prices in either known order of the window columns",
        where=path,
        hint="is the normalization.json beside it the one it was made with?",
    )


def _consistent(windows: NDArray[np.float64]) -> bool:
    price, change = windows[:, :, 0], windows[:, :, CORE_FEATURES.index("price_change")]
    if not (price > 0).all():
        return False
    error = np.abs(price[:, 1:] / price[:, :-1] - 1.0 - change[:, 1:])
    return bool(np.median(error) < 1e-9 and np.max(error) < 1e-6)
