"""What a fall, or a rise, that a tape does not hold would have cost: planted, with the sources asked again.

Who sells tails gains on every tape without a crash, so that no test of history finds him out. His decisions can be
questioned: prices from some place on are multiplied by a ramp, the source is asked what it does then, and what
it loses is compared with what it lost without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.execution.ticks import MAX_SQRT_PRICE, MIN_SQRT_PRICE
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.replay.causality import asker_of
from rook_bench.replay.engine import execute
from rook_bench.replay.ledger import balances_by_row
from rook_bench.replay.market_rows import fee_pips
from rook_bench.replay.run import Run
from rook_bench.risk import apply_risk
from rook_bench.sources import Ask, Source
from rook_bench.sources.protocol import AnswersPrompts

HISTORY = 3000
"""Swaps before the place that a source is shown."""

FEWEST_ROWS = 10
"""Swaps that a stretch must hold to be asked about."""

PROMPTS = 4000
"""Prompts that a language model is asked in all; where there are more, swaps evenly spread, for both sides alike."""


@dataclass(frozen=True)
class Plant:
    """What is planted.

    Attributes:
        moves: what prices are multiplied by in the end (0.8 for a fall of 20%), each tried for itself.
        fall_s: seconds that it takes.
        asked_s: seconds over which sources are asked, the move included.
    """

    moves: tuple[float, ...] = (0.8, 1.25)
    fall_s: float = 7200.0
    asked_s: float = 14_400.0


@dataclass(frozen=True, eq=False)
class Planted:
    """What it cost.

    Attributes:
        losses: by move, what the candidate lost beyond the champion and beyond what both lose without it, log return,
            shape (places,).
        frozen: names of the sides that could not be asked again, whose decisions stayed as they were.
    """

    losses: dict[float, NDArray[np.float64]]
    frozen: tuple[str, ...]

    @property
    def worst(self) -> tuple[float, float]:
        """The move that costs most on average, and how much, not less than nothing."""
        move = max(self.losses, key=lambda one: float(self.losses[one].mean()))
        return move, max(0.0, float(self.losses[move].mean()))


def plant(mine: Run, theirs: Run, asked: Plant, places: int, rng: np.random.Generator) -> Planted | None:
    """Plant moves at some places of a tape and measure them on two runs; None where it is too short for one.

    Args:
        mine, theirs: candidate and champion, on one tape.
        asked: what is planted.
        places: how many, spread evenly from a start that is drawn.
        rng: draws it.

    Raises:
        Unanswered: where a side fails when it sees the move, or touches what is not its own.
    """
    stretches = _stretches(mine.frame, asked, places, rng)
    if not stretches:
        return None
    sides = (_Side.of(mine), _Side.of(theirs))
    losses: dict[float, list[float]] = {move: [] for move in asked.moves}
    every = _thinning(sides, stretches, len(asked.moves))
    for first, place, last in stretches:
        usual = mine.frame[first:last]
        for move in asked.moves:
            changed = moved(usual, place - first, move, asked.fall_s)
            mine_lost, their_lost = (side.lost(usual, changed, first, place, every) for side in sides)
            losses[move].append(mine_lost - their_lost)
    frozen = tuple(side.run.name for side in sides if side.frozen)
    return Planted({move: np.array(lost) for move, lost in losses.items()}, frozen)


def moved(frame: SwapFrame, place: int, move: float, fall_s: float) -> SwapFrame:
    """The tape with prices after the row `place` multiplied by a ramp; what else is recorded stays.

    A ramp and no staircase: a source that holds still where one swap moves far would never meet the fall. The tick
    map is left out: nobody knows what stands at prices that were never reached.
    """
    since = (frame.at - frame.at[place]) / np.timedelta64(1, "s")
    factor = move ** (np.clip(since / fall_s, 0.0, 1.0) * (np.arange(len(frame)) > place))
    root = np.sqrt(factor if frame.pool.base_is_token0 else 1 / factor)
    prices = list(frame.sqrt_price_x96)
    for row in range(place + 1, len(frame)):
        scaled = prices[row] * round(float(root[row]) * 2**60) >> 60
        prices[row] = min(max(scaled, MIN_SQRT_PRICE), MAX_SQRT_PRICE - 1)
    return replace(frame, sqrt_price_x96=ExactInts.of(prices), tick=None, history=None, recorded={}, labels={})


def _stretches(frame: SwapFrame, asked: Plant, places: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """(first row shown, row after which prices move, row after the last asked) of each place that holds swaps."""
    seconds = (frame.at - frame.at[0]) / np.timedelta64(1, "s")
    room = float(seconds[-1]) - asked.asked_s
    found = []
    for number in range(places if room > 0 else 0):
        at = room * (number + float(rng.random())) / places
        place = int(np.searchsorted(seconds, at, side="right")) - 1
        last = int(np.searchsorted(seconds, seconds[place] + asked.asked_s, side="right"))
        torn = frame.segment[place] != frame.segment[last - 1]
        if last - place > FEWEST_ROWS and not torn:
            found.append((max(0, place - HISTORY), place, last))
    return found


@dataclass(frozen=True)
class _Side:
    """A run and how its source is asked."""

    run: Run
    frozen: bool
    cash: NDArray[np.float64]
    base: NDArray[np.float64]

    @classmethod
    def of(cls, run: Run) -> _Side:
        source = run.source
        return cls(run, source.recorded or source.gone is not None, *balances_by_row(run))

    def lost(self, usual: SwapFrame, changed: SwapFrame, first: int, place: int, every: int) -> float:
        """What the move cost this side, log return: without it less with it."""
        own = self._own(first, len(usual))
        here = place - first
        after = own if self.frozen else self._asked(changed, here, own, every)
        before = _thinned(own, here, every) if every > 1 and _asks_model(self.run.source) else own
        plain = replace(usual, history=None, recorded={}, labels={})
        return self._gained(plain, before, here, place) - self._gained(changed, after, here, place)

    def _own(self, first: int, rows: int) -> DecisionTape:
        tape = self.run.decided.tape
        return tape.rows(slice(first, first + rows))

    def _asked(self, changed: SwapFrame, here: int, own: DecisionTape, every: int) -> DecisionTape:
        """What it decides after the place, with the move in view; before it all stays as it was."""
        source, seed = self.run.source, self.run.config.seed
        if _asks_model(source):
            built = source.built
            assert isinstance(built, AnswersPrompts)
            texts = source.prompts(changed, len(changed)) or []
            rows = [row for row in range(here, len(changed)) if (row - here) % every == 0 and texts[row]]
            said = built.answers([texts[row] for row in rows], changed.pool)
            return _thinned(own, here, len(own)).with_rows(np.array(rows, dtype=np.intp), said)
        if source.installed or source.choice.plugin.in_memory:
            ask = Ask(len(changed), np.random.default_rng(seed), changed.data_hash)
            tape = replace(source).answer(MarketView.whole(changed), ask)
        else:
            (reply,) = (one.tape for one in asker_of(source, seed)([lambda: (changed, len(changed))]))
            assert reply is not None
            tape = reply
        rows_after = np.arange(here, len(own), dtype=np.intp)
        return own.with_rows(rows_after, tape.rows(slice(here, len(own))))

    def _gained(self, frame: SwapFrame, tape: DecisionTape, here: int, place: int) -> float:
        """Log return from the place to the end, of these decisions after it, with the balances held then."""
        still = _thinned(tape, 0, len(tape)).with_rows(
            np.arange(here, len(tape), dtype=np.intp), tape.rows(slice(here, len(tape)))
        )
        cash, base = float(self.cash[place]), float(self.base[place])
        price = float(frame.price[0])
        value = max(cash + base * price, 1e-12)
        capital = self.run.config.capital.model_copy(
            update={"value": None, "quote_value": value, "base_share": min(1.0, base * price / value)}
        )
        fee = round(float(np.mean(fee_pips(self.run.frame, self.run.config.frictions))))
        frictions = self.run.config.frictions.model_copy(update={"fee_pips": fee})
        config = self.run.config.model_copy(update={"capital": capital, "frictions": frictions, "numeraire": None})
        permitted = apply_risk(config.risk, MarketView.whole(frame), still)
        _, equity = execute(frame, still, permitted, config)
        start, end = float(equity[here]), float(equity[-1])
        return float(np.log(max(end, 1e-12) / max(start, 1e-12)))


def _asks_model(source: Source) -> bool:
    return source.installed and source.language_model and not source.recorded and source.gone is None


def _thinning(sides: Sequence[_Side], stretches: Sequence[tuple[int, int, int]], moves: int) -> int:
    """One row in how many language models are asked about."""
    if not any(_asks_model(side.run.source) for side in sides):
        return 1
    rows = sum(last - place for _, place, last in stretches) * moves
    return max(1, -(-rows // PROMPTS))


def _thinned(tape: DecisionTape, here: int, every: int) -> DecisionTape:
    """The decisions with holding in place of all but one in `every` rows from `here` on."""
    rows = np.arange(len(tape))
    kept = (rows < here) | ((rows - here) % every == 0)
    if every >= len(tape):
        kept = rows < here
    side = np.where(kept, tape.side, 1).astype(np.int8)
    return replace(tape, side=side, size=np.where(kept, tape.size, 0.0))
