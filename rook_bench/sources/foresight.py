"""Perfect foresight: the bound that no honest source can reach."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import DecideTape


@decision_source(whole_tape=True, unreachable=True)
def foresight(
    latency_swaps: Annotated[int, Field(ge=0)] = 1,
    cost_bps: Annotated[float, Field(ge=0)] = 15.0,
    size: Annotated[float, Field(gt=0, le=1)] = 1.0,
) -> DecideTape:
    """The unreachable bound: knows every later price and turns only where it pays.

    It finds the best times to turn the whole balance between quote and base when a turn costs
    the pool's fee and `cost_bps` more (impact and gas).
    """

    def decide(view: MarketView) -> DecisionTape:
        price = view["price"]
        landing = np.minimum(np.arange(len(price)) + latency_swaps, len(price) - 1)
        holds_base = _best_path(np.log(price[landing]), view.pool.fee + cost_bps * 1e-4)
        turns = np.concatenate([[True], holds_base[1:] != holds_base[:-1]])
        side = np.select([turns & holds_base, turns], [Side.BUY, Side.SELL], Side.HOLD)
        return DecisionTape.from_sides(side, size, slippage_bps=1000.0, confidence=1.0, reason="knows the future")

    return decide


def _best_path(log_price: NDArray[np.float64], cost: float) -> NDArray[np.bool_]:
    """Whether to hold base after each row, maximising log wealth when a turn costs `cost`.

    Dynamic programming over two states (all quote, all base), then traced back.
    """
    toll = np.log1p(-cost)
    in_quote, in_base = 0.0, 0.0
    stay_quote, stay_base = np.ones(len(log_price), bool), np.ones(len(log_price), bool)
    for row, move in enumerate(np.diff(log_price, prepend=log_price[0])):
        in_base += move
        from_base, from_quote = in_base + toll, in_quote + toll
        stay_quote[row], stay_base[row] = in_quote >= from_base, in_base >= from_quote
        in_quote, in_base = max(in_quote, from_base), max(in_base, from_quote)
    path = np.empty(len(log_price), bool)
    base = in_base > in_quote
    for row in range(len(log_price) - 1, -1, -1):
        path[row] = base
        base = base if (stay_base[row] if base else stay_quote[row]) else not base
    return path
