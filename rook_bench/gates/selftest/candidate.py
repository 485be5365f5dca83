"""What a planted candidate is: a kind whose worth is known, and one of it ready to be judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.gates.selftest.world import World
from rook_bench.gates.tries import Tries
from rook_bench.market.view import MarketView
from rook_bench.metrics import Analysis
from rook_bench.replay import ReplayConfig
from rook_bench.sources import Ask, Source

RATE = 0.2
"""Share of rows on which they trade."""


@dataclass(frozen=True)
class Attempt:
    """A candidate ready to be judged against its champion."""

    candidate: Analysis
    champion: Analysis
    tries: Tries


@dataclass(frozen=True)
class Planted:
    """A kind of candidate whose worth is known.

    Attributes:
        name, summary: what it is, for the table.
        wrong: verdicts that are errors.
        share: evaluations of it for each evaluation of `no-edge`, on average.
        attempt: make one on a world, with a generator.
    """

    name: str
    summary: str
    wrong: tuple[str, ...]
    share: float
    attempt: Callable[[World, np.random.Generator], Attempt]


def against(
    world: World,
    source: Source,
    config: ReplayConfig,
    champion: Source | None = None,
    others: tuple[NDArray[np.float64], ...] = (),
) -> Attempt:
    """The source against a champion, which is holding where none is given."""
    theirs = world.hold(config) if champion is None else world.evaluate(champion, config)
    return Attempt(world.evaluate(source, config), theirs, Tries("", 1 + len(others), 1 + len(others), others))


class ShowsLater:
    """Answers with the beginning of a tape, and shows the price ten swaps on to nobody."""

    def __init__(self, tape: DecisionTape) -> None:
        self._tape = tape

    def decide(self, view: MarketView, ask: Ask) -> DecisionTape:
        """The same answers whatever it is shown."""
        return self._tape.head(ask.rows)

    def prompts(self, view: MarketView) -> list[str]:
        """The price of each row, and that of ten rows later."""
        price = view["price"]
        later = np.append(price[10:], np.repeat(price[-1], min(10, len(price))))[: len(price)]
        return [f"price {now:.2f} target {then:.2f}" for now, then in zip(price, later, strict=True)]
