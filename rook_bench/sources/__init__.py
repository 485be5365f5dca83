"""Decision sources: whatever turns market rows into decisions."""

from rook_bench.sources import (
    always_buy,
    endpoint,
    folds,
    foresight,
    hold,
    labels,
    lora,
    momentum,
    random,
    recorded,
    rules,
    tree,
)
from rook_bench.sources.decide import Decided, decide
from rook_bench.sources.protocol import Ask, WholeTapeSource
from rook_bench.sources.source import Source

__all__ = [
    "Ask",
    "Decided",
    "Source",
    "WholeTapeSource",
    "always_buy",
    "decide",
    "endpoint",
    "folds",
    "foresight",
    "hold",
    "labels",
    "lora",
    "momentum",
    "random",
    "recorded",
    "rules",
    "tree",
]
