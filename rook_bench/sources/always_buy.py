"""Buy at every swap."""

from __future__ import annotations

import numpy as np

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import DecideTape


@decision_source(whole_tape=True, lookback=0, name="always-buy")
def always_buy(size: float = 0.05) -> DecideTape:
    """Buy at every swap, `size` of the quote that is left."""

    def decide(view: MarketView) -> DecisionTape:
        return DecisionTape.from_sides(
            np.broadcast_to(np.int8(Side.BUY), len(view)), size, confidence=1.0, reason="always buy"
        )

    return decide
