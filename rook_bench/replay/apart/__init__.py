"""Plugins asked again where nothing is remembered: in fresh processes that never saw the rest of the tape."""

from rook_bench.replay.apart.asking import AT_ONCE, Apart, apart, installed_modules, workers
from rook_bench.replay.apart.question import Answer, AnswersQuestion, Asked, DecideQuestion, RiskQuestion

__all__ = [
    "AT_ONCE",
    "Answer",
    "AnswersQuestion",
    "Apart",
    "Asked",
    "DecideQuestion",
    "RiskQuestion",
    "apart",
    "installed_modules",
    "workers",
]
