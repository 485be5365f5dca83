"""The gate: may this candidate be promoted? PROMOTE, BLOCK, INCONCLUSIVE or INVALID.

Names are imported when they are first used: who reads a verdict needs no judge.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "Check": "check",
    "Policy": "policy",
    "Tries": "tries",
    "Verdict": "verdict",
    "Waiver": "waivers",
    "judge": "verdict",
    "load_policy": "policy",
    "load_waiver": "waivers",
}
"""The module that each public name is written in."""

__all__ = ["Check", "Policy", "Tries", "Verdict", "Waiver", "judge", "load_policy", "load_waiver"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


if TYPE_CHECKING:  # the same names for type checkers and editors, which don't run __getattr__
    from rook_bench.gates.check import Check
    from rook_bench.gates.policy import Policy, load_policy
    from rook_bench.gates.tries import Tries
    from rook_bench.gates.verdict import Verdict, judge
    from rook_bench.gates.waivers import Waiver, load_waiver
