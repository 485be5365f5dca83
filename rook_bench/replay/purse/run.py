"""PurseRun: one source (or one for each pool) replayed over several pools with one purse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from rook_bench.replay.orders import Landings, OrderTable
from rook_bench.replay.purse.clock import MergedClock
from rook_bench.replay.purse.coins import Coins
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


@dataclass(frozen=True, eq=False, repr=False)
class PurseRun(Sequence[Leg]):
    """Several pools replayed with one purse, whose money reconciles token by token.

    Attributes:
        legs: a part for each pool, in the order named.
        coins: the tokens, and how each is priced in the numeraire.
        opening: balance of each token at the start, smallest units.
        label: the name that somebody gave it, "" where nobody did.
    """

    legs: tuple[Leg, ...]
    coins: Coins
    opening: tuple[int, ...]
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
                "opening": list(map(str, self.opening)),
                "code": sha256_code(),
            }
        )

    @cached_property
    def landings(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Orders that changed a balance, in the order in which they landed: of which leg, and which of its orders."""
        legs = [np.full(len(leg.landed), index) for index, leg in enumerate(self.legs)]
        orders = [leg.landed.moved for leg in self.legs]
        moments, rows = [], []
        for index, leg in enumerate(self.legs):
            rows.append(leg.orders.landing_row[leg.landed.moved])
            moments.append(self.clock.moments(index, rows[-1]))
        leg_of, order_of = np.concatenate(legs), np.concatenate(orders)
        places = np.lexsort((order_of, np.concatenate(rows), leg_of, np.concatenate(moments)))
        return leg_of[places], order_of[places]

    @cached_property
    def balances(self) -> NDArray[np.float64]:
        """Balance of each token in human units at the start and after each landing, shape (landings + 1, coins)."""
        leg_of, order_of = self.landings
        after = np.full((len(leg_of) + 1, len(self.coins.all)), np.nan)
        after[0] = ExactInts.of(self.opening).to_floats() / self.coins.units
        for index, leg in enumerate(self.legs):
            own = np.flatnonzero(leg_of == index)
            for coin, column, unit in (
                (self.coins.quote[index], leg.orders.cash, leg.pool.quote.unit),
                (self.coins.base[index], leg.orders.base, leg.pool.base.unit),
            ):
                after[own + 1, coin] = column[order_of[own]].to_floats(unit)
        # A token keeps its balance until the next order that moves it.
        known = np.where(np.isnan(after), 0, np.arange(len(after))[:, None])
        return np.take_along_axis(after, np.maximum.accumulate(known, axis=0), axis=0)

    @cached_property
    def landed_at(self) -> NDArray[np.datetime64]:
        """When each landing was, not descending, shape (landings,)."""
        leg_of, order_of = self.landings
        at = np.empty(len(leg_of), "M8[ns]")
        for index, leg in enumerate(self.legs):
            own = leg_of == index
            at[own] = leg.frame.at[leg.orders.landing_row[order_of[own]]]
        return at

    def balances_at(self, at: NDArray[np.datetime64]) -> NDArray[np.float64]:
        """Balance of each token after the last landing at or before some times, human units, shape (k, coins)."""
        return self.balances[np.searchsorted(self.landed_at, at, side="right")]

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
        landed = own.frame.at[own.orders.landing_row[own.landed.moved]]
        return np.asarray(total[np.searchsorted(landed, at, side="right")])

    @property
    def closing(self) -> tuple[int, ...]:
        """Balance of each token at the end, smallest units."""
        balances = list(self.opening)
        for index, order in zip(*(one.tolist() for one in self.landings), strict=True):
            leg = self.legs[index]
            balances[self.coins.quote[index]] = leg.orders.cash[order]
            balances[self.coins.base[index]] = leg.orders.base[order]
        return tuple(balances)
