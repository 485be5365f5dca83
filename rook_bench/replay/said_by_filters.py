"""What every filter says of every order, and not only the first that refused it.

The loop asks the limits that need the ledger one after the other and stops at the first. Here the same is worked out
from the orders, so that a reader sees the others too; where the loop has answered, its answer stands.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.market.view import MarketView
from rook_bench.replay.gas import COIN
from rook_bench.replay.market_rows import gas_prices, native_prices
from rook_bench.risk.filters import read_by

if TYPE_CHECKING:
    from rook_bench.replay.run import Run

DAY_NS = 86_400 * 10**9
NOT_ASKED = -1

LEDGER = {
    "drawdown_stop": ("drawdown_stop",),
    "trades_per_day": ("trades_per_day",),
    "cooldown": ("cooldown_s",),
    "position_limit": ("max_base_share", "min_base_share"),
    "pool_limit": ("max_pool_share",),
    "exposure_limit": ("max_exposure",),
    "cost_aware_minimum": ("max_cost_bps",),
}
"""Limits in the order in which the loop asks them, after all other filters, and what of `Limits` sets them."""

Answer = tuple[NDArray[np.int8], NDArray[np.float64]]
"""Of each order: 1 where the filter lets it pass, 0 where it refuses, -1 where it was not asked; and its number."""


class Answers:
    """The answers of a run's filters, in the order of its configuration."""

    def __init__(self, run: Run) -> None:
        self._run, limits = run, run.permitted.limits
        self._plain = run.permitted.filter_names
        self._limits = [
            name for name, sets in LEDGER.items() if any(getattr(limits, part) is not None for part in sets)
        ]
        self._purse = Purse(run) if self._limits else None
        self._view = MarketView.whole(run.frame)

    @property
    def names(self) -> list[str]:
        """The filters in the order in which they are asked."""
        return [*self._plain, *self._limits]

    def column(self, which: slice) -> pa.Array:
        """A list for each of some orders: name, ok, value."""
        answers = [self._of_filter(place, which) for place in range(len(self._plain))]
        answers += [self._of_limit(name, which) for name in self._limits]
        count = which.stop - which.start
        ok = np.array([found for found, _ in answers], dtype=np.int8).reshape(len(answers), count).T.ravel()
        value = np.array([found for _, found in answers], dtype=np.float64).reshape(len(answers), count).T.ravel()
        names = pa.array(np.tile(np.array(self.names, dtype=object), count), pa.string())
        listed = [names, pa.array(ok == 1, pa.bool_(), mask=ok == NOT_ASKED), pa.array(value, from_pandas=True)]
        offsets = pa.array(np.arange(count + 1) * len(answers), pa.int32())
        return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(listed, ["name", "ok", "value"]))

    def _of_filter(self, place: int, which: slice) -> Answer:
        run = self._run
        rows = run.orders.row[which]
        passed = (run.permitted.refusals[rows] >> place) & 1 == 0
        read = read_by(self._plain[place])
        if read is None:
            return passed.astype(np.int8), np.full(len(rows), np.nan)
        column = run.decided.tape.confidence if read == "confidence" else self._view[read]
        return passed.astype(np.int8), np.asarray(column[rows], dtype=np.float64)

    def _of_limit(self, name: str, which: slice) -> Answer:
        """As it is worked out, with what the loop itself said where it got that far."""
        assert self._purse is not None
        ok, value = self._purse.answer(name, which)
        orders, asked = self._run.orders, list(LEDGER)
        refused_by = orders.rejected_by[which].astype(str)
        later = np.isin(refused_by, asked[asked.index(name) + 1 :])
        ok = np.where(orders.sent[which] | later, 1, ok)
        return np.where(refused_by == name, 0, ok).astype(np.int8), value


