"""The gate: may this candidate be promoted? PROMOTE, BLOCK, INCONCLUSIVE or INVALID."""

from rook_bench.gates import checks
from rook_bench.gates.check import Check
from rook_bench.gates.policy import Policy, load_policy
from rook_bench.gates.tries import Tries
from rook_bench.gates.verdict import Verdict, judge
from rook_bench.gates.waivers import Waiver, load_waiver

__all__ = ["Check", "Policy", "Tries", "Verdict", "Waiver", "checks", "judge", "load_policy", "load_waiver"]
