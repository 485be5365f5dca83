"""Every recorded swap priced again from the state before it, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from rook_bench.core.exact import ExactInts
from rook_bench.execution.compiled import compiled
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.tick_changes import apply_change
from rook_bench.execution.tick_records import Records
from rook_bench.execution.wide import load, store, wide

UNTESTED, EXACT_INPUT, EXACT_OUTPUT, PRICE_LIMIT, MISSED = 0, 1, 2, 3, 4
"""How a recorded swap came out again: as which kind of swap, or not at all."""

_AMOUNT = ("u8", (4,))

SWAPS = np.dtype(
    [
        ("zero_for_one", "i8"),
        ("spent", *_AMOUNT),
        ("gained", *_AMOUNT),
        ("sqrt_price", *_AMOUNT),
        ("liquidity", *_AMOUNT),
        ("tick", "i8"),
        ("recorded_tick", "i8"),
        ("fee_pips", "i8"),
    ]
)
"""Recorded swaps: units in and out (both positive), the state after, the pool's own tick, the recorded one, the fee."""

PRICED = np.dtype([("kind", "i8"), ("near", "i8"), ("crossed", "i8"), ("gained", *_AMOUNT)])
"""What came out: the kind; of a miss, whether amounts and price may fit as some kind; ticks crossed; and output (of a
miss, that of an exact-input swap of the recorded input)."""

NO, EXACT, NEAR = 0, 1, 2
"""Whether a swap was of some kind: no, yes, or in all but liquidity and tick as far as can be told here."""

WALKED = np.dtype([("active", *_AMOUNT), ("tick", "i8"), ("place", "i8"), ("begun", "i8")])
"""Where a walk along the tick map stands: active liquidity, the tick, and the last tick of the map at or below it."""

NO_TICK = 1 << 40
"""`recorded_tick` of a log that carries none."""

_ENDLESS = ExactInts.of([1 << 200]).limbs


@njit
def _same(call: Any, swap: Any) -> bool:
    return (
        load(call.after) == load(swap.sqrt_price)
        and load(call.out) == load(swap.gained)
        and load(call.taken) + load(call.fee) == load(swap.spent)
    )


@njit
def _price(kind: int, state: Any, liquidity: Any, swap: Any, calls: Records, ticks: Records, call_swap: Any) -> int:
    """Price one swap as one kind: EXACT where it could be that kind at all and everything came out as recorded."""
    call = calls[0]
    zero_for_one = swap.zero_for_one != 0
    store(load(state.sqrt_price), call.sqrt_price)
    store(liquidity, call.liquidity)
    store(extreme_price(zero_for_one), call.sqrt_limit)
    store(load(swap.gained if kind == EXACT_OUTPUT else swap.spent), call.amount)
    if kind == EXACT_OUTPUT and swap.fee_pips >= 1_000_000:
        return NEAR
    if kind == PRICE_LIMIT:
        before, after = load(state.sqrt_price), load(swap.sqrt_price)
        if after >= before if zero_for_one else after <= before:
            return NO
        store(load(_ENDLESS[0]), call.amount)
        store(after, call.sqrt_limit)
    call.tick, call.fee_pips, call.zero_for_one = state.tick, swap.fee_pips, swap.zero_for_one
    call.exact_in = 0 if kind == EXACT_OUTPUT else 1
    call_swap(calls, ticks)
    if load(call.amount) == 0:
        return NEAR
    if not _same(call, swap):
        return NEAR if call.crossed > 0 else NO
    if load(call.liquidity_after) != load(swap.liquidity):
        return NEAR
    if swap.recorded_tick == NO_TICK:
        return EXACT
    # On a tick that can be initialised a fall leaves the pool one below it, and only the loop tells.
    same_range = call.tick_after // call.spacing == swap.tick // call.spacing
    return EXACT if swap.recorded_tick == swap.tick and same_range else NEAR


@compiled
def reprice_rows(
    swaps: Records,
    start: Records,
    first: int,
    spacing: int,
    ticks: Records,
    changes: Records,
    v4: bool,
    priced: Records,
    before: NDArray[np.uint64],
    calls: Records,
    call_swap: Any,
) -> None:
    """Price each swap from the state that the one before it left and what liquidity did since.

    Args:
        swaps: the recorded swaps (SWAPS).
        start: the state before the first one (a record of SWAPS, only its state is read).
        first: first row to price: 0 where `start` is known, else 1.
        spacing, v4: of the pool.
        ticks, changes: the tick map before the first swap and its changes; `ticks` is moved along.
        priced: filled in place (PRICED); rows not priced stay UNTESTED.
        before: filled in place, shape (n, 4): active liquidity before each swap.
        calls, call_swap: see `execution.compiled_swap`.
    """
    cursor = 0
    calls[0].spacing, calls[0].whole_map, calls[0].v4 = spacing, 1, 1 if v4 else 0
    for row in range(swaps.shape[0]):
        state = swaps[row - 1] if row else start[0]
        liquidity, tick = load(state.liquidity), state.tick
        while cursor < changes.shape[0] and changes[cursor].before_row <= row:
            change = changes[cursor]
            if change.lower <= tick < change.upper:
                liquidity = ((liquidity + load(change.delta)) << 128) >> 128
            apply_change(ticks, change)
            cursor += 1
        store(liquidity, before[row])
        if row < first:
            continue
        priced[row].kind = MISSED
        for kind in (EXACT_INPUT, EXACT_OUTPUT, PRICE_LIMIT):
            found = _price(kind, state, liquidity, swaps[row], calls, ticks, call_swap)
            if found == EXACT or kind == EXACT_INPUT:
                priced[row].crossed = calls[0].crossed
                store(load(calls[0].out), priced[row].gained)
            if found == EXACT:
                priced[row].kind = kind
                break
            if found == NEAR:
                priced[row].near = 1


@compiled
def first_unexplained_row(
    swap_ticks: NDArray[np.int32], liquidity: NDArray[np.uint64], walked: Records, ticks: Records, changes: Records
) -> int:
    """The first swap whose recorded liquidity is not what the tick map holds at its tick; -1 for none.

    Args:
        swap_ticks, liquidity: after each swap, shapes (n,) and (n, 4).
        walked: one record of WALKED, with the tick before the first swap; it is moved along.
        ticks, changes: the whole tick map before the first swap, which is moved along, and its changes.
    """
    # Active liquidity is carried along: moved with the changes, and with each tick that the price passes.
    tick, active, place = walked[0].tick, load(walked[0].active), walked[0].place
    if walked[0].begun == 0:
        active, place = wide(np.uint64(0)), np.int64(-1)
        while place + 1 < ticks.shape[0] and ticks[place + 1].tick <= tick:
            place += 1
            active = active + load(ticks[place].net)
    cursor = 0
    for row in range(swap_ticks.shape[0]):
        while cursor < changes.shape[0] and changes[cursor].before_row <= row:
            change = changes[cursor]
            if change.lower <= tick < change.upper:
                active = active + load(change.delta)
            apply_change(ticks, change)
            cursor += 1
        tick = np.int64(swap_ticks[row])
        while place >= 0 and ticks[place].tick > tick:
            active = active - load(ticks[place].net)
            place -= 1
        while place + 1 < ticks.shape[0] and ticks[place + 1].tick <= tick:
            place += 1
            active = active + load(ticks[place].net)
        active = (active << 128) >> 128
        if active != load(liquidity[row]):
            return row
    walked[0].tick, walked[0].place, walked[0].begun = tick, place, 1
    store(active, walked[0].active)
    return -1
