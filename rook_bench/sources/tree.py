"""The critic itself as a source: the honest rival of every model that learned from its rewards."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rook_bench.core import Side
from rook_bench.core.arrays import text_column
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.language.critic import RECORD, TREES, critic_hash, load_critic, read_critic_record
from rook_bench.language.manifest import LearnedFrom
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import DecideTape


def _identity(rewards: Path) -> str:
    """Identity of what is asked: record and trees (where they lie does not matter)."""
    return critic_hash(rewards)


def _learned_from(rewards: Path) -> LearnedFrom:
    """The rows behind the trees."""
    return read_critic_record(rewards).learned_from


def _profit_horizon(rewards: Path) -> float:
    """Seconds behind the chance of a profit."""
    return read_critic_record(rewards).horizon_s


def _looks_back(rewards: Path) -> int | None:
    """Swaps behind the numbers that the trees are shown."""
    return read_critic_record(rewards).template.lookback


@decision_source(
    whole_tape=True,
    content=_identity,
    learned_from=_learned_from,
    profit_horizon=_profit_horizon,
    lookback=_looks_back,
    made_of=(RECORD, TREES),
)
def tree(rewards: Path) -> DecideTape:
    """Boosted trees that learned net rewards (`tree:DIR` of `rook-bench reward`): trades where they expect a gain."""
    critic = load_critic(rewards)
    record = critic.record

    def decide(view: MarketView) -> DecisionTape:
        utility = critic.on(view)
        known = np.isfinite(utility).all(axis=1)
        side = np.where(known, np.nan_to_num(utility).argmax(axis=1), int(Side.HOLD))
        better = np.where(known, np.maximum(utility[:, 0], utility[:, 2]), np.nan)
        size, slippage_bps, deadline_s = (
            np.select([side == Side.BUY, side == Side.SELL], [buy, sell], default)
            for buy, sell, default in zip(record.buy, record.sell, (0.0, 50.0, 300.0), strict=True)
        )
        known_chance = record.on(view.pool).chance
        chance = np.full(len(side), np.nan) if known_chance is None else known_chance(better)
        told = [f"{one:+.1f} bps expected" if np.isfinite(one) else "numbers undefined" for one in better]
        return DecisionTape.from_sides(
            side,
            size,
            slippage_bps=slippage_bps,
            deadline_s=deadline_s,
            confidence=np.where(side == Side.HOLD, np.nan, chance),
            reason=text_column(told),
        )

    return decide
