"""Measures of a Run: every number an Estimate, with its convention or the reason why there is none."""

from rook_bench.metrics import action_value, calibration, decisions, execution, markouts, performance, trading
from rook_bench.metrics import adverse_ordering as stress
from rook_bench.metrics import attribution as costs
from rook_bench.metrics.analysis import Analysis, analyse
from rook_bench.metrics.clock import Clock
from rook_bench.metrics.intervals import intervals

__all__ = [
    "Analysis",
    "Clock",
    "action_value",
    "analyse",
    "calibration",
    "costs",
    "decisions",
    "execution",
    "intervals",
    "markouts",
    "performance",
    "stress",
    "trading",
]
