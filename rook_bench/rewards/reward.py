"""The net reward of an action on a row: what its order changes the purse by, marked a while after it landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Decision, Side
from rook_bench.core.config import Config
from rook_bench.execution.outcome import Outcome
from rook_bench.market.frame import SwapFrame
from rook_bench.replay import ReplayConfig
from rook_bench.replay.counterfactual import Counterfactual

HORIZON_S = 600.0
"""Seconds from landing to the mark, by default."""

BPS = 1e4


class Action(Config):
    """What can be done on a row beside holding, whose reward is zero.

    Attributes:
        side: BUY or SELL.
        size: share of the free balance; slippage_bps, deadline_s: limits, as in a Decision.
    """

    side: Side
    size: float
    slippage_bps: float
    deadline_s: float

    @property
    def decision(self) -> Decision:
        """As a source would say it."""
        return Decision(self.side, self.size, self.slippage_bps, self.deadline_s)


@dataclass(frozen=True, eq=False)
class Rewards:
    """Rewards of a tape.

    Attributes:
        actions: the columns.
        bps: net reward in bps of what is offered, shape (rows, actions); NaN where it is undefined: the order lands
            or is marked beyond the tape or a hole of it, or the purse has nothing to offer.
        landing_row, exit_row: where orders land and are marked, shape (rows,); -1 beyond the tape.
        outcome: code of `Outcome`, shape (rows, actions).
    """

    actions: tuple[Action, ...]
    bps: NDArray[np.float64]
    landing_row: NDArray[np.int64]
    exit_row: NDArray[np.int64]
    outcome: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.bps)

    @property
    def defined(self) -> NDArray[np.bool_]:
        """Rows on which every action has a reward, shape (rows,)."""
        return np.asarray(np.isfinite(self.bps).all(axis=1))

    def of(self, side: Side) -> NDArray[np.float64]:
        """The rewards of the first action of a side, shape (rows,)."""
        return self.bps[:, next(i for i, action in enumerate(self.actions) if action.side == side)]

    def reverted(self) -> NDArray[np.float64]:
        """Share of the rows on which each action reverts, shape (actions,)."""
        known = np.isfinite(self.bps)
        reverts = np.isin(self.outcome, (Outcome.REVERTED_SLIPPAGE, Outcome.REVERTED_DEADLINE))
        return np.asarray((reverts & known).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def rewards_of(
    frame: SwapFrame, actions: Sequence[Action], config: ReplayConfig, horizon_s: float = HORIZON_S
) -> Rewards:
    """The reward of every action on every row of a tape, each as if it were the only order.

    `bps = 1e4 (d quote + d base x price at the exit) / offered`: fee, impact, crossed ticks, gas and reverts are the
    replay's own, since it is the same compiled code. The exit is the last row at or before the landing row's time and
    `horizon_s`. A reverted order costs its gas.

    Args:
        frame: the tape; nothing beyond its last row is looked at.
        actions: what might be done.
        config: capital, sizing and frictions; filters are left out.
        horizon_s: seconds from landing to the mark.
    """
    ask = Counterfactual(frame, config)
    landing, exits = ask.landing[0], np.full(len(frame), -1, dtype=np.int64)
    at = frame.at.astype(np.int64)
    then = at[landing] + round(horizon_s * 1e9)
    last = np.searchsorted(at, then, side="right") - 1
    segment = np.searchsorted(frame.holes, np.arange(len(frame)), side="right")
    whole = (segment == segment[landing]) & (segment == segment[np.maximum(last, 0)])
    inside = (landing >= 0) & (then <= at[-1]) & whole & ~frame.in_hole(then.astype("datetime64[ns]"))
    exits[inside] = last[inside]
    bps, outcome = np.full((2, len(frame), len(actions)), np.nan)
    for column, action in enumerate(actions):
        found = ask.orders(action.decision)
        with np.errstate(divide="ignore", invalid="ignore"):
            earned = (found.quote + found.base * frame.price[exits]) / found.offered * BPS
        bps[:, column] = np.where(inside & (found.offered > 0), earned, np.nan)
        outcome[:, column] = found.outcome
    return Rewards(tuple(actions), bps, landing, exits, outcome.astype(np.int8))
