"""ROOK's heuristic rules from any JSON, TOML or YAML config."""

from __future__ import annotations

from pathlib import Path

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import sha256_json
from rook_bench.dataset.rules import Rules, apply_rules
from rook_bench.market.features import LOOKBACK
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.protocol import DecideTape


def _rules_hash(config: Path | None = None) -> str:
    """Identity of the thresholds, wherever their file lies."""
    return sha256_json((Rules.from_file(config) if config else Rules()).model_dump())


@decision_source(whole_tape=True, content=_rules_hash, lookback=LOOKBACK)
def rules(config: Path | None = None) -> DecideTape:
    """ROOK's mean reversion and breakout rules; `rules:FILE` takes the thresholds from a file."""
    thresholds = Rules.from_file(config) if config else Rules()

    def decide(view: MarketView) -> DecisionTape:
        return apply_rules(thresholds, view, view["at"])

    return decide
