"""Gas in the replay loop: from units to what a transaction costs in quote or base, and who pays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from rook_bench.execution.wide import from_float, to_float, wide
from rook_bench.replay.dtypes import BASE, QUOTE, Terms

COIN = 1e18
"""Smallest units of every chain's own coin."""


@njit
def gas_in_quote(units: int, at: Any, terms: Terms) -> Any:
    """Gas in whole quote units, rounded up; exact where the quote is the coin that gas is paid in.

    Elsewhere that coin has a price in quote: the pool's at this row where it is the base, else a reference's.
    The gas price is an assumption, so float64 decides the last unit of this conversion; from then
    on it is an integer like every other amount.
    """
    if terms.flat_gas >= 0:
        return from_float(terms.flat_gas)
    wei = wide(np.uint64(units)) * wide(np.uint64(at.gas_wei))
    if terms.native == QUOTE and terms.quote_unit == COIN:
        return wei + from_float(terms.l1_fee)
    own = np.ceil(to_float(wei) / COIN * at.native_price * terms.quote_unit)
    return from_float(own) + from_float(terms.l1_fee)


@njit
def gas_in_base(units: int, at: Any, terms: Terms) -> Any:
    """The same gas in base units; exact where the base is the coin that gas is paid in."""
    if terms.flat_gas >= 0:
        return _quote_in_base(terms.flat_gas, at, terms)
    if terms.native == BASE and terms.base_unit == COIN:
        return wide(np.uint64(units)) * wide(np.uint64(at.gas_wei)) + _quote_in_base(terms.l1_fee, at, terms)
    return _quote_in_base(to_float(gas_in_quote(units, at, terms)), at, terms)


@njit
def _quote_in_base(amount: float, at: Any, terms: Terms) -> Any:
    return from_float(np.ceil(amount / terms.quote_unit / at.price * terms.base_unit))


@njit
def swap_units_of(crossed: int, terms: Terms) -> int:
    """Gas units of a swap that crossed so many initialised ticks."""
    if crossed == 0:
        return terms.swap_units
    if crossed == 1:
        return terms.one_tick_units
    return terms.two_tick_units if crossed == 2 else terms.more_tick_units


@njit
def pay_gas(cash: Any, base: Any, units: int, at: Any, terms: Terms) -> Any:
    """Take gas from quote; if quote can't cover it, from base. Returns cash, base and both parts.

    A wallet that can cover it with neither pays all the base it has.
    """
    gas_quote = gas_in_quote(units, at, terms)
    nothing = wide(np.uint64(0))
    if cash >= gas_quote:
        return cash - gas_quote, base, gas_quote, nothing
    gas_base = gas_in_base(units, at, terms)
    gas_base = gas_base if base >= gas_base else base
    return cash, base - gas_base, nothing, gas_base
