"""The gate attacks itself: planted candidates whose worth is known, on simulated tapes."""

from rook_bench.gates.selftest.candidate import Planted
from rook_bench.gates.selftest.planted import PLANTED
from rook_bench.gates.selftest.run import SelfTest, run_selftest
from rook_bench.gates.selftest.world import WORLD_POLICY, World, for_the_world

__all__ = ["PLANTED", "WORLD_POLICY", "Planted", "SelfTest", "World", "for_the_world", "run_selftest"]
