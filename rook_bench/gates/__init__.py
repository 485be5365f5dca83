"""The gate: may this candidate be promoted? PROMOTE, BLOCK, INCONCLUSIVE or INVALID."""

from rook_bench.gates import checks
from rook_bench.gates.policy import Policy, load_policy
from rook_bench.gates.verdict import Check, Verdict, judge

__all__ = ["Check", "Policy", "Verdict", "checks", "judge", "load_policy"]
