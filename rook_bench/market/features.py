"""ROOK's features and conditions, computed causally: row i uses rows 0..i and nothing later.

Definitions are those of ROOK's published pipeline, its start-up values included (0.0 where a
window is still empty), so that `core_features.csv` is reproduced to rounding. The conditions,
which ROOK computed once for the end of the file, are computed here for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.market.frame import SwapFrame

if TYPE_CHECKING:
    import pandas as pd

Column = NDArray[np.float64]

LOOKBACK = 100
"""Swaps in the window of volatility and volume_ma; the longest any feature looks back."""

CONDITION_WINDOWS = (10, 50, 100)
TREND_WINDOW = 20

CORE_COLUMNS = (
    "timestamp",
    "price",
    "amount0_eth",
    "amount1_usdc",
    "volume",
    "volatility",
    "volume_ma",
    "tick_change",
    "time_diff",
    "liquidity_impact",
    "price_change",
    "tick",
    "liquidity",
)
"""Columns of core_features.csv, in the published order."""

CORE_FEATURES = ("price", "volatility", "volume", "volume_ma", "liquidity_impact", "price_change")
"""The six features that ROOK's windows carry, in the published order."""


def compute_features(frame: SwapFrame) -> pd.DataFrame:
    """Every feature of every row.

    Returns:
        DataFrame with one row per swap: price (quote per base), volume (base), volatility,
        volume_ma (base), tick_change, time_diff (s), liquidity_impact (volume per 1e18 units of
        liquidity, as ROOK publishes it: of another size in every pool), impact_bps (the price move that the
        volume stands for, which means the same in every pool), price_change (fraction), price_deviation,
        momentum_10 and volume_ratio (what the rules decide on). NaN where the log lacks what a feature
        needs. A file's own recorded features are kept, because they were computed with history that the
        file no longer has.
    """
    import pandas as pd

    return pd.DataFrame({name: np.array(compute_feature(frame, name)) for name in (*FEATURES, *frame.recorded)})


def compute_feature(frame: SwapFrame, name: str) -> Column:
    """One column of `compute_features`, shape (n,); KeyError for a name that is none.

    Nothing is computed across a hole of the tape: after it a feature begins as at the start.
    """
    if name in frame.recorded or name not in FEATURES or not len(frame.holes):
        return _recorded(frame, name, FEATURES.get(name))
    return mapped.concatenated([FEATURES[name](part) for part in _between_holes(frame.bare)])


def _between_holes(frame: SwapFrame) -> Iterator[SwapFrame]:
    borders = [0, *frame.holes.tolist(), len(frame)]
    for start, stop in pairwise(borders):
        yield frame[start:stop]


def compute_conditions(frame: SwapFrame, features: pd.DataFrame | None = None) -> pd.DataFrame:
    """ROOK's 23 condition features for every row (published: one row for the end of the file).

    Args:
        features: the rows' features, where they are computed already.
    """
    import pandas as pd

    of = cache(partial(compute_feature, frame)) if features is None else lambda name: features[name].to_numpy()
    return pd.DataFrame({name: np.array(compute_condition(frame, name, of)) for name in CONDITIONS})


def compute_condition(frame: SwapFrame, name: str, of: Callable[[str], Column]) -> Column:
    """One column of `compute_conditions`, shape (n,); KeyError for a name that is none.

    Args:
        of: gives the rows' features by name.
    """
    condition = CONDITIONS[name]
    if not len(frame.holes):
        return condition(frame, of)
    parts, seen = [], 0
    for part in _between_holes(frame.bare):
        rows = slice(seen, seen + len(part))
        own = condition(part, lambda feature, rows=rows: of(feature)[rows])  # type: ignore[misc]
        if name == COUNTED:  # it counts on
            own += seen
        parts.append(own)
        seen += len(part)
    return mapped.concatenated(parts)


