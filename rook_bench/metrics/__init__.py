"""Measures of a Run: every number an Estimate, with its convention or the reason why there is none."""

from rook_bench.metrics import (
    action_value,
    adverse_ordering,
    attribution,
    calibration,
    decisions,
    execution,
    in_numeraire,
    markouts,
    performance,
    track_record,
    trading,
)
from rook_bench.metrics.analysis import Analysis, analyse
from rook_bench.metrics.clock import Clock
from rook_bench.metrics.intervals import intervals

__all__ = [
    "Analysis",
    "Clock",
    "action_value",
    "adverse_ordering",
    "analyse",
    "attribution",
    "calibration",
    "decisions",
    "execution",
    "in_numeraire",
    "intervals",
    "markouts",
    "performance",
    "track_record",
    "trading",
]