class Purse:
    """What each order could have been sent from: balances, orders under way and equity when it was decided."""

    def __init__(self, run: Run) -> None:
        frame, orders = run.frame, run.orders
        self._run = run
        sent = np.flatnonzero(orders.sent)
        # Of the orders sent before this one: how many, and how many of them had landed.
        self.before = np.searchsorted(sent, np.arange(len(orders)))
        landed = np.minimum(np.searchsorted(orders.landing_row[sent], orders.row, side="right"), self.before)
        quote_unit, base_unit, price = frame.pool.quote.unit, frame.pool.base.unit, frame.price[orders.row]
        cash = np.append(run.opening[0] / quote_unit, orders.cash[sent].to_floats(quote_unit))[landed]
        base = np.append(run.opening[1] / base_unit, orders.base[sent].to_floats(base_unit))[landed]
        buys = orders.buys
        held_cash, held_base = (
            self._under_way(orders.amount_in[sent].to_floats(unit) * (buys[sent] == buying), landed)
            for unit, buying in ((quote_unit, True), (base_unit, False))
        )
        self.opening = run.opening[1] / base_unit
        self.price, self.buys, self.equity = price, buys, cash + base * price
        free = np.where(buys, cash - held_cash, (base - held_base) * price)
        self.worth = np.minimum(free * run.permitted.fraction[orders.row], _given(run.permitted.limits.max_order_value))
        self.base_value = base * price + np.where(buys, held_cash, -held_base * price)
        self.sent_at = frame.at[orders.row[sent]].astype("datetime64[ns]").astype(np.int64)

    def _under_way(self, amounts: NDArray[np.float64], landed: NDArray[np.intp]) -> NDArray[np.float64]:
        total = np.append(0.0, np.cumsum(amounts))
        return np.asarray(total[self.before] - total[landed])

    def answer(self, name: str, which: slice) -> Answer:
        """What one limit says of some orders."""
        run, limits = self._run, self._run.permitted.limits
        rows = run.orders.row[which]
        at = run.frame.at[rows].astype("datetime64[ns]").astype(np.int64)
        before = self.before[which]
        if name == "trades_per_day":
            today = before - np.searchsorted(self.sent_at, at // DAY_NS * DAY_NS, side="left")
            today = np.maximum(today, 0)
            return _passed(today < _given(limits.trades_per_day)), today.astype(np.float64)
        if name == "cooldown":
            last = np.append(np.iinfo(np.int64).min // 2, self.sent_at)[before]
            waited = np.where(before > 0, (at - last) / 1e9, np.nan)
            return _passed(~(waited < _given(limits.cooldown_s))), waited
        if name == "position_limit":
            return self._position(which)
        if name in ("pool_limit", "exposure_limit"):
            return self._share(name, which)
        if name == "drawdown_stop":
            fallen, stopped = self._fallen
            return _passed(~stopped[which]), fallen[which]
        return self._cost(which, rows)

    def _position(self, which: slice) -> Answer:
        limits, buys = self._run.permitted.limits, self.buys[which]
        after = self.base_value[which] + np.where(buys, 1.0, -1.0) * self.worth[which]
        with np.errstate(divide="ignore", invalid="ignore"):
            share = after / self.equity[which]
        too_much = buys & (share > (1.0 if limits.max_base_share is None else limits.max_base_share))
        too_little = ~buys & (share < (limits.min_base_share or 0.0))
        return _passed(~(too_much | too_little)), share

    def _share(self, name: str, which: slice) -> Answer:
        """What the pool's own orders would have built up, or the share that is in base; a sale adds nothing to that."""
        limits, buys = self._run.permitted.limits, self.buys[which]
        value, side = self.base_value[which], np.where(buys, 1.0, -1.0)
        if name == "pool_limit":
            value = side * (value - self.opening * self.price[which])
        with np.errstate(divide="ignore", invalid="ignore"):
            share = (value + self.worth[which]) / self.equity[which]
        if name == "pool_limit":
            return _passed(~(share > _given(limits.max_pool_share))), share
        return _passed(~(buys & (share > _given(limits.max_exposure)))), np.where(buys, share, np.nan)

    @cached_property
    def _fallen(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """How far the equity stood below its highest, as a fraction, and whether the limit had been passed by then."""
        equity, rows = self._run.equity, self._run.orders.row
        stop = _given(self._run.permitted.limits.drawdown_stop)
        fallen, highest, first = np.empty(len(rows)), -np.inf, len(equity)
        for part in mapped.parts(len(equity)):
            own = slice(*np.searchsorted(rows, (part.start, part.stop)))
            now, places = np.array(equity[part]), rows[own] - part.start
            now[places] = self.equity[own]  # before what was decided there, which may land on the same row
            peak = np.maximum(np.maximum.accumulate(now), highest)
            over = np.flatnonzero(now < peak * (1.0 - stop))
            first = min(first, part.start + int(over[0])) if len(over) else first
            fallen[own] = 1.0 - now[places] / peak[places]
            highest = float(peak[-1])
        return fallen, rows >= first

    def _cost(self, which: slice, rows: NDArray[np.intp]) -> Answer:
        """Fee, impact and gas that were to be expected, in bps of the order; asked last, and only with a quote."""
        run, frictions, pool = self._run, self._run.config.frictions, self._run.frame.pool
        buys, price, orders = self.buys[which], self.price[which], run.orders.rows(which)
        offered = np.where(
            buys, orders.amount_in.to_floats(pool.quote.unit), orders.amount_in.to_floats(pool.base.unit) * price
        )
        got = np.where(buys, orders.quoted.to_floats(pool.base.unit) * price, orders.quoted.to_floats(pool.quote.unit))
        gas = frictions.gas
        if gas.flat_quote is None:
            count = len(run.frame)
            wei = gas.units[0] * np.broadcast_to(gas_prices(run.frame, frictions), count)[rows]
            coin = np.broadcast_to(native_prices(run.frame, frictions)[1], count)[rows]
            paid = wei.astype(np.float64) / COIN * coin + gas.l1_fee_quote
        else:
            paid = np.full(len(rows), gas.flat_quote)
        asked = (offered > 0) & (got > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            cost = np.where(asked, (offered - got + paid) / offered * 1e4, np.nan)
        return np.where(asked, cost <= _given(run.permitted.limits.max_cost_bps), NOT_ASKED).astype(np.int8), cost


def _passed(ok: NDArray[np.bool_]) -> NDArray[np.int8]:
    return ok.astype(np.int8)


def _given(limit: float | None) -> float:
    return np.inf if limit is None else float(limit)
