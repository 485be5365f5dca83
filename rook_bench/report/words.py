"""Small phrases that several pictures and sections share."""

from __future__ import annotations

from collections.abc import Sequence

from rook_bench.report.entries import Entry
from rook_bench.report.formatting import NBSP, percent


def net_return(entry: Entry) -> float:
    """Net P&L over the opening value, as a fraction."""
    parts = entry.analysis.attribution
    return parts.net / parts.opening


def cost_share(entry: Entry) -> float:
    """Fee, impact, what searchers took, gas and reverts over the opening value, as a fraction."""
    parts = entry.analysis.attribution
    return (parts.fee + parts.impact + parts.mev + parts.gas + parts.reverts) / parts.opening


def fills_by_source(entries: Sequence[Entry]) -> str:
    """ "rules 239, hold 0", each name kept on one line with its number."""
    return ", ".join(f"{entry.short} {entry.fills:,}".replace(" ", NBSP) for entry in entries)


def verb(value: float, up: str, down: str) -> str:
    """`up` for a gain or nothing, `down` for a loss."""
    return up if value >= 0 else down


def listed(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def trading_finding(entry: Entry) -> str:
    """For example "rules: trading earned 0.82% and cost 1.10%; holding gave +1.10%"."""
    parts = entry.analysis.attribution
    if entry.fills == 0 and parts.net == parts.market:
        return finding(entry, entry.short)
    signal = parts.signal / parts.opening
    earned = f"{verb(signal, 'earned', 'lost')} {percent(abs(signal))}"
    return (
        f"{entry.short}: trading {earned} and cost {percent(cost_share(entry))}; "
        f"holding gave {percent(parts.market / parts.opening, signed=True)}"
    )


def finding(entry: Entry, name: str) -> str:
    """For example "rules lose 1.60% net: 0.30% gross gain, 1.90% costs"; `name` as it is called in that place."""
    parts = entry.analysis.attribution
    net, gross = net_return(entry), (parts.market + parts.signal) / parts.opening
    if entry.fills == 0 and parts.net == parts.market:
        return f"{name} made no trade: its opening balances {verb(net, 'gain', 'lose')} {percent(abs(net))}"
    kind = "gain" if gross >= 0 else "loss"
    came_to = f"is ruined and {verb(net, 'gains', 'loses')}" if entry.ruined else verb(net, "gains", "loses")
    return (
        f"{name} {came_to} {percent(abs(net))} net: "
        f"{percent(abs(gross))} gross {kind}, {percent(cost_share(entry))} costs"
    )
