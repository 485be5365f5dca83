"""The replay loop over several pools and one purse; `replay.loop` is the same for one pool, and the one to read first.

What differs: rows are those of all pools in the order in which they happened, a pool's two balances are two of the
purse's tokens, and equity counts all of them.
"""

from __future__ import annotations

from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.execution.compiled import compiled
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.tick_changes import apply_change
from rook_bench.execution.wide import load, njit, store, to_float
from rook_bench.replay.dtypes import PENDING, Balances, Given, Limbs, PoolCalls, Records, Terms
from rook_bench.replay.entering import place, refusal
from rook_bench.replay.fills import land_one
from rook_bench.replay.loop import DAY_NS

BUY, SELL, REJECTED = int(Side.BUY), int(Side.SELL), int(Outcome.REJECTED)

_KINDS = {bool: "?", int: "i8", float: "f8"}

PARTS = ("rows", "ticks", "changes", "orders")

LEG = np.dtype(
    [(name, _KINDS[kind]) for name, kind in get_type_hints(Terms).items()]
    + [("quote", "i8"), ("base", "i8")]
    + [(f"{part}_{end}", "i8") for part in PARTS for end in ("start", "stop")]
)
"""A pool of the purse: what Terms holds, which tokens are its quote and base, and its own part of each array."""

EVENT = np.dtype([("leg", "i8"), ("row", "i8"), ("order", "i8")])
"""What happens to a pool, in the order of all: `order` is the one that lands, counted among the pool's wishes, or says
that the row decides (DECIDES), or that the pool's share of the capital comes in (COMES_IN). `row` is counted among
the pool's own: the one that decides, or whose state the order meets."""

DECIDES, COMES_IN = -1, -2

STATE = np.dtype(
    [
        ("count", "i8"),
        ("cursor", "i8"),
        ("day", "i8"),
        ("sent_today", "i8"),
        ("last_sent_ns", "i8"),
        ("stopped", "i8"),
        ("bought", "f8"),
        ("held_cash", "f8"),
        ("held_base", "f8"),
    ]
)
"""Where a pool's own lists stand, and what its limits count: `bought` is the base that its orders brought less what
they took, and the last two what they have in flight, smallest units."""


@njit
def keep(balances: Balances, wallet: Limbs, held: Limbs, quote: int, base: int) -> None:
    """Put a pool's two balances back into the purse."""
    store(balances.cash, wallet[quote])
    store(balances.base, wallet[base])
    store(balances.held_cash, held[quote])
    store(balances.held_base, held[base])


