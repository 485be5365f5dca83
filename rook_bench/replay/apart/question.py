"""What is asked in another process, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, RookError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.plugin import Choice, Spec
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source, is_installed
from rook_bench.risk import RiskConfig, apply_risk
from rook_bench.sources import Source
from rook_bench.sources.protocol import AnswersPrompts, Wavers


@dataclass(frozen=True)
class Answer:
    """What a question was answered with.

    Attributes:
        tape: decisions on the rows that were asked about.
        prompts: the texts shown on those rows; None of a source that shows none.
        permitted: what sizing and filters made of decisions: fractions, and which filter refused.
        touched: what was read, written or connected to beside the plugin's own files, first come first.
        error: why there is no answer.
        wavering: of a source whose answers may differ, how often they did; budget: what it has spent by now.
    """

    tape: DecisionTape | None = None
    prompts: Sequence[str] | None = None
    permitted: tuple[NDArray[np.float64], NDArray[np.int16]] | None = None
    touched: tuple[str, ...] = ()
    error: str = ""
    wavering: Any = None
    budget: Any = None


@dataclass(frozen=True)
class Asked:
    """A source as it goes to another process: what its plugin and parameters were when they were recorded.

    Attributes:
        reference, name, params, spec, content: of the source.
        file: of a user's plugin; None of one that is installed.
    """

    reference: str
    name: str
    file: Path | None
    params: dict[str, Any]
    spec: Spec
    content: str

    @classmethod
    def of(cls, source: Source) -> Asked:
        """Of a source in this process."""
        plugin = source.choice.plugin
        file = None if is_installed(plugin) else plugin.file
        # As they were recorded: what lies in memory may have changed since.
        params = {key: source.spec.params.get(key, value) for key, value in source.choice.params.items()}
        return cls(source.reference, plugin.name, file, params, source.spec, source.content)

    @property
    def source(self) -> Source:
        """The source made from its file again; InputError where that is another one by now."""
        plugin = decision_source.get(self.name if self.file is None else f"{self.file}@{self.name}")
        if plugin.sha256 != self.spec.sha256:
            raise InputError("the plugin's file is not what it was when the run was made", where=plugin.file)
        return Source(Choice(self.reference, plugin, self.params), self.spec, self.content)


@dataclass(frozen=True)
class DecideQuestion:
    """What a source decides on the first `rows` rows of a tape, all of which it sees.

    Attributes:
        asked: the source.
        frame, rows, seed: what it is asked.
        prompts_only: of a language model, only what it is shown.
    """

    asked: Asked
    frame: SwapFrame
    rows: int
    seed: int
    prompts_only: bool = False

    def answer(self) -> Answer:
        """The answer, in the process that it is asked in."""
        source = self.asked.source
        prompts = source.prompts(self.frame, self.rows)
        if self.prompts_only:
            return Answer(prompts=prompts)
        return Answer(source.ask(self.frame, self.seed, head=self.rows).bare, prompts)


@dataclass(frozen=True)
class AnswersQuestion:
    """What a language model answers to some prompts, computed anew; of one that wavers, how often it does.

    Attributes:
        asked: the source; texts: the prompts; pool: whose swaps they are about.
        budget: what may still be spent, of a source that has one.
    """

    asked: Asked
    texts: list[str]
    pool: Pool
    budget: Any = None

    def answer(self) -> Answer:
        """The answer, in the process that it is asked in."""
        built = self.asked.source.built
        assert isinstance(built, AnswersPrompts)
        if not isinstance(built, Wavers):
            return Answer(built.answers(self.texts, self.pool).bare)
        built.budget = self.budget
        try:
            return Answer(
                built.answers(self.texts, self.pool).bare, wavering=built.try_again(self.texts), budget=built.budget
            )
        except RookError as error:  # what was spent is spent
            return Answer(error=str(error), budget=built.budget)


@dataclass(frozen=True)
class RiskQuestion:
    """What sizing and filters make of decisions."""

    risk: RiskConfig
    frame: SwapFrame
    tape: DecisionTape

    def answer(self) -> Answer:
        """The answer, in the process that it is asked in."""
        permitted = apply_risk(self.risk, MarketView.whole(self.frame), self.tape)
        return Answer(permitted=(permitted.fraction, permitted.refused_by))
