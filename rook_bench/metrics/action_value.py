"""What each action was worth at each row: the move some time after it, less what acting cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate, Side, mapped
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.core.exact import ExactInts
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import Run
from rook_bench.replay.market_rows import fee_pips, landing

HORIZON_S = 300.0
"""Seconds over which an action is judged unless another horizon is given."""


@dataclass(frozen=True, eq=False)
class ActionValues:
    """The value of BUY, SELL and HOLD at every row of a run's tape, in bps of the value traded.

    BUY is worth the move less its cost, SELL minus the move less its cost, HOLD nothing.

    Attributes:
        move_bps: from the pool price an order of that row would meet to the price `horizon_s` later,
            shape (n,); NaN where that time lies beyond the tape.
        fee_bps: the pool fee of an order of that row, shape (n,).
        other_bps: impact, searchers, gas and reverts of the run per value traded; 0 where it traded nothing.
        fills: orders behind `other_bps`.
        horizon_s: seconds from landing to the later price.
    """

    move_bps: NDArray[np.float64]
    fee_bps: NDArray[np.float64]
    other_bps: float
    fills: int
    horizon_s: float

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Rows whose later price lies on the tape, shape (n,)."""
        return mapped.by_part(len(self.move_bps), lambda rows: ~np.isnan(self.move_bps[rows]), np.bool_)

    @cached_property
    def cost_bps(self) -> NDArray[np.float64]:
        """What acting costs at each row, shape (n,)."""
        return mapped.by_part(len(self.fee_bps), lambda rows: self.fee_bps[rows] + self.other_bps)

    def of(self, side: NDArray[np.integer]) -> NDArray[np.float64]:
        """The value of one side code per row, bps; NaN where unknown. An unparsed answer sends no order: 0."""
        known, cost = self.known, self.cost_bps

        def worth(rows: slice) -> NDArray[np.float64]:
            own = side[rows]
            direction = np.where(own == Side.BUY, 1.0, np.where(own == Side.SELL, -1.0, 0.0))
            value = np.where(direction == 0.0, 0.0, direction * self.move_bps[rows] - cost[rows])
            return np.where(known[rows], value, np.nan)

        return mapped.by_part(len(side), worth)

    @cached_property
    def best(self) -> NDArray[np.int8]:
        """The realised profitable action: the side whose value is positive, else HOLD; UNPARSED where unknown."""
        known, cost = self.known, self.cost_bps

        def side(rows: slice) -> NDArray[np.int8]:
            move, least = self.move_bps[rows], cost[rows]
            best = np.select([move > least, -move > least], [Side.BUY, Side.SELL], Side.HOLD)
            return np.where(known[rows], best, UNPARSED)

        return mapped.by_part(len(self.move_bps), side, np.int8)

    @property
    def convention(self) -> str:
        """How a value was computed, in words."""
        traded = f"{self.other_bps:.1f} bps for the run's own impact, searchers and gas per value traded"
        other = traded if self.fills else "nothing else, since the run traded nothing"
        return (
            f"move from the pool price the order meets to the one {self.horizon_s:g} s later, less the pool fee "
            f"and {other}; rows closer than that to the tape's end are left out"
        )


def action_values(run: Run, horizon_s: float = HORIZON_S) -> ActionValues:
    """The value of every action at every row of the run's tape, under the run's latency, fee and mean costs."""
    frame = run.frame
    pips, price, at = np.broadcast_to(fee_pips(frame, run.config.frictions), len(frame)), frame.price, frame.at
    move, fee = mapped.empty(len(frame)), mapped.empty(len(frame))
    for rows in mapped.parts(len(frame)):
        row, landed_ns = landing(frame, run.config.frictions, np.arange(rows.start, rows.stop))
        met, then = np.maximum(row, 0), (landed_ns + round(horizon_s * 1e9)).astype(at.dtype)
        later = np.searchsorted(at, then, side="right") - 1
        moved = (price[np.maximum(later, 0)] / price[met] - 1.0) * 1e4
        moved[(row < 0) | (then > at[-1]) | frame.in_hole(then)] = np.nan
        move[rows], fee[rows] = moved, pips[met] / 100.0
    other, fills = other_costs(run)
    return ActionValues(move, fee, other, fills, horizon_s)


def other_costs(run: Run) -> tuple[float, int]:
    """Impact, searchers' share and all gas over the value traded, in bps, and the fills; (0, 0) without a fill.

    In float64, which is plenty for a mean; `attribution.attribute` has the exact integers.
    """
    orders, pool = run.orders, run.frame.pool
    price = run.frame.price[np.maximum(orders.landing_row, 0)]
    filled, buys = orders.filled, orders.buys
    spent = _floats(orders.paid)
    spent_in, got = spent + _floats(orders.fee), _floats(orders.out)
    quote, base = pool.quote.unit, pool.base.unit
    given = np.where(buys, spent / quote, spent / base * price)
    received = np.where(buys, got / base * price, got / quote)
    traded = float(np.where(buys, spent_in / quote, received)[filled].sum())
    if traded == 0:
        return 0.0, 0
    gas = float((_floats(orders.gas_quote) / quote + _floats(orders.gas_base) / base * price).sum())
    return (float((given - received)[filled].sum()) + gas) / traded * 1e4, int(filled.sum())


def _floats(amounts: ExactInts) -> NDArray[np.float64]:
    """Non-negative amounts below 2**128, rounded to float64."""
    return amounts.limbs[:, 0].astype(np.float64) + amounts.limbs[:, 1].astype(np.float64) * 2.0**64


@metric(unit="fraction")
def profitable_accuracy(sampled: Sampled) -> Estimate:
    """Share of decisions that were the action that paid: the side that earned its costs, else HOLD."""
    values = action_values(sampled.run)
    known, side = values.known, sampled.run.decided.tape.side
    count = int(known.sum())
    convention = f"unparsed counts as wrong; {values.convention}"
    if count == 0:
        reason = f"the tape ends before {values.horizon_s:g} s after any order"
        return Estimate.undefined(reason, n=0, unit="fraction", convention=convention)
    best = values.best
    right = mapped.count(len(side), lambda rows: known[rows] & (side[rows] == best[rows]))
    return Estimate(right / count, count, "fraction", convention)
