"""Replay: decisions and a tape in, a reconciled Run out."""

from rook_bench.replay.config import Capital, ReplayConfig
from rook_bench.replay.engine import replay, replay_decided
from rook_bench.replay.ledger import LedgerError, reconcile
from rook_bench.replay.run import Run
from rook_bench.replay.saved import load_run, save_run

__all__ = [
    "Capital",
    "LedgerError",
    "ReplayConfig",
    "Run",
    "load_run",
    "reconcile",
    "replay",
    "replay_decided",
    "save_run",
]
