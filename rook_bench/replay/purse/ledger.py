"""A purse reconciles: every token to the last unit, over all pools in the order in which their orders landed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.exact import ExactInts
from rook_bench.replay.ledger import LedgerError, check_fills
from rook_bench.replay.purse.loop import COMES_IN
from rook_bench.replay.purse.run import PurseRun


def reconcile_purse(run: PurseRun) -> None:
    """Check every quote and fill against the pools' maths, and every balance against all that moved it.

    Raises:
        LedgerError: if a balance does not follow from the amounts, a token is spent twice or below zero, a quote or
            fill is not what the pool gives, or a pool's orders land out of order.
    """
    for leg in run.legs:
        rows = leg.orders.landing_row[leg.landed.moved]
        if (rows[1:] < rows[:-1]).any():
            raise LedgerError("orders landed out of order", where=leg.pool.pair)
        check_fills(leg, leg.landed, where=leg.pool.pair)
    leg_of, order_of, _ = run.timeline
    changes = [leg.changes for leg in run.legs]
    places = [np.flatnonzero((leg_of == index) & (order_of >= 0)) for index in range(len(run.legs))]
    came = np.flatnonzero(order_of == COMES_IN).tolist()
    for coin, name in enumerate(run.coins.names):
        own = [
            (places[index], getattr(leg.orders, column)[leg.landed.moved], changes[index][side])
            for index, leg in enumerate(run.legs)
            for side, (column, of) in enumerate((("cash", run.coins.quote), ("base", run.coins.base)))
            if of[index] == coin
        ]
        shares = [(place, run.shares[leg_of[place]]) for place in came]
        given = [(place, one.quote) for place, one in shares if run.coins.quote[one.leg] == coin]
        given += [(place, one.base) for place, one in shares if run.coins.base[one.leg] == coin]
        wrong = _first_wrong(given, own)
        if wrong is not None:
            place, problem = wrong
            where = f"{run.legs[leg_of[place]].pool.pair}, order {order_of[place] + 1}"
            raise LedgerError(f"{problem} ({name})", where=where)


def _first_wrong(
    given: Sequence[tuple[int, int]], landings: Sequence[tuple[NDArray[np.intp], ExactInts, ExactInts]]
) -> tuple[int, str] | None:
    """The first landing after which a token's balance is not what it was before and what changed, and what is wrong.

    Args:
        given: what of the capital came in: places among all changes, and amounts.
        landings: of each pool that trades the token: places among all changes, balances after, and changes.
    """
    places = np.concatenate([places for places, _, _ in landings])
    order = np.argsort(places)
    places = places[order]
    after = ExactInts(np.concatenate([balances.limbs for _, balances, _ in landings])[order])
    change = ExactInts(np.concatenate([changes.limbs for _, _, changes in landings])[order])
    # What came in since the landing before.
    came = [0] * (len(places) + 1)
    for place, amount in given:
        came[int(np.searchsorted(places, place))] += amount
    before = ExactInts(np.concatenate([ExactInts.of([0]).limbs, after.limbs[:-1]])[: len(places)])
    expected = before.minus(-change).minus(ExactInts.of([-amount for amount in came[:-1]]))
    for wrong, problem in (
        ((expected.limbs != after.limbs).any(axis=1), "balances don't follow from the amounts"),
        (after.negative(), "a balance is negative after the landing"),
    ):
        if wrong.any():
            return int(places[np.argmax(wrong)]), problem
    return None