@compiled
def replay_events(
    events: Records,
    legs: Records,
    state: Records,
    market: Records,
    wishes: Records,
    room: Records,
    ticks: Records,
    swap: Any,
    sandwich: Any,
    changes: Records,
    wallet: Limbs,
    held: Limbs,
    shares: Limbs,
    waiting: NDArray[np.float64],
    units: NDArray[np.float64],
    quiet: NDArray[np.bool_],
    exposes: NDArray[np.float64],
    rates: NDArray[np.float64],
    orders: Records,
) -> None:
    """Replay every event: enter an order, let one land, or let a pool's share of the capital come in.

    Args:
        events: what happens, in its order.
        legs, state: a record for each pool.
        market, wishes, ticks, changes: of all pools, one pool after the other.
        room, swap, sandwich: what PoolCalls holds; the tick maps are moved along in place.
        wallet, held: of each token the balance, and what is promised to orders in flight; limbs of shape (coins, 4),
            changed in place.
        shares, waiting: of each pool its share of the capital: quote and base, limbs (legs, 2, 4), and what it is
            worth in the numeraire until it comes in; zeroed then.
        units: smallest units in one token.
        quiet: which tokens are no exposure, shape (coins,).
        exposes: of each pool how much of its share will be exposure once it comes in, a fraction, shape (legs,).
        rates: what one token costs in the numeraire at each event, shape (events, coins).
        orders: filled in place, of each pool one entry per BUY or SELL among its wishes.
    """
    peak, stops = -1.0, False
    for other in range(legs.shape[0]):
        stops = stops or np.isfinite(legs[other].drawdown_stop)
    for moment in range(events.shape[0]):
        which, row, order = events[moment].leg, events[moment].row, events[moment].order
        leg, at = legs[which], state[which]
        own = slice(leg.rows_start, leg.rows_stop)
        pool = PoolCalls(room, ticks[leg.ticks_start : leg.ticks_stop], swap, sandwich)
        given = Given(market[own], wishes[own], pool, leg)
        sent = orders[leg.orders_start : leg.orders_stop]
        quote, base = leg.quote, leg.base
        while at.cursor < leg.changes_stop and changes[at.cursor].before_row <= row:
            apply_change(pool.ticks, changes[at.cursor])
            at.cursor += 1
        balances = Balances(load(wallet[quote]), load(wallet[base]), load(held[quote]), load(held[base]))
        if order == COMES_IN:
            cash, coins = balances.cash + load(shares[which, 0]), balances.base + load(shares[which, 1])
            keep(Balances(cash, coins, balances.held_cash, balances.held_base), wallet, held, quote, base)
            waiting[which] = 0.0
            continue
        if order != DECIDES:
            if sent[order].outcome == PENDING:
                after = land_one(order, sent, given, balances)
                at.bought += to_float(after.base) - to_float(balances.base)
                at.held_cash += to_float(after.held_cash) - to_float(balances.held_cash)
                at.held_base += to_float(after.held_base) - to_float(balances.held_base)
                keep(after, wallet, held, quote, base)
            continue
        worth = to_float(balances.cash) / leg.quote_unit * rates[moment, quote]
        worth += to_float(balances.base) / leg.base_unit * rates[moment, base]
        for coin in range(units.shape[0]):
            if coin != quote and coin != base:
                worth += to_float(load(wallet[coin])) / units[coin] * rates[moment, coin]
        worth += waiting.sum()
        peak = max(peak, worth)
        if stops:
            for other in range(legs.shape[0]):
                if worth < peak * (1.0 - legs[other].drawdown_stop):
                    state[other].stopped = 1

        wish = given.wishes[row]
        if wish.side == BUY or wish.side == SELL:
            index = at.count
            at.count += 1
            sent[index].row, sent[index].side, sent[index].landing_row = row, wish.side, wish.landing_row
            if given.market[row].at_ns // DAY_NS != at.day:
                at.day, at.sent_today = given.market[row].at_ns // DAY_NS, 0
            equity = worth / rates[moment, quote]
            price, buys = given.market[row].price, wish.side == BUY
            built = at.bought / leg.base_unit * price
            built += at.held_cash / leg.quote_unit if buys else -at.held_base / leg.base_unit * price
            exposed = -1.0
            if leg.max_exposure < np.inf and (
                (quiet[quote] and not quiet[base]) if buys else (quiet[base] and not quiet[quote])
            ):
                exposed = (waiting * exposes).sum() / rates[moment, quote]
                for coin in range(units.shape[0]):  # what is held of a quiet one will be something else
                    amount = to_float(load(held[coin] if quiet[coin] else wallet[coin]))
                    exposed += amount / units[coin] * rates[moment, coin] / rates[moment, quote]
            sent_today, last_sent_ns = at.sent_today, at.last_sent_ns
            code = refusal(row, given, balances, equity, built, exposed, sent_today, last_sent_ns, at.stopped != 0)
            if code != 0:
                sent[index].outcome, sent[index].rejected = REJECTED, code
            else:
                after = place(index, row, sent, given, balances)
                at.held_cash += to_float(after.held_cash) - to_float(balances.held_cash)
                at.held_base += to_float(after.held_base) - to_float(balances.held_base)
                balances = after
                if sent[index].outcome == PENDING:
                    at.sent_today += 1
                    at.last_sent_ns = given.market[row].at_ns
            if sent[index].outcome != PENDING:
                store(balances.cash, sent[index].cash)
                store(balances.base, sent[index].base)
            keep(balances, wallet, held, quote, base)
