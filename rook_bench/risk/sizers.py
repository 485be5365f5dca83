"""Sizers: which fraction of the available balance a wish may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import InputError, mapped
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import sizer

Size = Callable[[MarketView, DecisionTape], NDArray[np.float64]]
Share = Annotated[float, Field(ge=0, le=1)]


@sizer
def decision() -> Size:
    """The fraction that the decision itself wishes for."""
    return lambda view, decisions: decisions.size


@sizer
def fixed(fraction: Share = 0.05) -> Size:
    """The same fraction for every order."""
    return lambda view, decisions: np.broadcast_to(np.float64(fraction), len(decisions))


@sizer
def confidence() -> Size:
    """The decision's own fraction times its confidence."""

    def size(view: MarketView, decisions: DecisionTape) -> NDArray[np.float64]:
        def of(rows: slice) -> NDArray[np.float64]:
            size, sure = decisions.size[rows], decisions.confidence[rows]
            if np.isnan(sure[size > 0]).any():
                hint = "use sizer 'decision'"
                raise InputError("a decision states no confidence", where="sizer confidence", hint=hint)
            return size * np.where(size > 0, sure, 0.0)

        return mapped.by_part(len(decisions), of)

    return size


@sizer(name="volatility-target")
def volatility_target(target_bps: Annotated[float, Field(gt=0)] = 5.0, maximum: Share = 0.1) -> Size:
    """The decision's fraction times target / volatility (bps per swap), at most `maximum`."""

    def size(view: MarketView, decisions: DecisionTape) -> NDArray[np.float64]:
        volatility = view["volatility"]

        def of(rows: slice) -> NDArray[np.float64]:
            wished, volatility_bps = decisions.size[rows], volatility[rows] * 1e4
            # Without measured volatility nothing can be scaled; `maximum` bounds the order then too.
            scale = np.divide(target_bps, volatility_bps, out=np.full(len(wished), np.inf), where=volatility_bps > 0)
            return np.where(wished > 0, np.minimum(np.where(wished > 0, wished, 1.0) * scale, maximum), 0.0)

        return mapped.by_part(len(decisions), of)

    return size
