"""The chain that several simulated pools are on: its blocks, and the shocks that move all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.market.simulation.parameters import Simulation

CHUNK = 4096
"""Blocks drawn at a time."""


class Chain:
    """Blocks with their times, and a shock in each: the same for every pool that is simulated on it.

    Args:
        seed: of both; pools with the same seed, first block, start, block time and share of missed slots are on one
            chain.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def blocks(self, chunk: int, config: Simulation) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Slots from each block to the one before, and the common shock in it (unit variance), shape (CHUNK,) each.

        Args:
            chunk: which `CHUNK` blocks, from 0.
            config: whose share of missed slots counts.
        """
        rng = np.random.default_rng([self.seed, chunk])
        return rng.geometric(1 - config.missed_slot_share, CHUNK), rng.standard_normal(CHUNK)
