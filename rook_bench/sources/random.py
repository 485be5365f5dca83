"""Trade by chance: what a source without any signal would do at the same rate."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import Side, mapped
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import Ask, DecideTape


@decision_source(whole_tape=True)
def random(
    action_rate: Annotated[float, Field(ge=0, le=1)] = 0.2, size: Annotated[float, Field(ge=0, le=1)] = 0.05
) -> DecideTape:
    """Buy or sell with equal chance at a share `action_rate` of the swaps."""

    def decide(view: MarketView, ask: Ask) -> DecisionTape:
        # One number per row, in order: a longer tape starts with the same decisions.
        def of(rows: slice) -> NDArray[np.int8]:
            draw = ask.rng.random(rows.stop - rows.start)
            return np.select([draw < action_rate / 2, draw < action_rate], [Side.BUY, Side.SELL], Side.HOLD)

        side = mapped.by_part(len(view), of, np.int8)
        return DecisionTape.from_sides(side, size, confidence=0.5, reason="chance")

    return decide
