"""The pool's swap as a function that compiled loops call by address.

What a loop calls by name is compiled into it, again and again at every level in between; with
384-bit integers that took most of a minute. Called by address it is compiled once, for all loops,
and a call costs some 20 ns.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import from_dtype, types

from rook_bench.execution.compiled import callable_by_address
from rook_bench.execution.fill import pool_swap, sandwiched_out
from rook_bench.execution.tick_records import TICKS, Records
from rook_bench.execution.wide import load, store

_AMOUNT = ("u8", (4,))

CALL = np.dtype(
    [
        ("sqrt_price", *_AMOUNT),
        ("liquidity", *_AMOUNT),
        ("amount", *_AMOUNT),
        ("sqrt_limit", *_AMOUNT),
        ("least", *_AMOUNT),
        ("cost", *_AMOUNT),
        ("tick", "i8"),
        ("fee_pips", "i8"),
        ("spacing", "i8"),
        ("exact_in", "i8"),
        ("zero_for_one", "i8"),
        ("whole_map", "i8"),
        ("v4", "i8"),
        ("after", *_AMOUNT),
        ("liquidity_after", *_AMOUNT),
        ("taken", *_AMOUNT),
        ("out", *_AMOUNT),
        ("fee", *_AMOUNT),
        ("tick_after", "i8"),
        ("crossed", "i8"),
    ]
)
"""Arguments and results of one call, named as in `fill`."""

_SIGNATURE = types.void(types.Array(from_dtype(CALL), 1, "C"), types.Array(from_dtype(TICKS), 1, "C"))


def room_for_a_call() -> Records:
    """One record of CALL, used for call after call."""
    return np.zeros(1, dtype=CALL)


def _swap(calls: Records, ticks: Records) -> None:
    call = calls[0]
    after, tick, liquidity, taken, out, fee, crossed = pool_swap(
        load(call.sqrt_price),
        call.tick,
        load(call.liquidity),
        load(call.amount),
        call.exact_in != 0,
        call.fee_pips,
        call.zero_for_one != 0,
        load(call.sqrt_limit),
        call.spacing,
        ticks,
        call.whole_map != 0,
        call.v4 != 0,
    )
    store(after, call.after)
    store(liquidity, call.liquidity_after)
    store(taken, call.taken)
    store(out, call.out)
    store(fee, call.fee)
    call.tick_after, call.crossed = tick, crossed


def _sandwich(calls: Records, ticks: Records) -> None:
    call = calls[0]
    out = sandwiched_out(
        load(call.sqrt_price),
        call.tick,
        load(call.liquidity),
        load(call.amount),
        load(call.least),
        load(call.cost),
        call.fee_pips,
        call.zero_for_one != 0,
        call.spacing,
        ticks,
        call.whole_map != 0,
        call.v4 != 0,
    )
    store(out, call.out)


@lru_cache(maxsize=1)
def swap_call() -> Any:
    """`fill.pool_swap` as (call, ticks) -> None."""
    return callable_by_address(_SIGNATURE, _swap)


@lru_cache(maxsize=1)
def sandwich_call() -> Any:
    """`fill.sandwiched_out` as (call, ticks) -> None; compiled when a run first asks for it."""
    return callable_by_address(_SIGNATURE, _sandwich)
