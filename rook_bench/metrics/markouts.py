"""Mark-outs: where the price stood some time after each fill."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rook_bench.core import Estimate
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import metric
from rook_bench.replay import Run
from rook_bench.replay.worth import quote_value

HORIZONS_S = (12, 60, 300, 900, 1800, 3600)
"""Seconds after the fill."""


@dataclass(frozen=True)
class Markout:
    """Mean move in favour of the fills of one side, `horizon_s` after them.

    Attributes:
        gross: against the pool price the fill met; net: against the price it paid in all, gas included.
    """

    side: str
    horizon_s: int
    gross: Estimate
    net: Estimate


def markouts(run: Run, horizons_s: tuple[int, ...] = HORIZONS_S) -> list[Markout]:
    """Mark-outs of buys, sells and both, for each horizon; fills too close to the tape's end or a hole don't count."""
    fills = _fills(run)
    at, price = run.frame.at, run.frame.price
    table = []
    for horizon in horizons_s:
        then = at[fills.row] + np.timedelta64(horizon, "s")
        known = (then <= at[-1]) & ~run.frame.in_hole(then)
        later = price[np.searchsorted(at, then[known], side="right") - 1]
        gross = np.full(len(known), np.nan)
        net = np.full(len(known), np.nan)
        gross[known] = fills.direction[known] * (later / price[fills.row[known]] - 1) * 1e4
        net[known] = fills.direction[known] * (later / fills.paid_price[known] - 1) * 1e4
        # A price of zero or less, where gas ate up all the proceeds, has no ratio to another price.
        net[fills.paid_price <= 0] = np.nan
        for side, members in (
            ("BUY", fills.direction > 0),
            ("SELL", fills.direction < 0),
            ("BOTH", fills.direction != 0),
        ):
            chosen, any_fill = known & members, bool(members.any())
            table.append(
                Markout(
                    side,
                    horizon,
                    _mean(gross[chosen], "pool price", any_fill),
                    _mean(net[chosen], "price paid, all costs included", any_fill),
                )
            )
    return table


@dataclass(frozen=True)
class _Fills:
    row: np.ndarray
    direction: np.ndarray
    paid_price: np.ndarray


def _fills(run: Run) -> _Fills:
    columns = np.fromiter(_filled(run), [("row", np.intp), ("direction", np.float64), ("paid_price", np.float64)])
    return _Fills(*(columns[name].copy() for name in columns.dtype.names or ()))


def _filled(run: Run) -> Iterator[tuple[int, float, float]]:
    quote_unit, base_unit = run.frame.pool.quote.unit, run.frame.pool.base.unit
    for order in run.landed:
        spent = order.taken + order.fee
        if spent == 0 or order.out == 0:
            continue
        gas = order.gas_quote + quote_value(run.frame, order.gas_base, order.row)
        quote = (spent + gas if order.buys else order.out - gas) / quote_unit
        base = (order.out if order.buys else spent) / base_unit
        yield order.row, 1.0 if order.buys else -1.0, quote / base


def _mean(values: np.ndarray, against: str, any_fill: bool) -> Estimate:
    convention = f"mean move in the fill's favour against the {against}"
    if np.isnan(values).any():
        reason = "the gas of a sale ate up all its proceeds"
        return Estimate.undefined(reason, n=len(values), unit="bps", convention=convention)
    if len(values) == 0:
        reason = "no fill lies that far before the end of the tape" if any_fill else "there was no such fill"
        return Estimate.undefined(reason, n=0, unit="bps", convention=convention)
    return Estimate(float(values.mean()), len(values), "bps", convention)


@metric(unit="bps")
def markout_net_300s(sampled: Sampled) -> Estimate:
    """Mean net mark-out of all fills after five minutes."""
    return next(mark.net for mark in markouts(sampled.run, (300,)) if mark.side == "BOTH")
