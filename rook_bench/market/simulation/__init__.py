"""Parameters and random draws of the pool simulator."""

from rook_bench.market.simulation.chain import Chain
from rook_bench.market.simulation.draws import Block, Order, blocks, liquidity_path
from rook_bench.market.simulation.parameters import Simulation

__all__ = ["Block", "Chain", "Order", "Simulation", "blocks", "liquidity_path"]
