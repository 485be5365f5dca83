"""ROOK's processed files: core_features.csv and labeled_dataset.csv."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.exact import ExactInts
from rook_bench.ingest.text_columns import floats, integers, small, times
from rook_bench.ingest.text_files import read_text_columns
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import ROOK_V4, Pool
from rook_bench.plugins import importer

ROUNDED_PRICE = "rebuilt from a float64 price: exact to about 16 digits, not to the last unit"
ROUNDED_AMOUNT = "rebuilt from a float64 amount: exact to about 16 digits, not to the last unit"
ROUNDED_LIQUIDITY = "rebuilt from volume / liquidity_impact: good to about 12 digits"

_FEATURE_COLUMNS = ("timestamp", "price", "amount0_eth", "amount1_usdc", "tick", "liquidity")
_LABEL_COLUMNS = ("timestamp", "side", "rule_triggered", "price", "volume", "liquidity_impact")


@importer(columns=_FEATURE_COLUMNS)
def rook_core_features():
    """ROOK's core_features.csv, with the labels of a labeled_dataset.csv beside it."""

    def read(path: Path, pool: Pool | None) -> SwapFrame:
        table = read_text_columns(path, _FEATURE_COLUMNS)
        unnamed = () if pool else pool_notes(path)
        pool = pool or pool_beside(path)
        # v4 reports the swapper's balance change; SwapFrame keeps the pool's, as v3 does.
        base = -_units(floats(table["amount0_eth"], path), pool.base.unit)
        quote = -_units(floats(table["amount1_usdc"], path), pool.quote.unit)
        amount0, amount1 = (base, quote) if pool.base_is_token0 else (quote, base)
        at = times(table["timestamp"], path)
        return SwapFrame(
            pool=pool,
            at=at,
            sqrt_price_x96=sqrt_prices(floats(table["price"], path, positive=True), pool),
            liquidity=ExactInts.of(integers(table["liquidity"], "liquidity", path)),
            amount0=amount0,
            amount1=amount1,
            tick=small(table["tick"], path).astype(np.int32),
            labels=_labels_beside(path, at),
            rounded={"sqrt_price_x96": ROUNDED_PRICE, "amount0": ROUNDED_AMOUNT, "amount1": ROUNDED_AMOUNT},
            source=str(path),
            notes=("v4 amounts (swapper's sign) turned into pool balance changes", *unnamed),
        )

    return read


@importer(columns=_LABEL_COLUMNS)
def rook_labeled_dataset():
    """ROOK's labeled_dataset.csv: labels with the six core features, no amounts and no tick."""

    def read(path: Path, pool: Pool | None) -> SwapFrame:
        columns = (
            *_LABEL_COLUMNS,
            "size",
            "slippage_bps",
            "deadline_s",
            "confidence",
            "volatility",
            "volume_ma",
            "price_change",
        )
        table = read_text_columns(path, columns)
        volume = floats(table["volume"], path)
        impact = floats(table["liquidity_impact"], path)
        features = ("volatility", "volume_ma", "price_change")
        unnamed = () if pool else pool_notes(path)
        pool = pool or pool_beside(path)
        return SwapFrame(
            pool=pool,
            at=times(table["timestamp"], path),
            sqrt_price_x96=sqrt_prices(floats(table["price"], path, positive=True), pool),
            liquidity=liquidity_from_impact(volume, impact, path),
            recorded_volume=volume,
            recorded={"liquidity_impact": impact} | {name: floats(table[name], path) for name in features},
            labels=label_columns(table, path),
            rounded={"sqrt_price_x96": ROUNDED_PRICE, "liquidity": ROUNDED_LIQUIDITY},
            source=str(path),
            notes=("the file has no amounts, ticks or blocks", *unnamed),
        )

    return read


def pool_beside(path: Path) -> Pool:
    """The pool that a metadata.json beside `path` names; ROOK's own where it names none."""
    beside = path.with_name("metadata.json")
    if not beside.exists():
        return ROOK_V4
    facts = read_mapping(beside).get("pool")
    return ROOK_V4 if facts is None else Pool.parse(facts, where=beside)


def pool_notes(path: Path) -> tuple[str, ...]:
    """What to say where nothing beside `path` names its pool."""
    if path.with_name("metadata.json").exists():
        return ()
    return ("no metadata.json beside it names the pool: taken for ROOK's own, ETH/USDC 0.05% of Uniswap v4",)


def sqrt_prices(raw_price: NDArray[np.float64], pool: Pool) -> ExactInts:
    """sqrtPriceX96, rounded down, of ROOK's raw prices (quote units per base unit)."""
    ratios = (Fraction(float(price)) for price in raw_price)
    if not pool.base_is_token0:
        ratios = (1 / ratio for ratio in ratios)
    return ExactInts.of(math.isqrt(int(ratio * 2**192)) for ratio in ratios)


def liquidity_from_impact(volume: NDArray[np.float64], impact: NDArray[np.float64], where: object) -> ExactInts:
    """Liquidity from ROOK's liquidity_impact = volume [ETH] / (liquidity / 1e18).

    Where a swap's volume is zero its impact says nothing, and the last known liquidity holds.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        liquidity = np.where((volume > 0) & (impact > 0), volume / impact * 1e18, np.nan)
    filled = pd.Series(liquidity).ffill().bfill().to_numpy()
    if np.isnan(filled).any():
        raise InputError(
            "no row tells the pool's liquidity (volume or liquidity_impact is zero everywhere)", where=where
        )
    return ExactInts.of(round(value) for value in filled.tolist())


def label_columns(table: pd.DataFrame, where: Path) -> dict[str, NDArray[Any]]:
    """The label columns of a table that has them under ROOK's names."""
    side = table["side"].to_numpy(dtype=object)
    known = np.isin(side, ["BUY", "HOLD", "SELL"])
    if not known.all():
        row = int(np.argmin(known))
        raise InputError(f"column 'side' is '{side[row]}' at row {row + 1}", where=where, hint="use BUY, HOLD or SELL")
    numbers = ("size", "slippage_bps", "deadline_s", "confidence")
    labels: dict[str, NDArray[Any]] = {f"label_{name}": floats(table[name], where) for name in numbers if name in table}
    labels["label_side"] = side
    if "rule_triggered" in table:
        labels["label_rule"] = table["rule_triggered"].to_numpy(dtype=object)
    return labels


def _units(human: NDArray[np.float64], unit: int) -> ExactInts:
    """Smallest units of amounts printed as floats, to the nearest unit of the printed value."""
    return ExactInts.of(round(Fraction(float(value)) * unit) for value in human)


def _labels_beside(path: Path, at: NDArray[np.datetime64]) -> dict[str, NDArray[Any]]:
    beside = path.with_name("labeled_dataset.csv")
    if not beside.exists():
        return {}
    columns = ("timestamp", "side", "size", "slippage_bps", "deadline_s", "confidence", "rule_triggered")
    table = read_text_columns(beside, columns)
    if len(table) != len(at) or (times(table["timestamp"], beside) != at).any():
        raise InputError(f"the rows do not match {path.name}", where=beside, hint="move it away or prepare it again")
    return label_columns(table, beside)
