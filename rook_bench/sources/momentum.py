"""Follow the recent move."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import DecideTape

SWAPS = 20
"""Of the move that is followed, where nobody says."""


def _looks_back(lookback: int = SWAPS, **others: float) -> int:
    del others
    return lookback


@decision_source(whole_tape=True, lookback=_looks_back)
def momentum(
    lookback: Annotated[int, Field(ge=1)] = SWAPS,
    threshold_bps: Annotated[float, Field(ge=0)] = 15.0,
    size: Annotated[float, Field(ge=0, le=1)] = 0.05,
) -> DecideTape:
    """Buy after a rise over the last `lookback` swaps, sell after a fall."""

    def decide(view: MarketView) -> DecisionTape:
        price, segment = view["price"], view.segment

        def of(rows: slice) -> DecisionTape:
            moved = np.arange(max(rows.start, lookback), rows.stop)
            move_bps = np.zeros(rows.stop - rows.start)
            move = (price[moved] / price[moved - lookback] - 1.0) * 1e4
            # What happened in a hole is no move.
            move_bps[moved - rows.start] = np.where(segment[moved] == segment[moved - lookback], move, 0.0)
            side = np.select([move_bps > threshold_bps, move_bps < -threshold_bps], [Side.BUY, Side.SELL], Side.HOLD)
            name = np.array(["rise", "flat", "fall"], dtype=object)[side]
            return DecisionTape.from_sides(side, size, reason=name)

        return DecisionTape.by_part(len(price), of)

    return decide
