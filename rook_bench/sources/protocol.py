"""What a source is asked, and what it answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from rook_bench.core import Decision
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.pool import Pool
from rook_bench.market.view import MarketView


@dataclass(frozen=True)
class Ask:
    """What a source is told beside the market.

    Attributes:
        rows: how many leading rows of the view are to be decided; all of them may be seen.
        rng: the generator that random numbers come from; the same seed gives the same decisions.
        data_hash: identity of the tape.
        fresh: whether answers that the source kept are to be asked for again.
        progress: whether to show a bar while it works.
        since: what is said of rows before this one is not used: where asking costs, it need not be asked.
    """

    rows: int
    rng: np.random.Generator
    data_hash: str = ""
    fresh: bool = False
    progress: bool = False
    since: int = 0


@runtime_checkable
class WholeTapeSource(Protocol):
    """A source that decides all rows of a tape at once. One object serves all that its `Source` is asked.

    It may also have `prompts` (see ShowsPrompts) and `notes` (see TakesNotes).
    """

    def decide(self, view: MarketView, ask: Ask) -> DecisionTape:
        """One decision for each of the first `ask.rows` rows, or for every row of the view.

        The decision at a row may depend on the rows up to it and on nothing later.
        """
        ...


@runtime_checkable
class ShowsPrompts(Protocol):
    """A source that shows a language model some text, which the look-ahead check compares too.

    A prompt may leak what the model does not use on the rows that are tried.
    """

    def prompts(self, view: MarketView) -> Sequence[str]:
        """The text shown on each row of the view."""
        ...


@runtime_checkable
class TakesNotes(Protocol):
    """A source that has something to say about its last answers: speed, agreement of its engine."""

    def notes(self) -> Sequence[str]:
        """Lines for a person."""
        ...


@runtime_checkable
class AnswersPrompts(Protocol):
    """A language model whose decision at a row follows from that row's prompt alone."""

    def answers(self, texts: Sequence[str], pool: Pool | None = None) -> DecisionTape:
        """One decision for each of these prompts about a pool's swaps."""
        ...


@runtime_checkable
class Wavers(Protocol):
    """A source whose answers to the same question may differ.

    Attributes:
        budget: what it may spend, and what it spent; it can be pickled.
    """

    budget: Any

    def try_again(self, texts: Sequence[str]) -> Any:
        """`prompts` that were asked again now, each so many `times` in all, and how many `differ`; None if untried."""
        ...


DecideRow = Callable[[MarketView], Decision] | Callable[[MarketView, Ask], Decision]
"""`decide(view)` or `decide(view, ask)`: the decision at the last row of the view."""

DecideTape = Callable[[MarketView], DecisionTape] | Callable[[MarketView, Ask], DecisionTape]
"""The same for all rows of the view at once, where the plugin says `whole_tape=True`."""
