"""A fine-tuned language model, asked by constrained scoring or by free generation."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rook_bench.core import ConfigError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.language.template import load_template
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import Decide

if TYPE_CHECKING:
    from rook_bench.language.decider import Decider


def _identity(adapter: Path, **options: str | None) -> str:
    """Identity of what is asked: the adapter's record and files (where they lie does not matter)."""
    del options
    return adapter_hash(adapter)


@lru_cache(maxsize=4)
def _decider(
    identity: str, adapter: Path, mode: Literal["score", "generate"], engine: str, base: str | None, adapted: bool
) -> Decider:
    """One model stays loaded while the same source is asked again (the look-ahead check asks often)."""
    from rook_bench.language.decider import Decider

    return Decider(adapter, mode, engine, base, adapted=adapted)


@decision_source(whole_tape=True, content=_identity, language_model=True)
def lora(
    adapter: Path,
    mode: Literal["score", "generate"] = "score",
    engine: str = "torch",
    base: str | None = None,
    template: str | None = None,
) -> Decide:
    """A fine-tuned adapter (`lora:DIR`); `mode=generate` reads free text, `engine` picks the arithmetic."""
    return _asking(adapter, mode, engine, base, template, adapted=True)


@decision_source(whole_tape=True, content=_identity, language_model=True, name="base")
def base_model(
    adapter: Path,
    mode: Literal["score", "generate"] = "score",
    engine: str = "torch",
    base: str | None = None,
) -> Decide:
    """The base of an adapter without it (`base:DIR`), asked the same way: what fine-tuning started from."""
    return _asking(adapter, mode, engine, base, None, adapted=False)


def _asking(
    adapter: Path,
    mode: Literal["score", "generate"],
    engine: str,
    base: str | None,
    template: str | None,
    *,
    adapted: bool,
) -> Decide:
    if template is not None:
        asked, own = load_template(template), read_manifest(adapter).template
        if asked.sha256 != own.sha256:
            raise ConfigError(
                f"trained on prompt {own.name} v{own.version} ({own.sha256[:8]}), "
                f"not on {asked.name} v{asked.version} ({asked.sha256[:8]})",
                where=adapter,
                hint="leave the template away: an adapter knows its own",
            )

    def decide(view: MarketView, rows: int, progress: bool, fresh: bool) -> DecisionTape:
        decider = _decider(adapter_hash(adapter), adapter, mode, engine, base, adapted)
        return decider.decide(view, rows, progress=progress, fresh=fresh)

    # Shown to the look-ahead check: a prompt may leak what the model does not use on the rows that are tried.
    decide.prompts = lambda view: read_manifest(adapter).template.render(view).texts  # type: ignore[attr-defined]
    decide.notes = lambda: _decider(adapter_hash(adapter), adapter, mode, engine, base, adapted).notes  # type: ignore[attr-defined]
    return decide
