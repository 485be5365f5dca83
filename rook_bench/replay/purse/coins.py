"""The tokens of a purse, and by which pools each is priced in the numeraire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError
from rook_bench.core.errors import suggest
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import DOLLARS, Pool, Token
from rook_bench.market.reference import same_coin


@dataclass(frozen=True)
class Coin:
    """A token on a chain: what its symbol and decimals are the same of is the same token there."""

    chain: str
    token: Token

    @classmethod
    def of(cls, pool: Pool, token: Token) -> Coin:
        """A pool's token."""
        return cls(pool.chain, token)


@dataclass(frozen=True)
class Step:
    """How one token is priced: by a pool against a token that has a price, or as the same coin under another name.

    Attributes:
        coin, parent: indices of the two.
        leg: the pool, None where both are one coin (wrapped ether and ether, or on two chains).
        is_base: whether the token is the base of that pool.
    """

    coin: int
    parent: int
    leg: int | None
    is_base: bool


@dataclass(frozen=True, eq=False)
class Coins:
    """The tokens of several pools.

    Attributes:
        all: every token once, in the order of the pools, of each quote before base.
        quote, base: of each pool, indices of its two.
        numeraire: index of the token that values are told in.
        steps: how each of the others is priced, parents first.
    """

    all: tuple[Coin, ...]
    quote: tuple[int, ...]
    base: tuple[int, ...]
    numeraire: int
    steps: tuple[Step, ...]

    @property
    def units(self) -> NDArray[np.float64]:
        """Smallest units in one token, shape (coins,)."""
        return np.array([float(coin.token.unit) for coin in self.all])

    @property
    def quiet(self) -> NDArray[np.bool_]:
        """Which tokens are no exposure: the numeraire, and where that is a dollar every dollar, shape (coins,)."""
        told = self.all[self.numeraire].token.symbol
        dollars = told.upper() in DOLLARS
        symbols = [coin.token.symbol for coin in self.all]
        return np.array([same_coin(one, told) or (dollars and one.upper() in DOLLARS) for one in symbols])

    @property
    def names(self) -> tuple[str, ...]:
        """Symbols, with the chain or the decimals where two are called the same."""
        names = [coin.token.symbol for coin in self.all]
        for more in (lambda coin: coin.chain, lambda coin: f"{coin.chain}, {coin.token.decimals} decimals"):
            often = Counter(names)
            names = [
                name if often[name] == 1 else f"{coin.token.symbol} on {more(coin)}"
                for name, coin in zip(names, self.all, strict=True)
            ]
        return tuple(names)

    def told_by(self, coin: int) -> set[int]:
        """The pools whose prices tell what a token costs in the numeraire."""
        steps = {step.coin: step for step in self.steps}
        legs: set[int] = set()
        while coin in steps:
            legs |= {leg for leg in [steps[coin].leg] if leg is not None}
            coin = steps[coin].parent
        return legs

    def rates(self, prices: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        """What one of each token costs in the numeraire, shape (k, coins).

        Args:
            prices: of each pool its price (quote per base) at k moments.
        """
        rates = np.ones((len(prices[0]), len(self.all)))
        for step in self.steps:
            known = rates[:, step.parent]
            if step.leg is None:
                rates[:, step.coin] = known
            else:
                price = prices[step.leg]
                rates[:, step.coin] = known * price if step.is_base else known / price
        return rates


def coins_of(frames: Sequence[SwapFrame], numeraire: str | None = None) -> Coins:
    """The tokens of some tapes.

    Args:
        frames: one for each pool.
        numeraire: symbol of the token that values are told in; by default the one that most of the tapes quote in,
            of dollars where some are.

    Raises:
        ConfigError: where no pool trades it, or no chain of pools leads from a token to it.
    """
    pools = [frame.pool for frame in frames]
    found = list(dict.fromkeys(Coin.of(pool, token) for pool in pools for token in (pool.quote, pool.base)))
    place = {coin: index for index, coin in enumerate(found)}
    quote = tuple(place[Coin.of(pool, pool.quote)] for pool in pools)
    base = tuple(place[Coin.of(pool, pool.base)] for pool in pools)
    root = _numeraire(found, quote, numeraire)
    return Coins(tuple(found), quote, base, root, _steps(found, quote, base, root))


def _numeraire(coins: Sequence[Coin], quote: tuple[int, ...], asked: str | None) -> int:
    if asked is None:
        dollars = [one for one in quote if coins[one].token.symbol.upper() in DOLLARS]
        # Of equals the one that is named first.
        return max(dict.fromkeys(dollars or quote), key=quote.count)
    for same in (lambda symbol: symbol.upper() == asked.upper(), lambda symbol: same_coin(symbol, asked)):
        matches = [index for index, coin in enumerate(coins) if same(coin.token.symbol)]
        if matches:
            return max(matches, key=quote.count)
    symbols = sorted({coin.token.symbol for coin in coins})
    raise ConfigError(
        f"no pool of the purse trades {asked}",
        where="numeraire",
        hint=suggest(asked, symbols) or f"take one of {', '.join(symbols[:8])}",
    )


def _at_par(one: Coin, other: Coin) -> bool:
    """Whether two are one coin: wrapped and not on one chain, or one symbol with the same decimals on two chains.

    On one chain anybody may give a token another one's symbol: only a pool tells what it costs.
    """
    if one.chain == other.chain:
        plain = one.token.symbol.upper() != other.token.symbol.upper()
        return plain and same_coin(one.token.symbol, other.token.symbol)
    return one.token.decimals == other.token.decimals and same_coin(one.token.symbol, other.token.symbol)


def _steps(coins: Sequence[Coin], quote: Sequence[int], base: Sequence[int], root: int) -> tuple[Step, ...]:
    """A shortest path to every token from the numeraire: one coin under two names first, then pools as they are named.

    Not the pools with most swaps first: how often a pool trades is known at its end.
    """
    steps: list[Step] = []
    known, border = {root}, [root]
    while border:
        following: list[int] = []

        def reach(coin: int, parent: int, leg: int | None, is_base: bool, following: list[int] = following) -> None:
            if coin not in known:
                known.add(coin)
                following.append(coin)
                steps.append(Step(coin, parent, leg, is_base))

        for parent in border:
            for coin, other in enumerate(coins):
                if _at_par(other, coins[parent]):
                    reach(coin, parent, None, False)
        for parent in [*border, *following]:
            for leg in range(len(quote)):
                if quote[leg] == parent:
                    reach(base[leg], parent, leg, True)
                elif base[leg] == parent:
                    reach(quote[leg], parent, leg, False)
        border = following
    lost = [coins[index].token.symbol for index in range(len(coins)) if index not in known]
    if lost:
        raise ConfigError(
            f"no chain of pools tells what {lost[0]} costs in {coins[root].token.symbol}",
            where="numeraire",
            hint="add a pool that joins them, or replay those pools apart",
        )
    return tuple(steps)
