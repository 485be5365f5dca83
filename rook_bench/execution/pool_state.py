"""The state of one pool, moved by its events: initialize, mint, burn, swap, protocol-fee change."""

from __future__ import annotations

from dataclasses import dataclass

from rook_bench.execution.amm import (
    PIPS,
    amount0_between,
    amount0_between_up,
    amount1_between,
    amount1_between_up,
)
from rook_bench.execution.swap import swap_across
from rook_bench.execution.tick_map import PoolError, TickMap
from rook_bench.execution.ticks import (
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)

MAX_LIQUIDITY = (1 << 128) - 1

_V4_AMOUNTS = range(-(1 << 127), 1 << 127)
"""v4 counts what a swapper receives in int128."""


@dataclass(frozen=True, slots=True)
class SwapResult:
    """What a swap moved, and the state it left.

    Attributes:
        amount0, amount1: the pool's balance changes in smallest units (positive went into the pool).
        sqrt_price, tick, liquidity: the state after it.
        fee: fee in units of the input token; protocol_fee: the protocol's part of it.
        crossed: initialised ticks crossed.
    """

    amount0: int
    amount1: int
    sqrt_price: int
    tick: int
    liquidity: int
    fee: int
    protocol_fee: int
    crossed: int


class PoolState:
    """Price, tick, active liquidity and tick map of a v3 or v4 pool, in exact integers.

    Positions of different owners are not told apart: a burn is checked against the ticks only.

    Attributes:
        sqrt_price, tick, liquidity: as slot0 and liquidity() of the contract give them.
        map: the tick map.
        protocol_fees: token0 and token1 owed to the protocol, smallest units.
    """

    def __init__(
        self,
        sqrt_price: int,
        tick: int,
        liquidity: int,
        *,
        fee_pips: int,
        tick_spacing: int,
        protocol: str = "v3",
        ticks: dict[int, tuple[int, int]] | None = None,
    ) -> None:
        self.sqrt_price, self.tick, self.liquidity = sqrt_price, tick, liquidity
        self.fee_pips, self.tick_spacing, self.protocol = fee_pips, tick_spacing, protocol
        self.map = TickMap(ticks)
        self.protocol_fee = (0, 0)
        self.protocol_fees = (0, 0)

    @classmethod
    def initialized(cls, sqrt_price: int, *, fee_pips: int, tick_spacing: int, protocol: str = "v3") -> PoolState:
        """A new pool at a price; PoolError outside the prices a pool can have."""
        if not MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE:
            raise PoolError(f"sqrt price {sqrt_price} is outside the prices a pool can have")
        tick = tick_at_sqrt_price(sqrt_price)
        return cls(sqrt_price, tick, 0, fee_pips=fee_pips, tick_spacing=tick_spacing, protocol=protocol)

    @property
    def ticks(self) -> dict[int, tuple[int, int]]:
        """Gross and net liquidity by initialised tick."""
        return self.map.by_tick

    @property
    def max_liquidity_per_tick(self) -> int:
        """v3's bound on the gross liquidity of one tick."""
        lowest, highest = (int(tick / self.tick_spacing) for tick in (MIN_TICK, MAX_TICK))
        if self.protocol == "v4":  # v4 rounds down, v3 toward zero
            lowest = MIN_TICK // self.tick_spacing
        return MAX_LIQUIDITY // (highest - lowest + 1)

    def mint(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Add a position's liquidity; returns the token0 and token1 that it owes, rounded up."""
        self._check_ticks(lower, upper)
        if liquidity == 0 and self.protocol == "v4":  # v4 collects fees by a change of nothing
            return 0, 0
        if liquidity <= 0:
            raise PoolError("a mint needs liquidity")
        for tick in (lower, upper):
            if self.ticks.get(tick, (0, 0))[0] + liquidity > self.max_liquidity_per_tick:
                raise PoolError(f"tick {tick} can't hold so much liquidity")
        return self._change(lower, upper, liquidity)

    def burn(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Remove a position's liquidity; returns the token0 and token1 that it is owed, rounded down."""
        if liquidity < 0:
            raise PoolError("a burn can't be negative")
        self._check_ticks(lower, upper)
        amount0, amount1 = self._change(lower, upper, -liquidity)
        return -amount0, -amount1

    def set_protocol_fee(self, fee0: int, fee1: int) -> None:
        """The protocol's share by input token: v3 one over 4 to 10 (0: none), v4 pips up to 1000."""
        allowed = range(1001) if self.protocol == "v4" else (0, *range(4, 11))
        if fee0 not in allowed or fee1 not in allowed:
            raise PoolError(f"protocol fee {fee0}, {fee1} is not allowed")
        self.protocol_fee = (fee0, fee1)

    def swap(
        self, zero_for_one: bool, amount_specified: int, sqrt_limit: int | None = None, fee_pips: int | None = None
    ) -> SwapResult:
        """Swap and move the state.

        Args:
            zero_for_one: True when token0 is sold.
            amount_specified: units in where positive, units out where negative (v3's sign).
            sqrt_limit: price at which to stop; None is the last price before the end of all prices.
            fee_pips: the fee of this swap where it is not the pool's own (v4 dynamic fees), the
                protocol's share left out.

        Raises:
            PoolError: nothing to swap, or a limit on the wrong side of the price.
        """
        result = self.quote(zero_for_one, amount_specified, sqrt_limit, fee_pips)
        self.sqrt_price, self.tick, self.liquidity = result.sqrt_price, result.tick, result.liquidity
        kept0, kept1 = self.protocol_fees
        if zero_for_one:
            self.protocol_fees = (kept0 + result.protocol_fee, kept1)
        else:
            self.protocol_fees = (kept0, kept1 + result.protocol_fee)
        return result

    def quote(
        self, zero_for_one: bool, amount_specified: int, sqrt_limit: int | None = None, fee_pips: int | None = None
    ) -> SwapResult:
        """What `swap` would do, leaving the state as it is."""
        if amount_specified == 0:
            raise PoolError("there is nothing to swap")
        if sqrt_limit is None:
            sqrt_limit = MIN_SQRT_PRICE + 1 if zero_for_one else MAX_SQRT_PRICE - 1
        lowest, highest = (MIN_SQRT_PRICE, self.sqrt_price) if zero_for_one else (self.sqrt_price, MAX_SQRT_PRICE)
        if not lowest < sqrt_limit < highest:
            raise PoolError(f"price limit {sqrt_limit} is on the wrong side of {self.sqrt_price}, or beyond all prices")
        exact_in = amount_specified > 0
        protocol_fee = self.protocol_fee[0 if zero_for_one else 1]
        try:
            sqrt_price, tick, liquidity, spent, gained, fee, kept, crossed = swap_across(
                self.sqrt_price,
                self.tick,
                self.liquidity,
                abs(amount_specified),
                exact_in,
                self._whole_fee(self.fee_pips if fee_pips is None else fee_pips, protocol_fee, exact_in),
                zero_for_one,
                sqrt_limit,
                self.tick_spacing,
                self.map.pairs,
                self.protocol == "v4",
                protocol_fee,
            )
        except ArithmeticError as error:
            raise PoolError(str(error)) from None
        amounts = (spent, -gained) if zero_for_one else (-gained, spent)
        self._check_amounts(*amounts)
        return SwapResult(*amounts, sqrt_price, tick, liquidity, fee, kept, crossed)

    def _whole_fee(self, fee_pips: int, protocol_fee: int, exact_in: bool) -> int:
        """v4 takes the protocol's share first, then the pool's fee on the rest."""
        if self.protocol != "v4":
            return fee_pips
        whole = protocol_fee + fee_pips - protocol_fee * fee_pips // PIPS
        if whole >= PIPS and not exact_in:
            raise PoolError("with a fee of 100% there is no exact output")
        return whole

    def _check_ticks(self, lower: int, upper: int) -> None:
        if not MIN_TICK <= lower < upper <= MAX_TICK:
            raise PoolError(f"ticks {lower} and {upper} are not in order, or beyond all prices")
        if lower % self.tick_spacing or upper % self.tick_spacing:
            raise PoolError(f"ticks {lower} and {upper} are not multiples of the spacing {self.tick_spacing}")

    def _check_amounts(self, amount0: int, amount1: int) -> None:
        if self.protocol == "v4" and (-amount0 not in _V4_AMOUNTS or -amount1 not in _V4_AMOUNTS):
            raise PoolError("an amount does not fit v4's int128")

    def _change(self, lower: int, upper: int, delta: int) -> tuple[int, int]:
        inside = lower <= self.tick < upper
        if delta < 0 and any(self.ticks.get(tick, (0, 0))[0] + delta < 0 for tick in (lower, upper)):
            raise PoolError(f"more liquidity leaves ticks {lower} to {upper} than was there")
        if inside and not 0 <= self.liquidity + delta <= MAX_LIQUIDITY:
            raise PoolError("the active liquidity would leave 128 bits")
        amounts = position_amounts(self.sqrt_price, self.tick, lower, upper, delta)
        self._check_amounts(*amounts)
        if delta:
            self.map.change(lower, upper, delta)
        self.liquidity += delta if inside else 0
        return amounts


def position_amounts(sqrt_price: int, tick: int, lower: int, upper: int, delta: int) -> tuple[int, int]:
    """Token0 and token1 that enter the pool with `delta` liquidity (negative: that leave), rounded for the pool."""
    low, high = sqrt_price_at_tick(lower), sqrt_price_at_tick(upper)
    size, sign = abs(delta), 1 if delta >= 0 else -1
    of0 = amount0_between_up if delta >= 0 else amount0_between
    of1 = amount1_between_up if delta >= 0 else amount1_between
    if tick < lower:
        return sign * of0(low, high, size), 0
    if tick >= upper:
        return 0, sign * of1(low, high, size)
    return sign * of0(sqrt_price, high, size), sign * of1(low, sqrt_price, size)
