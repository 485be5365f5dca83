"""Sizers: which fraction of the available balance a wish may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import InputError
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
    return lambda view, decisions: np.full(len(decisions), fraction)


@sizer
def confidence() -> Size:
    """The decision's own fraction times its confidence."""

    def size(view: MarketView, decisions: DecisionTape) -> NDArray[np.float64]:
        acting = decisions.size > 0
        if np.isnan(decisions.confidence[acting]).any():
            raise InputError("a decision states no confidence", where="sizer confidence", hint="use sizer 'decision'")
        return decisions.size * np.where(acting, decisions.confidence, 0.0)

    return size


@sizer(name="volatility-target")
def volatility_target(target_bps: Annotated[float, Field(gt=0)] = 5.0, maximum: Share = 0.1) -> Size:
    """The decision's fraction times target / volatility (bps per swap), at most `maximum`."""

    def size(view: MarketView, decisions: DecisionTape) -> NDArray[np.float64]:
        volatility_bps = view["volatility"] * 1e4
        # Without measured volatility nothing can be scaled; `maximum` bounds the order then too.
        scale = np.divide(target_bps, volatility_bps, out=np.full(len(decisions), np.inf), where=volatility_bps > 0)
        acting = decisions.size > 0
        return np.where(acting, np.minimum(np.where(acting, decisions.size, 1.0) * scale, maximum), 0.0)

    return size
