"""How often a gate over several pools names any of them for a candidate without edge.

    python benchmarks/pools_gate_study.py [WORLDS] [POOLS]

Candidate and champion trade by chance where trading is free, on pools of one simulated chain whose shocks are common:
the likeliest false promotion that there is. The table stands in docs/explanation/judging.md.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.stats import binomtest

import rook_bench as rook
from rook_bench.gates.checks.beside import p_value, step_down
from rook_bench.gates.policy import Primary
from rook_bench.market.simulation import Chain
from rook_bench.market.simulation.worlds import WORLDS
from rook_bench.metrics import analyse
from rook_bench.replay import replay

SWAPS = 3_000
FREE = {"frictions": {"fee_pips": 0, "gas": {"gwei": 0.0}}}


def main(worlds: int, pools: int) -> None:
    """Simulate, replay, count."""
    asked, bench = Primary(), rook.BenchConfig.parse(FREE, where="benchmark")
    alone = together = 0
    for seed in range(worlds):
        values = []
        for place in range(pools):
            config = WORLDS["edge-free"].model_copy(update={"base_symbol": f"T{place}"})
            frame = rook.simulate(SWAPS, np.random.default_rng([seed, place]), config, chain=Chain(seed))
            drawn = [(seed * pools + place) * 2 + side for side in (0, 1)]  # nobody decides as anybody else
            configs = [bench.replay().model_copy(update={"seed": one}) for one in drawn]
            sides = [analyse(replay(frame, "random:0.1", config), bench.clock) for config in configs]
            values.append(p_value(asked, *sides))
        alone += any(value is not None and value <= asked.alpha for value in values)
        together += any(step_down(values, asked.alpha))
    for name, count in (("each pool for itself", alone), ("step-down over all", together)):
        interval = binomtest(count, worlds).proportion_ci(0.95, method="exact")
        print(f"| {name} | {count} of {worlds} | {count / worlds:.1%} | {interval.low:.1%} to {interval.high:.1%} |")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:3]]
    main(*given, *(400, 5)[len(given) :])
