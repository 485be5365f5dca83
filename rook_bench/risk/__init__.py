"""Between a decision and an order: sizing and risk filters."""

from rook_bench.risk import filters, sizers
from rook_bench.risk.limits import Limits
from rook_bench.risk.policy import Permitted, RiskConfig, apply_risk

__all__ = ["Limits", "Permitted", "RiskConfig", "apply_risk", "filters", "sizers"]
