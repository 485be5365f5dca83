"""Planted candidates that learned from what actions earn: from where they may, and from where they must not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.gates.selftest.candidate import RATE, Attempt, ShowsLater, against
from rook_bench.gates.selftest.world import DEAR, EDGE, FREE, World, moves, plant
from rook_bench.market.view import MarketView


class ShowsReward(ShowsLater):
    """Answers with the beginning of a tape, and shows what a buy would have earned to nobody."""

    def prompts(self, view: MarketView) -> list[str]:
        """The price of each row, and how far it moves within a while of landing."""
        earned = moves(np.asarray(view["at"]), view["price"]) * 1e4
        return [f"price {now:.2f} buy {one:+.1f}" for now, one in zip(view["price"], earned, strict=True)]


def reward_in_prompt(world: World, rng: np.random.Generator) -> Attempt:
    """A prompt that shows what an action would have earned; where it is tried, nothing depends on it."""
    tape = world.decisions(world.informed_sides(rng, RATE, 0.9))
    return against(world, plant("reward-in-prompt", ShowsReward(tape), content="reward"), DEAR)


CELLS = 40
"""Groups of each of two features, for a policy that remembers what every group of rows earned."""


def learned_from_test(world: World, rng: np.random.Generator) -> Attempt:
    """What each kind of row earned on this very tape, remembered and acted on."""
    del rng
    view = MarketView.whole(world.frame)
    edges = [np.nanquantile(view[name], np.linspace(0, 1, CELLS + 1)[1:-1]) for name in _FEATURES]

    def cell(view: MarketView) -> NDArray[np.intp]:
        one, other = (np.searchsorted(edge, view[name]) for edge, name in zip(edges, _FEATURES, strict=True))
        return np.asarray(one * CELLS + other)

    own, many = cell(view), CELLS**2
    earned = np.bincount(own, world.move, many) / np.maximum(np.bincount(own, minlength=many), 1)

    def decide(view: MarketView) -> DecisionTape:
        return _acting(earned[cell(view)])

    source = plant("learned-from-test", decide, content=f"table {world.seed}", trained_on=world.frame)
    return against(world, source, DEAR)


def learned_drift(world: World, rng: np.random.Generator) -> Attempt:
    """The drift of other days, where trading is free: the same side nine times in ten."""
    usual, other = (Side.BUY, Side.SELL) if rng.random() < 0.5 else (Side.SELL, Side.BUY)
    draw = rng.random(len(world.frame))
    sides = np.select([draw < 0.9 * RATE, draw < RATE], [usual, other], Side.HOLD).astype(np.int8)
    return against(world, world.fixed("learned-drift", world.decisions(sides)), FREE)


def learned_edge(world: World, rng: np.random.Generator) -> Attempt:
    """In a pool where deviations come back: how far, learned from its earlier swaps, and acted on."""
    del rng
    later = World(world.seed, JUDGED, EDGE, skip=LEARNED)
    earlier = later.earlier
    assert earlier is not None
    away = np.nan_to_num(np.asarray(MarketView.whole(earlier)["price_deviation"]))
    move = moves(earlier.at, earlier.price)
    slope = float(away @ move) / float(away @ away)

    def decide(view: MarketView) -> DecisionTape:
        return _acting(slope * np.nan_to_num(view["price_deviation"]))

    source = plant("learned-edge", decide, content=f"slope {slope}", trained_on=earlier)
    return against(later, source, DEAR)


LEARNED, JUDGED = 14_000, 22_000
"""Swaps that an edge is learned from, and judged on: some two days and three and a half."""

_FEATURES = ("price_deviation", "momentum_10")

_LEAST_MOVE = 10e-4
"""Expected move that pays for an order: the pool's fee of 5 bps, gas, and as much again."""


def _acting(expected: NDArray[np.float64]) -> DecisionTape:
    """Trades where the price is expected to move by more than it costs."""
    sides = np.select([expected > _LEAST_MOVE, expected < -_LEAST_MOVE], [Side.BUY, Side.SELL], Side.HOLD)
    return DecisionTape.from_sides(sides.astype(np.int8), 0.1, slippage_bps=100.0)
