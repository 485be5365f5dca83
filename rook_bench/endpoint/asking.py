"""Many prompts to one server: several on their way, each answered once, none beyond the budget."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.untrusted import word
from rook_bench.endpoint.address import Address
from rook_bench.endpoint.budget import Budget
from rook_bench.endpoint.reading import Said, read_reply
from rook_bench.endpoint.terms import Terms
from rook_bench.endpoint.wire import Passing, Wire
from rook_bench.language.template import Template

TRIES = 6
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 300.0
"""Waits double from the first to the longest; a server that asks for a longer one is left alone."""

AROUND = 256
"""Tokens that a server may put around a prompt, until it said how many it does."""

TOP = {"chat": 20, "completions": 5}
"""Likeliest tokens asked for: the most that OpenAI's own servers give."""

WRITTEN_TOKENS = 32
"""Tokens of an answer of words; what has not ended by then is no answer."""


class Asking:
    """Asks a server; the same object for all that one command asks, so that its budget is one.

    Args:
        address, template, terms, budget: see there.
        kept: is called with each prompt and its answer at once, before the next question goes.
    """

    def __init__(
        self, address: Address, template: Template, terms: Terms, budget: Budget, kept: Callable[[str, Said], None]
    ) -> None:
        self.address, self.template, self.terms, self.budget, self.kept = address, template, terms, budget, kept
        self.retries, self.logprobs = 0, terms.logprobs and template.answer.json_object is None
        self._around, self._not_before, self._stop = AROUND, 0.0, False

    @property
    def most_out(self) -> int:
        """Tokens that an answer may take."""
        form = self.template.answer.json_object
        return form.most_tokens if form else WRITTEN_TOKENS

    def most_in(self, prompt: str) -> int:
        """Tokens that a prompt can take at most: tokens are no shorter than a byte."""
        system = (self.template.chat.system or "") if self.template.chat else ""
        return len(prompt.encode()) + len(system.encode()) + self._around

    def __call__(self, prompts: Sequence[str], tick: Callable[[], None] = lambda: None) -> None:
        """Ask each prompt; `tick` hears of every answer.

        Raises:
            InputError: where the server refuses, does not answer in time and again, or the budget is spent. What was
                answered before is kept.
        """
        if not prompts:
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            asyncio.run(self._all(prompts, tick))
        else:  # in a notebook, whose own loop is running
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, self._all(prompts, tick)).result()

    async def _all(self, prompts: Sequence[str], tick: Callable[[], None]) -> None:
        import httpx2

        self._stop, waiting = False, deque(prompts)
        many = min(self.terms.concurrency, len(waiting))
        limits = httpx2.Limits(max_connections=many, max_keepalive_connections=many)
        proxies = not self.address.on_this_machine
        async with httpx2.AsyncClient(timeout=self.terms.timeout_s, limits=limits, trust_env=proxies) as client:
            wire = Wire(client, self.address, self.terms.timeout_s)
            # The first alone: what it teaches of the server (its options, what it puts around a prompt) serves all.
            await self._work(wire, deque([waiting.popleft()]), tick)
            said = await asyncio.gather(*(self._work(wire, waiting, tick) for _ in range(many)), return_exceptions=True)
        for error in said:
            if isinstance(error, BaseException):
                raise error

    async def _work(self, wire: Wire, waiting: deque[str], tick: Callable[[], None]) -> None:
        try:
            while waiting and not self._stop:
                prompt = waiting.popleft()
                self.kept(prompt, await self._one(wire, prompt))
                tick()
        except BaseException:
            self._stop = True  # the others end what they have begun, which is paid for
            raise

    async def _one(self, wire: Wire, prompt: str) -> Said:
        why = "it answers with something else"
        for tried in range(TRIES):
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            most = self.most_in(prompt), self.most_out
            if not self.budget.reserve(*most):
                raise self._spent()
            spent, begun = (0, 0), time.perf_counter()
            try:
                told = await wire.post(_PATHS[self.terms.api], self._body(prompt))
                spent = most
                said = read_reply(told, self.template.answer, chat=self.terms.api == "chat")
                if said is not None:
                    self._check_model(told)
                    spent = self._learned(said, most)
                    return self._priced(replace(said, seconds=time.perf_counter() - begun), spent)
                wait_s = None
            except Passing as passing:
                why, wait_s = passing.why, passing.wait_s
                spent = most if passing.charged else (0, 0)
            except InputError as refused:
                if not (self.logprobs and "logprob" in str(refused).lower()):
                    raise
                self.logprobs, wait_s = False, 0.0  # it knows no log-probabilities: answers alone, then
            except asyncio.CancelledError:
                spent = most
                raise
            finally:
                self.budget.settle(most, spent)
            self.retries += 1
            self._wait(tried, wait_s)
        hint = "run the same command again: what was answered is kept"
        raise InputError(f"no answer after {TRIES} tries ({why})", where=self.address.host, hint=hint)

    def _wait(self, tried: int, asked_s: float | None) -> None:
        """Nobody asks before that time: a server that is too busy for one is so for all."""
        if asked_s is not None and asked_s > LONGEST_WAIT_S:
            hint = "run the same command then: what was answered is kept"
            raise InputError(f"it asks to wait {asked_s:,.0f} s", where=self.address.host, hint=hint)
        wait_s = min(FIRST_WAIT_S * 2**tried, LONGEST_WAIT_S) if asked_s is None else asked_s
        self._not_before = max(self._not_before, time.monotonic() + wait_s)

    def _learned(self, said: Said, most: tuple[int, int]) -> tuple[int, int]:
        """What an answer took; and what the server puts around a prompt, for the next question's reserve."""
        if said.tokens_in is not None:
            self._around = max(self._around, said.tokens_in - (most[0] - self._around))
        counted = (said.tokens_in, said.tokens_out)
        return (most[0] if counted[0] is None else counted[0], most[1] if counted[1] is None else counted[1])

    def _priced(self, said: Said, spent: tuple[int, int]) -> Said:
        return replace(said, cost_usd=self.budget.price(*spent)) if self.budget.priced else said

    def _check_model(self, told: dict[str, Any]) -> None:
        named = told.get("model")
        if not isinstance(named, str) or not named:
            return
        mine, theirs = self.terms.model.lower(), named.lower()
        if not (theirs.startswith(mine) or mine.endswith(theirs) or theirs.endswith(mine) or mine in theirs):
            what = f"model {word(named, 60)!r} answers, and {self.terms.model!r} was asked"
            raise InputError(what, where=self.address.host, hint="name the model as the server does")

    def _spent(self) -> InputError:
        budget = self.budget
        took = budget.spent_in + budget.spent_out
        what = f"the budget of {budget.limits} is spent: {took:,} tokens so far, and the next question may take more"
        return InputError(
            what, where=self.address.host, hint="what was answered is kept: run it again with another budget"
        )

    def _body(self, prompt: str) -> dict[str, Any]:
        terms, answer = self.terms, self.template.answer
        body: dict[str, Any] = {
            "model": terms.model,
            "temperature": terms.temperature,
            "max_tokens": self.most_out,
            "stream": False,
        }
        if terms.seed is not None:
            body["seed"] = terms.seed
        if terms.api == "chat":
            chat = self.template.chat
            body["messages"] = chat.messages(prompt) if chat else [{"role": "user", "content": prompt}]
            if chat and chat.options:
                body["chat_template_kwargs"] = dict(chat.options)
            if self.logprobs:
                body |= {"logprobs": True, "top_logprobs": TOP["chat"]}
        else:
            body["prompt"] = prompt
            if self.logprobs:
                body["logprobs"] = TOP["completions"]
        if terms.structured == "choice":
            body["structured_outputs"] = {"choice": [word_.strip() for word_ in _words(answer)]}
        if terms.structured == "json":
            schema = {"name": "decision", "schema": answer.json_schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


_PATHS = {"chat": "chat/completions", "completions": "completions"}


def _words(answer: Any) -> Iterable[str]:
    return (answer.side.BUY, answer.side.HOLD, answer.side.SELL)
