"""Never trade: keep the initial mix."""

from __future__ import annotations

import numpy as np

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import DecideTape


@decision_source(whole_tape=True, lookback=0)
def hold() -> DecideTape:
    """Never trade; the benchmark that keeps the initial mix."""

    def decide(view: MarketView) -> DecisionTape:
        return DecisionTape.from_sides(np.broadcast_to(np.int8(Side.HOLD), len(view)), 0.0, reason="hold")

    return decide
