"""ROOK Bench: an evaluation-first workbench for language models that trade."""

from rook_bench.core import Decision, Estimate, Side
from rook_bench.plugins import decision_source, gate_check, importer, metric, risk_filter, sizer

__all__ = [
    "Decision",
    "Estimate",
    "Side",
    "decision_source",
    "gate_check",
    "importer",
    "metric",
    "risk_filter",
    "sizer",
]
