"""Small phrases that several pictures and sections share."""

from __future__ import annotations

from rook_bench.report.entries import Entry


def net_return(entry: Entry) -> float:
    """Net P&L over the opening value, as a fraction."""
    parts = entry.analysis.attribution
    return parts.net / parts.opening


def cost_share(entry: Entry) -> float:
    """Fee, impact, gas and reverts over the opening value, as a fraction."""
    parts = entry.analysis.attribution
    return (parts.fee + parts.impact + parts.gas + parts.reverts) / parts.opening


def verb(value: float, up: str, down: str) -> str:
    """`up` for a gain or nothing, `down` for a loss."""
    return up if value >= 0 else down


def listed(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"
