"""The replay loop: decisions in, orders and fills out, every token unit accounted for. Read this file first.

One loop, compiled. Balances and pool state are exact integers (see execution/wide.py); floats
appear only in the equity curve and in the ratios that limits compare. `fills.py` is what happens
when an order lands, `entering.py` what happens when one is sent; `engine.py` puts the arrays together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.execution.compiled import compiled
from rook_bench.execution.outcome import Outcome
from rook_bench.execution.tick_changes import apply_change
from rook_bench.execution.wide import load, store, to_float
from rook_bench.replay.dtypes import PENDING, Balances, Given, PoolCalls, Records, Terms
from rook_bench.replay.entering import PPB, place, refusal
from rook_bench.replay.fills import land_due

DAY_NS = 86_400 * PPB
BUY, SELL, REJECTED = int(Side.BUY), int(Side.SELL), int(Outcome.REJECTED)


@compiled
def replay_rows(
    market: Records,
    wishes: Records,
    room: Records,
    ticks: Records,
    swap: Any,
    sandwich: Any,
    changes: Records,
    terms: Any,
    carried: Records,
    orders: Records,
    equity: NDArray[np.float64],
) -> int:
    """Replay every row: land the orders that are due, enter a new one, mark to market.

    Args:
        market, wishes: the inputs, by row.
        room, ticks, swap, sandwich: what PoolCalls holds; the tick map before the first swap is moved along in place.
        terms: what Terms holds, as a plain tuple: the type of a named one is told again at every call, which takes
            half as long as replaying a thousand orders.
        changes: of the tick map (see `execution.tick_records`); used where `terms.whole_map` says that they are all.
        carried: one record (see `dtypes.CARRIED`): what to begin with, and in its place at the end what to go on with.
        orders: filled in place, one entry per BUY or SELL among the wishes, behind those that are carried.
        equity: filled in place, shape (n,): quote value of both balances at each row's price.

    Returns:
        Number of orders entered.
    """
    pool, terms = PoolCalls(room, ticks, swap, sandwich), Terms(*terms)
    given = Given(market, wishes, pool, terms)
    before = carried[0]
    balances = Balances(load(before.cash), load(before.base), load(before.held_cash), load(before.held_base))
    count, pending, sent_today = before.count, before.pending, before.sent_today
    day, last_sent_ns = before.day, before.last_sent_ns
    peak, stopped, opening = before.peak, before.stopped != 0, before.opening
    # Typed from the start: a literal 0 would have every function that takes it compiled twice.
    cursor: Any = np.int64(0)
    bounded = terms.max_pool_share < np.inf or terms.max_exposure < np.inf

    for row in range(before.first, market.shape[0]):
        price = market[row].price
        while cursor < changes.shape[0] and changes[cursor].before_row <= row:
            apply_change(pool.ticks, changes[cursor])
            cursor += 1
        if pending < count:
            pending, balances = land_due(row, pending, count, orders, given, balances)
        cash_now, base_now = to_float(balances.cash) / terms.quote_unit, to_float(balances.base) / terms.base_unit
        now = cash_now + base_now * price
        peak = max(peak, now)
        stopped = stopped or now < peak * (1.0 - terms.drawdown_stop)

        if wishes[row].side == BUY or wishes[row].side == SELL:
            index, count = count, count + 1
            orders[index].row, orders[index].side = row, wishes[row].side
            orders[index].landing_row = wishes[row].landing_row
            if market[row].at_ns // DAY_NS != day:
                day, sent_today = market[row].at_ns // DAY_NS, 0
            built, exposed = 0.0, -1.0
            if bounded:
                built = (base_now - opening) * price
                # What is held for buys will be base; what is held for sells will be no base.
                if wishes[row].side == BUY:
                    will_be = to_float(balances.held_cash) / terms.quote_unit
                    built, exposed = built + will_be, base_now * price + will_be
                else:
                    built -= to_float(balances.held_base) / terms.base_unit * price
            code = refusal(row, given, balances, now, built, exposed, sent_today, last_sent_ns, stopped)
            if code != 0:
                orders[index].outcome, orders[index].rejected = REJECTED, code
            else:
                balances = place(index, row, orders, given, balances)
                if orders[index].outcome == PENDING:
                    sent_today, last_sent_ns = sent_today + 1, market[row].at_ns
            if orders[index].outcome != PENDING:
                store(balances.cash, orders[index].cash)
                store(balances.base, orders[index].base)
            elif orders[index].landing_row == row:  # no latency: it meets the state it was decided on
                pending, balances = land_due(row, pending, count, orders, given, balances)
                now = to_float(balances.cash) / terms.quote_unit + to_float(balances.base) / terms.base_unit * price

        equity[row] = now
    before.first, before.count, before.pending, before.sent_today = market.shape[0], count, pending, sent_today
    before.day, before.last_sent_ns, before.peak, before.stopped = day, last_sent_ns, peak, np.int64(stopped)
    store(balances.cash, before.cash)
    store(balances.base, before.base)
    store(balances.held_cash, before.held_cash)
    store(balances.held_base, before.held_base)
    return int(count)
