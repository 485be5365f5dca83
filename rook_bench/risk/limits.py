"""Limits that need the ledger; the replay loop applies them row by row."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Limits:
    """One or several ledger limits; None means no limit.

    Attributes:
        max_base_share, min_base_share: bounds of base value / equity after the order.
        trades_per_day: orders sent per UTC day.
        cooldown_s: seconds between two orders sent.
        drawdown_stop: fraction below the highest equity at which all trading ends.
        max_order_value: most that an order may be worth, in quote; it is made smaller, not refused.
        max_pool_share: most that a pool's own orders may have built up, bought or sold, of equity.
        max_exposure: most of equity that may be in anything but the numeraire (and other dollars, where that is one).
        max_cost_bps: highest expected cost (fee, impact and gas) of an order, in bps of its value.
    """

    max_base_share: float | None = None
    min_base_share: float | None = None
    trades_per_day: int | None = None
    cooldown_s: float | None = None
    drawdown_stop: float | None = None
    max_order_value: float | None = None
    max_pool_share: float | None = None
    max_exposure: float | None = None
    max_cost_bps: float | None = None

    def merged(self, other: Limits) -> Limits:
        """Both sets of limits; where both set one, `other` wins."""
        pairs = {field.name: (getattr(self, field.name), getattr(other, field.name)) for field in fields(self)}
        return Limits(**{name: mine if theirs is None else theirs for name, (mine, theirs) in pairs.items()})
