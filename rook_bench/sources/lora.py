"""A fine-tuned language model, asked by constrained scoring or by free generation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rook_bench.core import ConfigError, InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.language.template import Prompts, load_template
from rook_bench.market.pool import Pool
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import Ask

if TYPE_CHECKING:
    from rook_bench.language.decider import Decider

Mode = Literal["score", "generate"]


def _identity(adapter: Path, **options: str | None) -> str:
    """Identity of what is asked: the adapter's record and files (where they lie does not matter)."""
    del options
    return adapter_hash(adapter)


class LanguageModel:
    """The model of an adapter folder as a source; nothing is loaded before the first prompt without an answer."""

    def __init__(
        self, adapter: Path, mode: Mode, engine: str, base: str | None, *, adapted: bool, transfer: bool
    ) -> None:
        self._adapter, self._mode, self._engine, self._base, self._adapted = adapter, mode, engine, base, adapted
        self._transfer = transfer

    @cached_property
    def _model(self) -> Decider:
        return _decider(adapter_hash(self._adapter), self._adapter, self._mode, self._engine, self._base, self._adapted)

    def decisions(self, prompts: Prompts, pool: Pool, *, progress: bool, fresh: bool) -> DecisionTape:
        """The model's answers to prompts about a pool's swaps."""
        self._check_home(pool)
        return self._model.decisions(prompts, len(prompts.texts), pool, progress=progress, fresh=fresh)

    def decide(self, view: MarketView, ask: Ask) -> DecisionTape:
        """The model's answers to the prompts of the first `ask.rows` rows."""
        self._check_home(view.pool)
        return self._model.decide(view, ask.rows, since=ask.since, progress=ask.progress, fresh=ask.fresh)

    def _check_home(self, pool: Pool) -> None:
        """InputError for a pool that the model did not learn from, unless that was asked for."""
        elsewhere = "" if self._transfer or not self._adapted else read_manifest(self._adapter).strange(pool)
        if elsewhere:
            hint = "give --transfer (or NAME,transfer=true) to see what carries over"
            raise InputError(f"{elsewhere}, which is another pool", where=self._adapter, hint=hint)

    def prompts(self, view: MarketView) -> Sequence[str]:
        """What the adapter's template shows on each row."""
        return read_manifest(self._adapter).template.render(view).texts

    def answers(self, texts: Sequence[str], pool: Pool | None = None) -> DecisionTape:
        """The model's answers to prompts about a pool's swaps, one decision each."""
        return self._model.answers(texts, pool)

    def notes(self) -> Sequence[str]:
        """How fast it was asked, and how its engine compares with the reference."""
        return self._model.notes


@lru_cache(maxsize=4)
def _decider(identity: str, adapter: Path, mode: Mode, engine: str, base: str | None, adapted: bool) -> Decider:
    """Weights that are loaded stay so for the next source of the same files: loading takes seconds."""
    from rook_bench.language.decider import Decider

    return Decider(adapter, mode, engine, base, adapted=adapted)


def _looks_back(adapter: Path, **options: str | bool | None) -> int | None:
    """Swaps behind a prompt."""
    del options
    return read_manifest(adapter).template.lookback


def _profit_horizon(adapter: Path, **options: str | None) -> float | None:
    """Seconds behind a confidence that is the chance of a profit."""
    del options
    told = read_manifest(adapter)
    return told.horizon_s if told.confidence == "profit" else None


@decision_source(content=_identity, language_model=True, profit_horizon=_profit_horizon, lookback=_looks_back)
def lora(
    adapter: Path,
    mode: Mode = "score",
    engine: str = "torch",
    base: str | None = None,
    template: str | None = None,
    transfer: bool = False,
) -> LanguageModel:
    """A fine-tuned adapter (`lora:DIR`); `mode=generate` reads free text, `engine` picks the arithmetic.

    On a pool that it was not trained on it is asked with `transfer=true` alone.
    """
    if template is not None:
        _check_template(adapter, template)
    return LanguageModel(adapter, mode, engine, base, adapted=True, transfer=transfer)


@decision_source(content=_identity, language_model=True, lookback=_looks_back, name="base")
def base_model(adapter: Path, mode: Mode = "score", engine: str = "torch", base: str | None = None) -> LanguageModel:
    """The base of an adapter without it (`base:DIR`), asked the same way: what fine-tuning started from."""
    return LanguageModel(adapter, mode, engine, base, adapted=False, transfer=True)


@decision_source(content=_identity, language_model=True, profit_horizon=_profit_horizon, lookback=_looks_back)
def model(adapter: Path, mode: Mode = "score", engine: str = "torch", transfer: bool = False) -> LanguageModel:
    """A whole model that was adopted (`model:DIR`): a merged checkpoint, a fully fine-tuned model, or a plain base."""
    if read_manifest(adapter).kind == "lora":
        what = "it is an adapter, which needs a base"
        raise InputError(what, where=adapter, hint=f"name it as lora:{adapter}")
    return LanguageModel(adapter, mode, engine, None, adapted=True, transfer=transfer)


def _check_template(adapter: Path, template: str) -> None:
    """ConfigError where an adapter was trained on another prompt than this one."""
    asked, own = load_template(template), read_manifest(adapter).template
    if asked.sha256 != own.sha256:
        raise ConfigError(
            f"trained on prompt {own.name} v{own.version} ({own.sha256[:8]}), "
            f"not on {asked.name} v{asked.version} ({asked.sha256[:8]})",
            where=adapter,
            hint="leave the template away: an adapter knows its own",
        )
