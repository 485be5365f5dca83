"""`python -m rook_bench.workbench.warm`: compile everything that is compiled, once.

Compiled code is kept in the cache folder, so whoever comes next only loads it: set-up runs this, and so
do the tests before they start several processes, each of which would compile the same.
"""

from __future__ import annotations

import numpy as np

from rook_bench.core import Decision, Side
from rook_bench.execution.frictions import Frictions
from rook_bench.market.features import load_compiled
from rook_bench.market.simulation.simulate import simulate
from rook_bench.replay import ReplayConfig, replay
from rook_bench.replay.counterfactual import Counterfactual
from rook_bench.replay.purse import replay_purse


def warm() -> None:
    """Check and replay a tape of a few swaps: re-pricing, the pool's swap, the sandwich, the loops, windows."""
    sandwiched = ReplayConfig(frictions=Frictions(mev="typical"))
    frame = simulate(20, np.random.default_rng(0))
    replay(frame, "hold", sandwiched)
    replay_purse([frame], "hold", sandwiched)
    load_compiled()
    Counterfactual(frame, sandwiched).orders(Decision(Side.BUY, 0.05))


if __name__ == "__main__":
    warm()
