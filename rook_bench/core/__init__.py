"""The nouns everything else is made of. Imports nothing heavy."""

from rook_bench.core.decision import SIDE_NAMES, Decision, Side
from rook_bench.core.errors import ConfigError, InputError, RookError, UnknownName, suggest
from rook_bench.core.estimate import Estimate

__all__ = [
    "SIDE_NAMES",
    "ConfigError",
    "Decision",
    "Estimate",
    "InputError",
    "RookError",
    "Side",
    "UnknownName",
    "suggest",
]
