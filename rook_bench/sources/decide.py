"""Ask a source once, keep its decisions, and answer from what was kept."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from rook_bench.core import Decision, InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import DECIDING, PACKAGE, sha256_code, sha256_json
from rook_bench.execution.compiled import cache_folder
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketColumns, MarketView
from rook_bench.plugins import Choice, Spec, decision_source
from rook_bench.sources.saved import read_decisions, write_decisions


@dataclass(frozen=True)
class Source:
    """A decision source as the user named it, ready to be asked.

    Attributes:
        choice: the plugin and its parameters.
        spec: what a Run records of it.
        content: hash of the file it takes its parameters from, if it takes any.
    """

    choice: Choice
    spec: Spec
    content: str

    @classmethod
    def parse(cls, reference: str) -> Source:
        """From `name`, `name:argument`, `name:key=value,...` or `path.py@name`."""
        choice = decision_source.choose(reference)
        content = choice.plugin.traits.get("content")
        return cls(choice, choice.spec(), content(**choice.params) if content else "")

    @classmethod
    def remembered(cls, reference: str, content: str) -> Source:
        """The source of a saved Run; what it took its parameters from may be gone by now."""
        choice = decision_source.choose(reference)
        return cls(choice, choice.spec(), content)

    def anew(self) -> Source:
        """The same source from the same file, read again: nothing that it keeps in memory comes along.

        Raises:
            RookError: where the file is gone or fails.
        """
        plugin = self.choice.plugin
        head, colon, rest = self.reference.partition(":")
        if plugin.file.is_relative_to(PACKAGE) or "@" in self.reference or not plugin.file.is_file():
            return Source.parse(self.reference)
        return replace(Source.parse(f"{plugin.file}@{head}{colon}{rest}"), spec=self.spec)

    @property
    def reference(self) -> str:
        """The text that names it ("rules:strategies/data_driven.json")."""
        return self.choice.reference

    @property
    def unreachable(self) -> bool:
        """Whether the source says itself that it knows the future (a bound, never a candidate)."""
        return bool(self.choice.plugin.traits.get("unreachable"))

    @property
    def recorded(self) -> bool:
        """Whether the decisions come from a file and can't be asked for again."""
        return bool(self.choice.plugin.traits.get("recorded"))

    @property
    def language_model(self) -> bool:
        """Whether a language model decides (and takes an engine and a mode)."""
        return bool(self.choice.plugin.traits.get("language_model"))

    def notes(self) -> list[str]:
        """What the source has to say about its last answers: speed, agreement of its engine."""
        return list(getattr(self.choice.build(), "notes", list)())

    def prompts(self, frame: SwapFrame, head: int) -> list[str] | None:
        """What a language model is shown on each of the first `head` rows; None of a source that shows none."""
        show = getattr(self.choice.build(), "prompts", None)
        return None if show is None else list(show(MarketView.whole(frame)))[:head]

    def ask(
        self,
        frame: SwapFrame,
        seed: int = 0,
        *,
        head: int | None = None,
        progress: bool = False,
        fresh: bool = False,
    ) -> DecisionTape:
        """Decide every row of `frame`; InputError names the source when its answer does not validate.

        Args:
            head: decide the first so many rows only (with all of `frame` in view).
            fresh: a source that keeps answers of its own is to ask its model again.
        """
        function = self.choice.build()
        columns = MarketColumns(frame)
        wanted = len(frame) if head is None else head
        names = inspect.signature(function).parameters
        available = {
            "rng": np.random.default_rng(seed),
            "data_hash": frame.data_hash,
            "rows": wanted,
            "progress": progress,
            "fresh": fresh,
        }
        extra = {name: value for name, value in available.items() if name in names}
        if self.choice.plugin.traits.get("whole_tape"):
            tape = function(MarketView(columns, len(frame)), **extra)
            expected = wanted if "rows" in names else len(frame)
            if not isinstance(tape, DecisionTape) or len(tape) != expected:
                raise InputError(
                    f"did not return one decision for each of {expected} swaps", where=f"source {self.reference}"
                )
            return tape.head(wanted)
        rows = range(1, wanted + 1)
        steps = track(rows, description=f"deciding {self.reference}", transient=True, disable=not progress)
        decisions = []
        for stop in steps:
            decision = function(MarketView(columns, stop), **extra)
            if not isinstance(decision, Decision):
                raise InputError(
                    f"returned {type(decision).__name__} instead of a Decision", where=f"source {self.reference}"
                )
            decisions.append(decision)
        return DecisionTape.of(decisions)


@dataclass(frozen=True)
class Decided:
    """Decisions with where they came from.

    Attributes:
        source, tape: who decided what.
        key: hash of source, data and seed.
        reused: whether they were kept from an earlier time.
        notes: what the source said about its work.
        seconds_per_decision: time to decide all rows over their number, when they were asked; None where
            that is not known.
    """

    source: Source
    tape: DecisionTape
    key: str
    reused: bool
    notes: tuple[str, ...] = ()
    seconds_per_decision: float | None = None


def decision_key(source: Source, frame: SwapFrame, seed: int) -> str:
    """The name under which decisions are kept. Any change in source, code or data changes it."""
    parts = {
        "spec": source.spec.to_json(),
        "content": source.content,
        "data": frame.data_hash,
        "seed": seed,
        "code": sha256_code(*DECIDING),
    }
    return sha256_json(parts)


def decide(source: Source, frame: SwapFrame, *, seed: int = 0, progress: bool = False, fresh: bool = False) -> Decided:
    """The source's decisions on `frame`, from the decision tape kept under their key if there is one.

    Args:
        fresh: ask again even if the decisions are kept.
    """
    key = decision_key(source, frame, seed)
    kept = cache_folder() / "decisions" / f"{key}.parquet"
    if not fresh and not source.recorded and kept.is_file():
        try:
            tape, facts = read_decisions(kept)
            return Decided(source, tape, key, reused=True, seconds_per_decision=facts.get("seconds_per_decision"))
        except InputError:
            kept.unlink(missing_ok=True)  # a damaged file in the cache is asked for again
    started = time.perf_counter()
    tape = source.ask(frame, seed, progress=progress, fresh=fresh)
    each = None if source.recorded else (time.perf_counter() - started) / len(frame)
    if not source.recorded:
        _keep(tape, kept, decision_facts(source, frame, seed) | {"seconds_per_decision": each})
    return Decided(source, tape, key, reused=False, notes=tuple(source.notes()), seconds_per_decision=each)


def _keep(tape: DecisionTape, path: Path, facts: dict[str, Any]) -> None:
    try:
        write_decisions(tape, path, facts)
    except (InputError, OSError):
        return  # a cache that can't be written costs time, not correctness


def decision_facts(source: Source, frame: SwapFrame, seed: int) -> dict[str, Any]:
    """What is written beside decisions: who made them, from what."""
    return {
        "source": source.reference,
        "spec": source.spec.to_json(),
        "content": source.content,
        "data_hash": frame.data_hash,
        "seed": seed,
        "key": decision_key(source, frame, seed),
    }
