"""The trial ledger: every evaluation of every candidate, so that looking often is not mistaken for skill."""

from rook_bench.trials.ledger import TrialLedger
from rook_bench.trials.questions import Looks, Panel
from rook_bench.trials.trial import Trial

__all__ = ["Looks", "Panel", "Trial", "TrialLedger"]
