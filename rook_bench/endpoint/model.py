"""A model behind a server as a decider: prompts in, a decision tape out, each prompt asked once and kept."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rich.console import Console
from rich.progress import Progress

from rook_bench.core import SIDE_NAMES, ConfigError, Side
from rook_bench.core.arrays import text_column
from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.decision_tape import NOT_ASKED, UNPARSED, DecisionTape
from rook_bench.core.hashing import sha256_code, sha256_json
from rook_bench.core.transcript import Transcript
from rook_bench.endpoint.address import Address, require_endpoint_extra
from rook_bench.endpoint.asking import Asking
from rook_bench.endpoint.budget import Budget
from rook_bench.endpoint.reading import Said
from rook_bench.endpoint.terms import Terms
from rook_bench.language.answer import Parsed
from rook_bench.language.store import AnswerStore
from rook_bench.language.template import Prompts, Template
from rook_bench.market.view import MarketView

AGAIN = 16
"""Prompts that are asked several times, to see whether they are answered alike."""

_AGAIN_KEY = "\0asked again"


@dataclass(frozen=True)
class Wavering:
    """How often the same question is decided otherwise.

    Attributes:
        prompts: that were asked again; times: how often each was asked in all.
        differ: of these prompts, those that were not decided alike each time.
    """

    prompts: int
    times: int
    differ: int

    def __str__(self) -> str:
        alike = "all decided alike" if not self.differ else f"{self.differ} not decided alike each time"
        return f"{self.prompts} prompts asked {self.times} times: {alike}"


class EndpointModel:
    """Asks one server with one template.

    Args:
        address, template, terms, budget: see there.
        repeats: how often a sample of the prompts is asked in all; below 2 nobody knows whether answers waver.
    """

    def __init__(self, address: Address, template: Template, terms: Terms, budget: Budget, repeats: int) -> None:
        require_endpoint_extra()
        if terms.structured == "json" and template.answer.json_schema is None:
            what = f"template {template.name} answers with a word, and structured=json is for answers of JSON"
            raise ConfigError(what, where="endpoint", hint="take structured=choice, or template=reasoning")
        self.address, self.template, self.terms, self.repeats = address, template, terms, repeats
        self.asking = Asking(address, template, terms, budget, self._keep)
        self._asked, self._with_odds, self._seconds = 0, 0, 0.0

    @cached_property
    def store(self) -> AnswerStore:
        """Answers so far, of this server, model, prompt and way of asking."""
        terms = self.terms
        key = sha256_json(
            {
                "server": self.address.url.rstrip("/"),
                "model": terms.model,
                "template": self.template.sha256,
                "sampling": [terms.temperature, terms.seed, terms.structured, terms.api, terms.logprobs],
                "code": sha256_code("endpoint"),
            }
        )
        return AnswerStore(cache_folder() / "answers" / f"endpoint-{key}.sqlite")

    def decide(
        self, view: MarketView, rows: int, *, since: int = 0, progress: bool = False, fresh: bool = False
    ) -> DecisionTape:
        """The decisions of the first `rows` rows of the view; rows without a prompt are held, with the reason.

        The server is not asked about rows before `since`.
        """
        prompts = self.template.render(view).since(since)
        texts = [text for text in prompts.texts[:rows] if text]
        if fresh:
            self.store.forget([*texts, _AGAIN_KEY])
        self._answer(texts, progress)
        if self._asked and self.wavering is None:
            self.try_again(texts)
        return DecisionTape.by_part(rows, lambda part: self._tape(prompts.rows(part)))

    def answers(self, texts: Sequence[str]) -> DecisionTape:
        """One decision for each of these prompts, none of them empty."""
        self._answer(texts, False)
        return self._tape(Prompts(list(texts), np.empty((len(texts), 0)), [""] * len(texts)))

    @property
    def wavering(self) -> Wavering | None:
        """How often the same question is decided otherwise; None where it was not tried."""
        told = self.store.get(_AGAIN_KEY)
        return None if told is None else Wavering(**told)

    @property
    def notes(self) -> list[str]:
        """How fast it answered, what that took, and whether its answers waver."""
        budget, notes = self.asking.budget, []
        if self._asked:
            took = f"{budget.spent_in:,} tokens read and {budget.spent_out:,} written"
            cost = f", ${budget.price(budget.spent_in, budget.spent_out):,.4f}" if budget.priced else ""
            speed = self._asked / max(self._seconds, 1e-9)
            tries = f"; {self.asking.retries:,} tries more" if self.asking.retries else ""
            notes.append(
                f"{self._asked:,} answers of {self.terms.model} at {self.address.host} in {self._seconds:.1f} s "
                f"({speed:,.1f}/s): {took}{cost}{tries}"
            )
            if self.terms.logprobs and not self._with_odds and not self.template.answer.json_object:
                notes.append("the server tells no probabilities: no confidence is known")
        if self.wavering is not None:
            notes.append(f"{self.wavering}")
        return notes

    def expected(self, texts: Sequence[str]) -> str:
        """What is about to be asked, and the most that it can take."""
        most_in = sum(self.asking.most_in(text) for text in texts)
        most_out = len(texts) * self.asking.most_out
        budget = self.asking.budget
        cost = f", ${budget.price(most_in, most_out):,.2f}" if budget.priced else ""
        limits = f"; budget {budget.limits}" if budget.limits else "; no budget is set"
        return f"{len(texts):,} prompts to ask, at most {most_in + most_out:,} tokens{cost}{limits}"

    def _answer(self, texts: Sequence[str], progress: bool) -> None:
        missing = self.store.missing(texts)
        asked = set(missing)
        kept = [text for text in dict.fromkeys(texts) if text not in asked]
        if missing:
            self._ask(missing, progress)
        before, now = ({self._said(text).fingerprint for text in some} for some in (kept, missing))
        if before and now and not before & now:
            # Another revision answers by now: what the earlier one said is not what this model says. (Where both
            # answer, a server of several machines does.) What was kept stays until there is something in its place.
            self.store.forget([_AGAIN_KEY])
            self._ask(kept, progress)

    def _ask(self, missing: Sequence[str], progress: bool) -> None:
        started = time.perf_counter()
        console = Console(stderr=True)
        if progress:
            console.print(self.expected(missing), highlight=False)
        with Progress(console=console, transient=True, disable=not progress) as bar:
            task = bar.add_task(f"asking {self.terms.model}", total=len(missing))

            def tick() -> None:
                self._asked += 1
                bar.advance(task)

            try:
                self.asking(missing, tick)
            finally:
                self._seconds += time.perf_counter() - started

    def try_again(self, texts: Sequence[str]) -> Wavering | None:
        """A sample asked several times in all; the answers that count stay those that were given first.

        Args:
            texts: prompts that were answered; None comes back where there are none, or repeats are below 2.
        """
        texts = list(dict.fromkeys(texts))
        if not texts or self.repeats < 2:
            return None
        sample = texts[:: max(1, len(texts) // AGAIN)][:AGAIN]
        first = {text: self._parsed(self._said(text), text) for text in sample}
        differ: set[str] = set()

        def heard(text: str, said: Said) -> None:
            if self._parsed(said, text) != first[text]:
                differ.add(text)

        self.asking.kept = heard
        try:
            for _ in range(self.repeats - 1):
                self.asking(sample)
        finally:
            self.asking.kept = self._keep
        self.store.add({_AGAIN_KEY: {"prompts": len(sample), "times": self.repeats, "differ": len(differ)}})
        return self.wavering

    def _keep(self, prompt: str, said: Said) -> None:
        self._with_odds += said.odds is not None
        self.store.add({prompt: said.to_json()})

    def _said(self, text: str) -> Said:
        return Said.from_json(self.store[text])

    def _parsed(self, said: Said, prompt: str) -> Parsed | None:
        del prompt
        return self.template.answer.read(said.text) if said.ended else None

    def _tape(self, prompts: Prompts) -> DecisionTape:
        rows = len(prompts)
        side = np.full(rows, int(Side.HOLD), dtype=np.int8)
        size, slippage, deadline = np.zeros(rows), np.full(rows, 50.0), np.full(rows, 300.0)
        confidence, numbers = np.full(rows, np.nan), np.full((rows, 7), np.nan)
        raw, whole = np.full(rows, "", dtype=object), np.full(rows, "", dtype=object)
        reason = [f"{NOT_ASKED}: no {missing} yet" if missing else "" for missing in prompts.undefined]
        for row, text in enumerate(prompts.texts):
            if not text:
                continue
            said = self._said(text)
            raw[row], whole[row] = said.text, said.whole
            counts = (said.tokens_in, said.tokens_out, said.seconds, said.cost_usd)
            numbers[row] = [math.nan if value is None else value for value in (*(said.odds or [None] * 3), *counts)]
            parsed = self._parsed(said, text)
            if parsed is None:
                side[row], reason[row] = UNPARSED, "not an answer"
                continue
            side[row] = parsed.side
            slippage[row], deadline[row] = parsed.slippage_bps, parsed.deadline_s
            size[row] = parsed.size if parsed.side != Side.HOLD else 0.0
            if said.odds is not None:
                confidence[row] = said.odds[parsed.side]
                odds = zip(SIDE_NAMES, said.odds, strict=True)
                reason[row] = ", ".join(f"{name} {value:.3f}" for name, value in odds)
        transcript = Transcript(text_column(prompts.texts), whole, *numbers.T.copy())
        return DecisionTape(
            side, size, slippage, deadline, np.clip(confidence, 0, 1), text_column(reason), raw, transcript
        )
