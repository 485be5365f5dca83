"""PurseRun: one source (or one for each pool) replayed over several pools with one purse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.exact import ExactInts
from rook_bench.core.hashing import sha256_code, sha256_json
from rook_bench.core.reference import short_name
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.plugins import Spec
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.market_rows import landing
from rook_bench.replay.orders import Landings, OrderTable
from rook_bench.replay.purse.clock import MergedClock
from rook_bench.replay.purse.coins import Coins
from rook_bench.replay.purse.loop import COMES_IN
from rook_bench.replay.run import run_identity
from rook_bench.risk import Permitted
from rook_bench.sources import Decided
from rook_bench.sources.lookahead import Lookahead
from rook_bench.tapecheck.check import TapeCheck


@dataclass(frozen=True, eq=False, repr=False)
class Leg:
    """A pool's part of a purse: its tape, the decisions on it, and what became of them.

    Attributes:
        frame, decided, config, permitted, orders, lookahead, tape_check: as of a Run; `orders.cash` and `orders.base`
            are balances of the purse, which other pools change too.
    """

    frame: SwapFrame
    decided: Decided
    config: ReplayConfig
    permitted: Permitted
    orders: OrderTable
    lookahead: Lookahead
    tape_check: TapeCheck

    @property
    def pool(self) -> Pool:
        """Which pool it is."""
        return self.frame.pool

    @cached_property
    def landed(self) -> Landings:
        """The orders that changed a balance; what is said of the balances before them is not the purse's."""
        return self.orders.landed((0, 0))

    @property
    def changes(self) -> tuple[ExactInts, ExactInts]:
        """What each order that changed a balance did to quote and to base, gas included, smallest units."""
        orders = self.orders.rows(self.landed.moved)
        given, buys = -((-orders.paid).minus(orders.fee)), orders.buys[:, None]
        spent = (-given).limbs
        quote = ExactInts(np.where(buys, spent, orders.out.limbs)).minus(orders.gas_quote)
        return quote, ExactInts(np.where(buys, orders.out.limbs, spent)).minus(orders.gas_base)

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Records of source, sizer and filters."""
        return (self.decided.source.spec, *self.permitted.specs)

    @property
    def run_hash(self) -> str:
        """Identity of what it was made of; see `Run.run_hash`."""
        source = self.decided.source
        return run_identity(
            self.frame.data_hash, self.decided.tape.content_hash, self.config, self.specs, source.content
        )

    def __repr__(self) -> str:
        return f"<Leg {self.pool.pair}: {len(self.frame):,} swaps, {len(self.orders):,} orders>"


@dataclass(frozen=True)
class Share:
    """A pool's share of the capital, and when it comes in: with the first swap after which its tokens have a price.

    Attributes:
        leg: whose share it is.
        opens: the pool whose first swap that is.
        quote, base: smallest units.
        value: what it is worth in the numeraire, until then and then.
    """

    leg: int
    opens: int
    quote: int
    base: int
    value: float


@dataclass(frozen=True, eq=False, repr=False)
class PurseRun(Sequence[Leg]):
    """Several pools replayed with one purse, whose money reconciles token by token.

    Attributes:
        legs: a part for each pool, in the order named.
        coins: the tokens, and how each is priced in the numeraire.
        shares: what the purse begins with, pool by pool.
        label: the name that somebody gave it, "" where nobody did.
    """

    legs: tuple[Leg, ...]
    coins: Coins
    shares: tuple[Share, ...]
    label: str = ""

    def __getitem__(self, index: Any) -> Any:
        return self.legs[index]

    def __len__(self) -> int:
        return len(self.legs)

    def __iter__(self) -> Iterator[Leg]:
        return iter(self.legs)

    def __repr__(self) -> str:
        pairs = ", ".join(leg.pool.pair for leg in self.legs[:4]) + (", ..." if len(self.legs) > 4 else "")
        return f"<PurseRun {self.name} on {pairs}: {sum(len(leg.orders) for leg in self.legs):,} orders>"

    @property
    def name(self) -> str:
        """Its label, or the short reference of its source; of several sources, each once."""
        names = dict.fromkeys(short_name(leg.decided.source.reference) for leg in self.legs)
        return self.label or " + ".join(names)

    @cached_property
    def clock(self) -> MergedClock:
        """The order of the pools' rows."""
        return MergedClock([leg.frame for leg in self.legs])

    @property
    def numeraire(self) -> str:
        """Symbol of the token that values are told in."""
        return self.coins.all[self.coins.numeraire].token.symbol

    @property
    def run_hash(self) -> str:
        """Identity of all that it was made of."""
        return sha256_json(
            {
                "legs": [leg.run_hash for leg in self.legs],
                "numeraire": self.coins.numeraire,
                "shares": [asdict(share) for share in self.shares],
                "code": sha256_code(),
            }
        )

    @property
    def opening(self) -> tuple[int, ...]:
        """What came in of each token, smallest units."""
        total = [0] * len(self.coins.all)
        for share in self.shares:
            total[self.coins.quote[share.leg]] += share.quote
            total[self.coins.base[share.leg]] += share.base
        return tuple(total)

    @cached_property
    def timeline(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.datetime64]]:
        """What changes balances, in its order, shape (changes,) each.

        Of each change the leg, the order that landed (COMES_IN for a pool's share of the capital), and the time,
        which does not descend.
        """
        return _timeline(self)

    @property
    def landings(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Orders that changed a balance, in the order in which they landed: of which leg, and which of its orders."""
        leg_of, order_of = self.timeline[:2]
        landed = order_of >= 0
        return leg_of[landed], order_of[landed]

    @cached_property
    def balances(self) -> NDArray[np.float64]:
        """Balance of each token in human units before and after each change, shape (changes + 1, coins)."""
        leg_of, order_of, _ = self.timeline
        after = np.full((len(leg_of) + 1, len(self.coins.all)), np.nan)
        after[0] = 0.0
        for index, leg in enumerate(self.legs):
            own = np.flatnonzero((leg_of == index) & (order_of >= 0))
            for coin, column, unit in (
                (self.coins.quote[index], leg.orders.cash, leg.pool.quote.unit),
                (self.coins.base[index], leg.orders.base, leg.pool.base.unit),
            ):
                after[own + 1, coin] = column[order_of[own]].to_floats(unit)
        for place in np.flatnonzero(order_of == COMES_IN).tolist():
            share = self.shares[leg_of[place]]
            pool = self.legs[share.leg].pool
            for coin, amount in (
                (self.coins.quote[share.leg], share.quote / pool.quote.unit),
                (self.coins.base[share.leg], share.base / pool.base.unit),
            ):
                earlier = after[: place + 1, coin]
                after[place + 1, coin] = earlier[~np.isnan(earlier)][-1] + amount
        # A token keeps its balance until the next change of it.
        known = np.where(np.isnan(after), 0, np.arange(len(after))[:, None])
        return np.take_along_axis(after, np.maximum.accumulate(known, axis=0), axis=0)

    def balances_at(self, at: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """Balance of each token after the last change at or before some times, human units, shape (k, coins)."""
        return self.balances[np.searchsorted(self.timeline[2], at, side="right")]

    def came_in_at(self, at: NDArray[np.datetime64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What had come in of each token until some times, human units, shape (k, coins); the rest in the numeraire."""
        leg_of, order_of, when = self.timeline
        held = np.zeros((len(at), len(self.coins.all)))
        waiting = np.zeros(len(at))
        for place in np.flatnonzero(order_of == COMES_IN).tolist():
            share = self.shares[leg_of[place]]
            pool, there = self.legs[share.leg].pool, at >= when[place]
            held[there, self.coins.quote[share.leg]] += share.quote / pool.quote.unit
            held[there, self.coins.base[share.leg]] += share.base / pool.base.unit
            waiting[~there] += share.value
        return held, waiting

    def rates_at(self, at: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """What one of each token cost in the numeraire after the last swap at or before some times, shape (k, coins).

        Before a pool's first swap its price is that of the first: nothing tells an earlier one.
        """
        prices = []
        for leg in self.legs:
            rows = np.searchsorted(leg.frame.at, at, side="right") - 1
            prices.append(leg.frame.price[np.maximum(rows, 0)])
        return self.coins.rates(prices)

    def flows_at(self, leg: int, at: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """What a pool's orders had added to quote and base until some times, human units, shape (k, 2).

        From exact sums: the amounts of an order, and not the balances, which other pools change too.
        """
        own = self.legs[leg]
        pool = own.pool
        flows = np.stack(
            [change.to_floats(token.unit) for change, token in zip(own.changes, (pool.quote, pool.base), strict=True)],
            axis=1,
        )
        total = np.concatenate([np.zeros((1, 2)), np.cumsum(flows, axis=0)])
        leg_of, order_of, when = self.timeline
        landed = when[(leg_of == leg) & (order_of >= 0)]
        return np.asarray(total[np.searchsorted(landed, at, side="right")])

    @property
    def closing(self) -> tuple[int, ...]:
        """Balance of each token at the end, smallest units."""
        balances = list(self.opening)
        for index, leg in enumerate(self.legs):
            for coin, change in zip((self.coins.quote[index], self.coins.base[index]), leg.changes, strict=True):
                balances[coin] += sum(change)
        return tuple(balances)


def _timeline(run: PurseRun) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.datetime64]]:
    legs, orders, rows, moments, times = ([] for _ in range(5))
    for index, leg in enumerate(run.legs):
        moved = leg.landed.moved
        met_row = leg.orders.landing_row[moved]
        _, at_ns = landing(leg.frame, leg.config.frictions, leg.orders.row[moved])
        legs.append(np.full(len(moved), index))
        orders.append(moved)
        rows.append(met_row)
        moments.append(run.clock.landings(index, met_row, at_ns))
        met = leg.frame.at[met_row].astype("M8[ns]").view(np.int64)
        times.append(met if len(run.legs) == 1 else np.maximum(at_ns, met))  # of one pool: see MergedClock.landings
    first = [share.opens for share in run.shares]
    legs.append(np.arange(len(first)))
    orders.append(np.full(len(first), COMES_IN))
    rows.append(np.full(len(first), -1))
    moments.append(np.array([run.clock.moments(one, np.array([0]))[0] for one in first], np.int64))
    times.append(np.array([run.legs[one].frame.at[0] for one in first], "M8[ns]").view(np.int64))
    opened = [np.full(len(one), index) for index, one in enumerate(orders[:-1])] + [np.array(first)]
    place = np.lexsort(tuple(map(np.concatenate, (orders, rows, opened, moments))))
    when = np.maximum.accumulate(np.concatenate(times)[place])
    return np.concatenate(legs)[place], np.concatenate(orders)[place], when.view("M8[ns]")
