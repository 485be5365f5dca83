"""Decision sources: whatever turns market rows into decisions."""

from rook_bench.sources import always_buy, foresight, hold, labels, lora, momentum, random, recorded, rules
from rook_bench.sources.decide import Decided, Source, decide

__all__ = [
    "Decided",
    "Source",
    "always_buy",
    "decide",
    "foresight",
    "hold",
    "labels",
    "lora",
    "momentum",
    "random",
    "recorded",
    "rules",
]
