"""What became of the orders."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.execution.outcome import OUTCOME_NAMES
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import Run

Members = NDArray[np.bool_]


def outcomes(run: Run) -> dict[str, int]:
    """Orders by outcome, in the order of Outcome."""
    counts = Counter(run.orders.outcome.tolist())
    return {name: counts.get(code, 0) for code, name in enumerate(OUTCOME_NAMES)}


def rejections(run: Run) -> dict[str, int]:
    """Rejected orders by the filter that refused them, most frequent first."""
    return dict(Counter(name for name in run.orders.rejected_by if name).most_common())


@metric(unit="fraction")
def fill_rate(sampled: Sampled) -> Estimate:
    """Share of the orders sent that filled, wholly or partly."""
    return _share(sampled.run.orders.filled & sampled.run.orders.sent, sampled.run.orders.sent, "no order was sent")


@metric(unit="fraction")
def revert_rate(sampled: Sampled) -> Estimate:
    """Share of the orders sent that filled nothing and still paid gas."""
    return _share(~sampled.run.orders.filled & sampled.run.orders.sent, sampled.run.orders.sent, "no order was sent")


@metric(unit="fraction")
def rejection_rate(sampled: Sampled) -> Estimate:
    """Share of the wishes to trade that a filter refused."""
    orders = sampled.run.orders
    return _share(orders.rejected_by != "", orders.row >= 0, "nothing wished to trade")


@metric(unit="fraction")
def left_range_share(sampled: Sampled) -> Estimate:
    """Share of the fills that went past the tick range whose liquidity is known."""
    orders = sampled.run.orders
    return _share(orders.left_range, orders.filled, "nothing was filled")


def _share(part: Members, whole: Members, otherwise: str) -> Estimate:
    count = int(whole.sum())
    if count == 0:
        return Estimate.undefined(otherwise, n=0, unit="fraction")
    return Estimate(int(part.sum()) / count, count, "fraction")