def trailing(values: Column, window: int, statistic: Callable[..., Column], *, out: Column | None = None) -> Column:
    """`statistic` over the last `window` values, the current one included (fewer at the start).

    Every window is computed afresh: a running sum would carry the rounding error of the dust
    opening, where one return is ten thousand times the usual one, through the whole file.

    Args:
        values: shape (n,); out: where the result is put, a new column by default.
    """
    from rook_bench.execution import windows  # Numba, which naming a source doesn't need

    out = mapped.empty(len(values)) if out is None else out
    head = min(window - 1, len(values))
    for row in range(head):
        out[row] = statistic(values[None, : row + 1], axis=1)[0]
    compiled = statistic in _COMPILED and 2 <= window <= windows.LARGEST and values.dtype == np.float64
    for part in mapped.parts(len(values) - head, _CHUNK):
        rows = slice(head + part.start, head + part.stop)
        block = values[rows.start - window + 1 : rows.stop]
        if compiled:
            # A copy: compiled code takes one that can't be written to for another type, and compiles twice.
            getattr(windows, _COMPILED[statistic])(np.array(block), window, out[rows])
        else:
            out[rows] = statistic(sliding_window_view(block, window), axis=1)
    return out


_CHUNK = 1 << 15


def _before(values: Column, window: int, statistic: Callable[..., Column], start: float) -> Column:
    """`statistic` over the last `window` values *before* each row; `start` for the first row."""
    out = mapped.empty(len(values))
    out[0] = start
    trailing(values[:-1], window, statistic, out=out[1:])
    return out


def _sample_std(windows: Column, axis: int) -> Column:
    """Standard deviation with n - 1; NaN for a single value, as pandas gives."""
    if windows.shape[axis] < 2:
        return np.full(windows.shape[0], np.nan)
    return np.std(windows, axis=axis, ddof=1)


_COMPILED: dict[Callable[..., Column], str] = {np.mean: "trailing_means", _sample_std: "trailing_deviations"}
"""What of `execution.windows` gives the same bits several times as fast."""


def load_compiled() -> None:
    """Have the compiled windows read from the cache now, and not when a column is first asked for."""
    for statistic in _COMPILED:
        trailing(np.zeros(3), 2, statistic)


def _price(frame: SwapFrame) -> Column:
    return frame.price


def _volume(frame: SwapFrame) -> Column:
    return frame.volume


def _price_change(frame: SwapFrame) -> Column:
    price = frame.price

    def of(rows: slice) -> Column:
        before = price[max(0, rows.start - 1) : rows.stop - 1]
        return np.concatenate(
            [np.zeros(int(rows.start == 0)), (price[max(1, rows.start) : rows.stop] - before) / before]
        )

    return mapped.by_part(len(price), of)


def _volatility(frame: SwapFrame) -> Column:
    """Sample standard deviation of the returns among the last 100 prices before the row."""
    changes = _price_change(frame)[1:]
    out = mapped.full(len(frame), 0.0)
    # Row i sees the returns 1..i-1, at most 99 of them; two are needed for a deviation.
    if len(changes) > 2:
        trailing(changes[:-1], LOOKBACK - 1, _sample_std, out=out[2:])
        out[2] = 0.0
    return out


def _volume_ma(frame: SwapFrame) -> Column:
    """Mean volume of the last 100 swaps before the row (the first row has only itself)."""
    return _before(frame.volume, LOOKBACK, np.mean, start=float(frame.volume[0]))


def _tick_change(frame: SwapFrame) -> Column:
    if frame.tick is None:
        return mapped.full(len(frame), np.nan)
    return _differences(frame.tick, 1)


def _time_diff(frame: SwapFrame) -> Column:
    return _differences(frame.at, np.timedelta64(1, "s"))


def _differences(column: NDArray[Any], unit: Any) -> Column:
    """Each value less the one before it, in units; 0 on the first row."""
    return mapped.by_part(
        len(column), lambda rows: np.diff(column[rows], prepend=column[max(0, rows.start - 1)]) / unit
    )


def _liquidity_impact(frame: SwapFrame) -> Column:
    return _ratio(frame.volume, frame.depth, 0.0)


def _ratio(above: Column, below: Column, nothing: float) -> Column:
    """The ratios of two columns; `nothing` where the second is 0, or undefined."""

    def of(rows: slice) -> Column:
        divisor = below[rows]
        return np.divide(above[rows], divisor, out=np.full(len(divisor), nothing), where=divisor > 0)

    return mapped.by_part(len(above), of)


def _impact_bps(frame: SwapFrame) -> Column:
    """How far trading the swap's volume moves the price, twice its share of the depth: the same in any pool's units.

    NaN where there is no liquidity.
    """
    ratio = _ratio(frame.volume, frame.base_depth, np.nan)
    return mapped.by_part(len(frame), lambda rows: 2e4 * ratio[rows])


