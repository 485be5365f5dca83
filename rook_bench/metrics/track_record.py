"""How long a record must be before its Sharpe ratio is believed."""

from __future__ import annotations

from rook_bench.core import Estimate
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.stats.sharpe import track_record_needed as periods_of


@metric(unit="days")
def track_record_needed(sampled: Sampled) -> Estimate:
    """Days of tape until the Sharpe ratio over hold, if it stays as it is, is above zero with 95% probability."""
    found = periods_of(sampled.returns - sampled.hold_returns)
    convention = f"of {sampled.clock.label} returns over hold; {found.convention}"
    if found.value is None:
        reason = found.undefined_because or ""
        return Estimate.undefined(reason, n=found.n, unit="days", convention=convention)
    return Estimate(found.value * sampled.clock.bucket_s / 86_400, found.n, "days", convention)
