"""What a verdict's policy asked, for the sections that answer the same question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def asked_of(verdict: Mapping[str, Any] | None) -> dict[str, float]:
    """Boundary (bps per day), alpha and power of the verdict's primary question, as `days_needed` takes them.

    Empty where nothing was asked, or nothing could be measured: then its own defaults hold. Every check of
    a difference carries the same three numbers.
    """
    for check in (verdict or {}).get("checks", []):
        power = check.get("power")
        if power is not None and check.get("margin") is not None:
            return {"boundary": check["margin"], "alpha": power["alpha"], "power": power["power"]}
    return {}
