"""How bad the worst buckets are: an example of a metric of your own.

A metric in this folder is measured on every run, and shown in every report under "Other". If it fails
it is undefined there, with the reason, and the run goes on.
"""

import numpy as np

from rook_bench import Estimate, metric

WORST = 0.05
"""Share of the buckets that is averaged."""

FEWEST = 60
"""Buckets below which the worst of them say nothing."""


@metric(unit="fraction")
def expected_shortfall(sampled):
    """Mean return of the worst 5% of the buckets."""
    returns = sampled.returns
    if len(returns) < FEWEST:
        because = f"{len(returns)} buckets of {sampled.clock.label}, {FEWEST} are needed"
        return Estimate.undefined(because, n=len(returns), unit="fraction")
    worst = np.sort(returns)[: int(len(returns) * WORST)]
    return Estimate(
        value=float(worst.mean()),
        n=len(worst),
        unit="fraction",
        convention=f"mean of the worst {WORST:.0%} of the returns over {sampled.clock.label}",
    )
