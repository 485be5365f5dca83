"""Markets whose answer is known: whether a trader who sees what a prompt shows can earn anything in them."""

from __future__ import annotations

from rook_bench.market.simulation.parameters import Simulation

WORLDS: dict[str, Simulation] = {
    "default": Simulation(),
    # Orders carry no news and few arbitrageurs take them back: what went 40 bps from its mean comes back. Nothing
    # else is there to foretell.
    "planted": Simulation(
        permanent_impact_share=0.0,
        arbitrage_share=0.25,
        backrun_share=0.0,
        sandwich_share=0.0,
        median_order_usd=6000.0,
    ),
    # "permanent_impact_share = 1" alone would not do: order flow that leans to a side gives momentum, searchers'
    # sandwiches and partial arbitrage give reversion, both larger than the fee in places.
    "edge-free": Simulation(
        permanent_impact_share=1.0,
        imbalance_std=0.0,
        arbitrage_share=1.0,
        least_arbitrage_reach=0.999,
        backrun_share=0.0,
        sandwich_share=0.0,
        median_order_usd=300.0,
    ),
}
"""Their parameters by name; docs/explanation/simulator.md has what was measured in each."""
