"""A language model behind an OpenAI-compatible server as a source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rook_bench.core import ConfigError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import sha256_json
from rook_bench.endpoint.address import Address
from rook_bench.endpoint.budget import Budget
from rook_bench.endpoint.terms import Terms
from rook_bench.language.template import Template, load_template
from rook_bench.market.pool import Pool
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import Ask

if TYPE_CHECKING:
    from rook_bench.endpoint.model import EndpointModel, Wavering

Api = Literal["auto", "chat", "completions"]
Structured = Literal["none", "choice", "json"]


class Endpoint:
    """A server's model; nobody is asked before the first prompt without an answer."""

    def __init__(self, address: Address, template: Template, terms: Terms, budget: Budget, repeats: int) -> None:
        self._template = template
        self._made = address, template, terms, budget, repeats

    @cached_property
    def _model(self) -> EndpointModel:
        from rook_bench.endpoint.model import EndpointModel  # asks by asyncio, which naming a server doesn't need

        return EndpointModel(*self._made)

    def decide(self, view: MarketView, ask: Ask) -> DecisionTape:
        """The server's answers to the prompts of the first `ask.rows` rows."""
        return self._model.decide(view, ask.rows, since=ask.since, progress=ask.progress, fresh=ask.fresh)

    def prompts(self, view: MarketView) -> Sequence[str]:
        """What is shown on each row."""
        return self._template.render(view).texts

    def answers(self, texts: Sequence[str], pool: Pool | None = None) -> DecisionTape:
        """The server's answers to prompts, one decision each."""
        del pool
        return self._model.answers(texts)

    def notes(self) -> Sequence[str]:
        """How fast it answered, what that took, and whether its answers waver."""
        return self._model.notes

    @property
    def wavering(self) -> Wavering | None:
        """How often the same question is decided otherwise, as far as it was tried."""
        return self._model.wavering

    def try_again(self, texts: Sequence[str]) -> Wavering | None:
        """The same, tried now on a sample of prompts that were answered."""
        return self._model.try_again(texts)

    @property
    def budget(self) -> Budget:
        """What may be spent, and what was; it goes along to other processes, and comes back."""
        return self._model.asking.budget

    @budget.setter
    def budget(self, budget: Budget) -> None:
        self._model.asking.budget = budget


def _looks_back(url: str, model: str = "", template: str = "chat", **options: Any) -> int | None:
    """Swaps behind a prompt."""
    del url, model, options
    return load_template(template).lookback


def _identity(url: str, model: str = "", template: str = "chat", **options: Any) -> str:
    """What is asked of which model; how many questions go at once and what may be spent does not matter."""
    sampling = {name: options.get(name) for name in ("api", "temperature", "seed", "structured", "logprobs")}
    return sha256_json([Address(url).url.rstrip("/"), model, load_template(template).sha256, sampling])


@decision_source(content=_identity, language_model=True, lookback=_looks_back)
def endpoint(
    url: str,
    model: str = "",
    template: str = "chat",
    api: Api = "auto",
    temperature: float = 0.0,
    seed: int | None = None,
    structured: Structured = "none",
    logprobs: bool = True,
    concurrency: int = 8,
    timeout_s: float = 60.0,
    repeats: int = 3,
    budget_tokens: int | None = None,
    budget_usd: float | None = None,
    usd_in: float = 0.0,
    usd_out: float = 0.0,
) -> Endpoint:
    """A model behind an OpenAI-compatible server (`endpoint:URL,model=NAME`); the key comes from the environment."""
    address, asked = Address(url), load_template(template)
    if not model:
        raise ConfigError("which of the server's models?", where=f"endpoint:{url}", hint="add ,model=NAME")
    for name, value, least in (("concurrency", concurrency, 1), ("repeats", repeats, 0), ("timeout_s", timeout_s, 0.1)):
        if not value >= least:
            raise ConfigError(f"{value:g} is less than {least:g}", where=f"endpoint: {name}")
    if budget_usd is not None and not (usd_in > 0 or usd_out > 0):
        hint = "add usd_in and usd_out, dollars per million tokens"
        raise ConfigError("a budget in dollars needs prices", where="endpoint: budget_usd", hint=hint)
    chat = api == "chat" or (api == "auto" and asked.chat is not None)
    terms = Terms(
        model, "chat" if chat else "completions", temperature, seed, structured, logprobs, concurrency, timeout_s
    )
    return Endpoint(address, asked, terms, Budget(budget_tokens, budget_usd, usd_in, usd_out), repeats)
