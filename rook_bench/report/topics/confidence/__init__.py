"""Does confidence mean anything? What sources state, held against the label and against the action that paid."""

from rook_bench.report.topics.confidence.answer import confidence

__all__ = ["confidence"]
