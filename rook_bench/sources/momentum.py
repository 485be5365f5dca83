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


@decision_source(whole_tape=True)
def momentum(
    lookback: Annotated[int, Field(ge=1)] = 20,
    threshold_bps: Annotated[float, Field(ge=0)] = 15.0,
    size: Annotated[float, Field(ge=0, le=1)] = 0.05,
) -> DecideTape:
    """Buy after a rise over the last `lookback` swaps, sell after a fall."""

    def decide(view: MarketView) -> DecisionTape:
        price, segment = view["price"], view.segment
        move_bps = np.zeros(len(price))
        move_bps[lookback:] = (price[lookback:] / price[:-lookback] - 1.0) * 1e4
        move_bps[lookback:][segment[lookback:] != segment[:-lookback]] = 0.0  # what happened in a hole is no move
        side = np.select([move_bps > threshold_bps, move_bps < -threshold_bps], [Side.BUY, Side.SELL], Side.HOLD)
        name = np.array(["rise", "flat", "fall"], dtype=object)[side]
        return DecisionTape.from_sides(side, size, reason=name)

    return decide
