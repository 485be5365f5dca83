"""Random operations on a pool, drawn so that every branch of the contract is met."""

from __future__ import annotations

from random import Random
from typing import Any

from v3 import MAX_SQRT_PRICE, MIN_SQRT_PRICE

from rook_bench.execution.ticks import MAX_TICK, MIN_TICK, sqrt_price_at_tick

Operation = tuple[str, tuple[Any, ...]]
"""Name of a method that contract and pool state share, and its arguments."""

WORD = 256
"""Ticks, in units of the spacing, in a word of the contract's bitmap."""


class Walk:
    """Draws operations. `positions` is what the pool holds: told by `done`, not assumed.

    Args:
        random: the source of chance.
        spacing: of ticks.
        most: the contract's bound on the liquidity of a tick.
        protocol: "v3" or "v4".
        bits: liquidities are up to 2**bits, but for a few at the bound.
    """

    def __init__(self, random: Random, spacing: int, most: int, protocol: str, bits: int = 90) -> None:
        self.random, self.spacing, self.most, self.protocol, self.bits = random, spacing, most, protocol, bits
        self.positions: dict[tuple[int, int], int] = {}

    def operation(self, sqrt_price: int, tick: int) -> Operation:
        """The next one for a pool that stands at this price and tick."""
        chance = self.random.random()
        if not self.positions or chance < 0.16:
            return "mint", self._mint(tick)
        if chance < 0.28:
            return "burn", self._burn()
        if chance < 0.30:
            return "set_protocol_fee", self._protocol_fee()
        return "swap", self._swap(sqrt_price, tick)

    def done(self, operation: Operation) -> None:
        """The contract has accepted an operation."""
        name, arguments = operation
        if name in ("mint", "burn"):
            lower, upper, liquidity = arguments
            left = self.positions.get((lower, upper), 0) + (liquidity if name == "mint" else -liquidity)
            self.positions[lower, upper] = left
            if not left:
                del self.positions[lower, upper]

    def amount(self, bits: float) -> int:
        """A positive integer below 2**bits, all magnitudes alike."""
        return self.random.randrange(1, 2 + int(2 ** self.random.uniform(0, bits)))

    def price_near(self, tick: int) -> int:
        """A price some ticks away, often exactly that of a tick, of a word's edge or next to it."""
        random, spacing = self.random, self.spacing
        kind = random.random()
        if kind < 0.3 and self.positions:
            at = random.choice(random.choice(list(self.positions)))
        elif kind < 0.5:
            at = self._edge(tick)
        else:
            at = tick + random.choice((-1, 1)) * self.amount(14) * (spacing if random.random() < 0.5 else 1)
        price = sqrt_price_at_tick(max(MIN_TICK, min(at, MAX_TICK)))
        price += random.choice((0, 0, -1, 1, self.amount(60), -self.amount(60)))
        return max(MIN_SQRT_PRICE - 1, min(price, MAX_SQRT_PRICE))

    def _mint(self, tick: int) -> tuple[int, int, int]:
        random, spacing = self.random, self.spacing
        if self.positions and random.random() < 0.3:
            lower, upper = random.choice(list(self.positions))
        else:
            lower, upper = self._range(tick)
        chance = random.random()
        if chance < 0.03:
            liquidity = random.choice((self.most, self.most + 1, self.most // 2, 2**127))
        elif chance < 0.04:
            # v4 takes nothing more for a position that is there (its fees are collected so).
            liquidity = 1 if self.protocol == "v4" and (lower, upper) not in self.positions else 0
        else:
            liquidity = self.amount(8 if chance < 0.1 else self.bits)
        if random.random() < 0.03:  # ticks that no position can have
            lower, upper = random.choice(
                ((upper, lower), (lower, lower), (lower + 1, upper), (lower, MAX_TICK + spacing), (MIN_TICK - 1, upper))
            )
        return lower, upper, liquidity

    def _range(self, tick: int) -> tuple[int, int]:
        random, spacing = self.random, self.spacing
        lowest, highest = -(-MIN_TICK // spacing), MAX_TICK // spacing
        chance = random.random()
        if chance < 0.1:
            return lowest * spacing, highest * spacing
        here = tick // spacing
        if chance < 0.3:  # with an end at the edge of a word
            lower = self._edge(tick) // spacing + random.choice((0, 0, -1))
        elif chance < 0.4:  # just around the price
            lower = here + random.choice((-1, 0, 1))
        else:
            lower = here + random.choice((-1, 1)) * self.amount(11)
        lower = max(lowest, min(lower, highest - 1))
        upper = min(highest, lower + random.choice((1, self.amount(5), self.amount(11), WORD)))
        return lower * spacing, upper * spacing

    def _edge(self, tick: int) -> int:
        word = WORD * self.spacing
        return (tick // word + self.random.choice((-1, 0, 1, 2))) * word

    def _burn(self) -> tuple[int, int, int]:
        random = self.random
        (lower, upper), owned = random.choice(list(self.positions.items()))
        chance = random.random()
        if chance < 0.4:
            return lower, upper, owned
        if chance < 0.43:
            # More than both ticks hold: whose liquidity it is, the pool state doesn't know.
            return lower, upper, owned + self.most
        return lower, upper, random.randrange(1, owned + 1)

    def _protocol_fee(self) -> tuple[int, int]:
        if self.protocol == "v4":
            return self.random.choice((0, 1, 500, 1000, 1001)), self.random.choice((0, 7, 1000))
        return self.random.choice((0, 4, 5, 10, 3)), self.random.choice((0, 4, 10))

    def _swap(self, sqrt_price: int, tick: int) -> tuple[Any, ...]:
        random = self.random
        zero_for_one = random.random() < 0.5
        chance = random.random()
        if chance < 0.12:
            amount = random.randint(1, 3)
        elif chance < 0.25:
            amount = self.amount(120)
        elif chance < 0.27:
            amount = random.choice((2**127 - 1, 2**128, 2**160, 2**200, 2**255 - 1))
        else:
            amount = self.amount(self.bits + 12)
        amount *= random.choice((1, -1))
        if random.random() < 0.005:
            amount = 0
        chance = random.random()
        if chance < 0.3 and abs(amount) < 2 ** (self.bits - 5):
            return zero_for_one, amount, None
        if chance < 0.96:
            limit = self.price_near(tick)
            if limit > sqrt_price and zero_for_one:  # sooner turn the swap than have the contract refuse it
                zero_for_one = False
            elif limit < sqrt_price and not zero_for_one:
                zero_for_one = True
            return zero_for_one, amount, limit
        return (
            zero_for_one,
            amount,
            random.choice(
                (
                    MIN_SQRT_PRICE,
                    MIN_SQRT_PRICE + 1,
                    sqrt_price,
                    sqrt_price + 1,
                    sqrt_price - 1,
                    MAX_SQRT_PRICE - 1,
                    MAX_SQRT_PRICE,
                )
            ),
        )
