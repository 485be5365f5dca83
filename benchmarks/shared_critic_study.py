"""One critic of three simulated pools on one chain, an edge planted in one of them: where is it found?

    python benchmarks/shared_critic_study.py [SWAPS]

The table stands in docs/how-to/train-on-several-pools.md.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import rook_bench as rook
from rook_bench.market.simulation import Chain
from rook_bench.market.simulation.worlds import WORLDS

POOLS = (("WETH", "edge-free"), ("UNI", "planted"), ("LINK", "edge-free"))
DATES = {"validation_from": "2025-01-04T00:00", "test_from": "2025-01-04T16:00"}
HORIZON_S = 60.0


def main(swaps: int) -> None:
    """Simulate, prepare, fit, print."""
    with tempfile.TemporaryDirectory() as aside:
        folders = []
        for seed, (base, world) in enumerate(POOLS, start=1):
            config = WORLDS[world].model_copy(update={"base_symbol": base})
            frame = rook.simulate(swaps, np.random.default_rng(seed), config, chain=Chain(7))
            folders.append(rook.prepare(frame, "fit:mean-reversion,breakout", Path(aside) / base, **DATES).folder)
        rich = rook.BenchConfig.parse({"capital": {"quote_value": 1e6}}, where="benchmark")
        for name, given in (("together", folders), ("UNI/USDC alone", folders[1:2])):
            priced = rich
            if len(given) == 1:  # nobody beside it tells what ether costs
                gas = {"frictions": {"gas": {"native_price": 2270.0}}}
                priced = rook.BenchConfig.parse({"capital": {"quote_value": 1e6}} | gas, where="benchmark")
            made = rook.reward(given, Path(aside) / f"rewards of {len(given)}", priced, horizon_s=HORIZON_S)
            print(f"{name}:")
            for line in made.describe():
                print(f"  {line}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30_000)
