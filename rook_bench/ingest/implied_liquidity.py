"""Liquidity that a log leaves out, from what its swaps moved: good enough to look at, not exact."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from rook_bench.ingest.events_to_frame import in_order
from rook_bench.market.events import SWAP, exact_array, integers

IMPLIED = "implied by each swap's amount out and the two prices, because the log does not carry it"


def with_implied_liquidity(events: pa.Table) -> tuple[pa.Table, bool]:
    """One pool's events with a liquidity for each swap, where no swap has one; and whether that was so.

    Within one range a swap pays out L * |1/s1 - 1/s0| * 2**96 of token0, or L * |s1 - s0| / 2**96
    of token1, of a sqrt price s. A swap that crossed ticks gives the mean over its path, one that
    follows a gap in the log nonsense. Swaps without a price move take the last one's.
    """
    swaps = np.asarray(events["event"].to_numpy(zero_copy_only=False) == SWAP)
    mask = pa.array(swaps)
    if not swaps.any() or events.filter(mask)["liquidity"].null_count < swaps.sum():
        return events, False
    events, _ = in_order(events)
    swaps = np.asarray(events["event"].to_numpy(zero_copy_only=False) == SWAP)
    rows = events.filter(pa.array(swaps))
    columns = (integers(rows[name]) for name in ("sqrt_price_x96", "amount0", "amount1"))
    values: list[int | None] = []
    before: int | None = None
    for price, amount0, amount1 in zip(*columns, strict=True):
        values.append(_liquidity(before, price, amount0, amount1) or (values[-1] if values else None))
        before = price
    first = next((value for value in values if value), 1)
    filled = iter([value or first for value in values])
    column = exact_array([next(filled) if swap else None for swap in swaps])
    place = events.schema.get_field_index("liquidity")
    return events.set_column(place, events.schema.field(place), column), True


def _liquidity(before: int | None, after: int | None, amount0: int | None, amount1: int | None) -> int | None:
    if before is None or after is None or amount0 is None or amount1 is None or before == after:
        return None
    if after > before:
        return max(-amount0, 0) * before * after // ((after - before) << 96)
    return (max(-amount1, 0) << 96) // (before - after)