def _price_deviation(frame: SwapFrame) -> Column:
    """Price against the mean of the last 50 prices before the row, a fraction; NaN for the first row."""
    mean, price = _before(frame.price, 50, np.mean, start=np.nan), frame.price
    return mapped.by_part(len(frame), lambda rows: (price[rows] - mean[rows]) / mean[rows])


def _momentum_10(frame: SwapFrame) -> Column:
    """Sum of the last 10 returns before the row; NaN for the first row."""
    return _before(_recorded(frame, "price_change", _price_change), 10, np.sum, start=np.nan)


def _volume_ratio(frame: SwapFrame) -> Column:
    """Volume over its moving average; 0 where the average is 0, as the rules define it."""
    average, volume = _recorded(frame, "volume_ma", _volume_ma), frame.volume

    def of(rows: slice) -> Column:
        mean, own = average[rows], volume[rows]
        out = np.where(np.isnan(mean) | np.isnan(own), np.nan, 0.0)
        return np.divide(own, mean, out=out, where=mean > 0)

    return mapped.by_part(len(frame), of)


def _recorded(frame: SwapFrame, name: str, compute: Callable[[SwapFrame], Column] | None) -> Column:
    if name in frame.recorded:
        return np.asarray(frame.recorded[name])
    if compute is None:
        raise KeyError(name)
    return compute(frame)


FEATURES: dict[str, Callable[[SwapFrame], Column]] = {
    "price": _price,
    "volume": _volume,
    "volatility": _volatility,
    "volume_ma": _volume_ma,
    "tick_change": _tick_change,
    "time_diff": _time_diff,
    "liquidity_impact": _liquidity_impact,
    "impact_bps": _impact_bps,
    "price_change": _price_change,
    "price_deviation": _price_deviation,
    "momentum_10": _momentum_10,
    "volume_ratio": _volume_ratio,
}
"""Feature name to the function that computes it for a whole frame."""

SIGNED = frozenset({"tick_change", "price_change", "price_deviation", "momentum_10"})
"""Features that change their sign, and nothing else, in a market turned upside down: rises for falls, buyers for
sellers. The others stay what they are; `price` is a level, and has no such mirror image."""


Condition = Callable[[SwapFrame, Callable[[str], Column]], Column]
"""A condition's column from the frame and a way to ask for a feature's."""

COUNTED = "total_transactions"

ENDLESS = frozenset({COUNTED, "volume_trend"})
"""Columns that depend on every swap before the row; of all others LOOKBACK swaps before it are enough, to the bit."""


def _trailing_of(name: str, window: int, statistic: Callable[..., Column]) -> Condition:
    return lambda frame, of: trailing(of(name), window, statistic)


def _volume_trend(frame: SwapFrame, of: Callable[[str], Column]) -> Column:
    volume, total = of("volume"), 0.0
    recent = trailing(volume, TREND_WINDOW, np.mean)

    def trend(rows: slice) -> Column:
        nonlocal total
        sums, count = np.cumsum(np.append(total, volume[rows]))[1:], np.arange(rows.start + 1, rows.stop + 1)
        total, overall = float(sums[-1]), sums / count
        return np.where(count > TREND_WINDOW, recent[rows] / np.where(overall > 0, overall, np.nan), 1.0)

    return mapped.by_part(len(frame), trend)


def _conditions() -> dict[str, Condition]:
    table: dict[str, Condition] = {}
    for window in CONDITION_WINDOWS:
        table[f"avg_price_{window}"] = _trailing_of("price", window, np.mean)
        table[f"price_volatility_{window}"] = _trailing_of("price", window, _sample_std)
        for name, column in (
            ("avg_volume", "volume"),
            ("avg_tick_change", "tick_change"),
            ("avg_time_diff", "time_diff"),
            ("liquidity_impact_avg", "liquidity_impact"),
        ):
            table[f"{name}_{window}"] = _trailing_of(column, window, np.mean)
    counted = lambda rows: np.arange(rows.start + 1.0, rows.stop + 1)  # noqa: E731
    table[COUNTED] = lambda frame, of: mapped.by_part(len(frame), counted)
    table["price_trend"] = _trailing_of("price_change", TREND_WINDOW, np.mean)
    table["volume_trend"] = _volume_trend
    table["current_price"] = lambda frame, of: of("price")
    table["current_liquidity"] = lambda frame, of: frame.liquidity.to_floats()
    return table


CONDITIONS: dict[str, Condition] = _conditions()
"""Condition name to the function that computes it for rows without a hole between them."""
