"""Measures of a Run: every number an Estimate, with its convention or the reason why there is none."""

from rook_bench.metrics import calibration, costs, decisions, execution, markouts, performance, stress, trading
from rook_bench.metrics.analysis import Analysis, analyse
from rook_bench.metrics.clock import Clock

__all__ = [
    "Analysis",
    "Clock",
    "analyse",
    "calibration",
    "costs",
    "decisions",
    "execution",
    "markouts",
    "performance",
    "stress",
    "trading",
]
