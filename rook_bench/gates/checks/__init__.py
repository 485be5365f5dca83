"""The checks of the gate. Each yields Checks; none says "pass" of what it could not see."""

from rook_bench.gates.checks.assumptions import assumptions
from rook_bench.gates.checks.behaviour import calibration, degeneracy
from rook_bench.gates.checks.beside import Beside, across_pools
from rook_bench.gates.checks.bounds import thresholds, versus_champion, within
from rook_bench.gates.checks.evidence import evidence
from rook_bench.gates.checks.falls import holds_if, planted_fall
from rook_bench.gates.checks.live import LiveShown, live
from rook_bench.gates.checks.primary import primary
from rook_bench.gates.checks.selection import selection
from rook_bench.gates.checks.stress import stress
from rook_bench.gates.checks.training_data import training_data
from rook_bench.gates.checks.validity import validity

__all__ = [
    "Beside",
    "LiveShown",
    "across_pools",
    "assumptions",
    "calibration",
    "degeneracy",
    "evidence",
    "holds_if",
    "live",
    "planted_fall",
    "primary",
    "selection",
    "stress",
    "thresholds",
    "training_data",
    "validity",
    "versus_champion",
    "within",
]
