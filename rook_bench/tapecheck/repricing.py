"""Self-calibration: every recorded swap priced again from the state before it, to the last unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.exact import ExactInts
from rook_bench.execution.compiled_swap import room_for_a_call, swap_call
from rook_bench.execution.tick_records import changes_between, no_ticks
from rook_bench.market.frame import SwapFrame
from rook_bench.market.history import LiquidityHistory, PoolStart, TickWalk
from rook_bench.tapecheck import kernel
from rook_bench.tapecheck.causes import CROSSES, UNEXPLAINED, UNSEEN, explain
from rook_bench.tapecheck.fees import own_pips

KINDS = {
    kernel.EXACT_INPUT: "exact input",
    kernel.EXACT_OUTPUT: "exact output",
    kernel.PRICE_LIMIT: "price limit",
}
"""Kinds of swaps; a log does not say which one a swap was, but only one of them gives its numbers."""


@dataclass(frozen=True, eq=False)
class Repricing:
    """Which swaps of a tape the pool maths reproduces.

    Attributes:
        kind: code of `tapecheck.kernel` by swap, int8, shape (n,).
        crossed: initialised ticks that each priced swap crossed, as far as the tick map is known, int32.
        changed: swaps that came out otherwise because liquidity changed and the log does not show why, shape (n,).
        reasons: why each of the others was missed, by row; see `tapecheck.causes`.
        error_units, error_bps: output of the priced swap less the recorded one, in units of the output
            token and in basis points of it; NaN where nothing was priced.
    """

    kind: NDArray[np.int8]
    crossed: NDArray[np.int32]
    changed: NDArray[np.bool_]
    reasons: dict[int, str]
    error_units: NDArray[np.float64]
    error_bps: NDArray[np.float64]

    @cached_property
    def exact(self) -> NDArray[np.bool_]:
        """Swaps that came out equal in both amounts, price, liquidity and (where recorded) tick."""
        return mapped.by_part(len(self.kind), lambda rows: np.isin(self.kind[rows], tuple(KINDS)), bool)

    @cached_property
    def testable(self) -> NDArray[np.bool_]:
        """Swaps whose state before them is known: all but those with a liquidity that the log does not explain."""
        of = lambda rows: (self.kind[rows] != kernel.UNTESTED) & ~self.changed[rows]  # noqa: E731
        return mapped.by_part(len(self.kind), of, bool)

    @property
    def misses(self) -> NDArray[np.intp]:
        """Rows that should have come out and did not."""
        of = lambda rows: rows.start + np.flatnonzero(self.testable[rows] & ~self.exact[rows])  # noqa: E731
        return mapped.gathered(len(self.kind), of, np.intp)

    def by_kind(self) -> dict[str, int]:
        """How many swaps came out as each kind."""
        of = lambda code: mapped.count(len(self.kind), lambda rows: self.kind[rows] == code)  # noqa: E731
        return {name: of(code) for code, name in KINDS.items()}

    def by_reason(self) -> dict[str, int]:
        """How many misses each explanation covers, the most frequent first."""
        return dict(Counter(self.reasons.values()).most_common())


def why_not_repriced(frame: SwapFrame) -> str | None:
    """Why a tape's swaps can't be priced again, or None."""
    if frame.amount0 is None or frame.amount1 is None:
        return "the log carries no amounts"
    if frame.rounded:
        return "columns are rounded: " + ", ".join(frame.rounded)
    if len(frame) < 2 and (frame.history is None or frame.history.start is None):
        return "there is one swap only"
    return None


def reprice(frame: SwapFrame) -> Repricing:
    """Price every swap again; ValueError where `why_not_repriced` gives a reason."""
    if frame not in _repriced:
        _repriced[frame] = _reprice(frame)
    return _repriced[frame]


_repriced: WeakKeyDictionary[SwapFrame, Repricing] = WeakKeyDictionary()
"""Frames are frozen, and each is asked several times in a replay."""


def missed_rows(frame: SwapFrame) -> NDArray[np.bool_]:
    """Swaps that don't come out as anything the pool does, shape (n,), without asking why; errors as `reprice`."""
    missed = mapped.full(len(frame), False, bool)
    for part in _priced(frame):
        missed[part.rows] = part.priced["kind"] == kernel.MISSED
    return missed


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows: the swaps as records, how each came out, and the active liquidity before it."""

    rows: slice
    swaps: kernel.Records
    priced: kernel.Records
    before: NDArray[np.uint64]


def _priced(frame: SwapFrame) -> Iterator[_Part]:
    """All swaps, a part at a time: each follows from the state before it, which the row before it tells."""
    reason = why_not_repriced(frame)
    if reason is not None:
        raise ValueError(reason)
    history, pool = frame.history, frame.pool
    known_start = history.start if history else None
    ticks, changes = history.records() if history else no_ticks()
    spacing, v4 = pool.tick_spacing, pool.protocol == "v4"
    start, first, calls = _start(known_start), 1 if known_start is None else 0, room_for_a_call()
    for rows in mapped.parts(len(frame)):
        swaps, own = swap_records(frame, rows), changes_between(changes, rows)
        priced = np.zeros(len(swaps), dtype=kernel.PRICED)
        before = np.zeros((len(swaps), 4), dtype=np.uint64)
        kernel.reprice_rows(swaps, start, first, spacing, ticks, own, v4, priced, before, calls, swap_call())
        yield _Part(rows, swaps, priced, before)
        start, first = swaps[-1:].copy(), 0


def _reprice(frame: SwapFrame) -> Repricing:
    count = len(frame)
    kind, crossed = mapped.empty(count, np.int8), mapped.empty(count, np.int32)
    error, bps, changed = mapped.empty(count), mapped.empty(count), mapped.full(count, False, bool)
    whole = frame.history is not None and frame.history.complete
    missed: dict[int, int] = {}
    for part in _priced(frame):
        rows, found = part.rows, part.priced["kind"]
        kind[rows], crossed[rows] = found, part.priced["crossed"]
        unknown, before = found == kernel.MISSED, ExactInts(part.before)
        if not whole:
            changed[rows] = unknown & _surely_changed(frame, part)
            unknown &= ~changed[rows]
        missed |= {rows.start + place: before[place] for place in np.flatnonzero(unknown).tolist()}
        tested = found != kernel.UNTESTED
        error[rows], bps[rows] = np.nan, np.nan
        error[rows][tested], bps[rows][tested] = _errors(part.swaps[tested], part.priced[tested])
    reasons = _reasons(frame, missed, kind)
    changed[[row for row, reason in reasons.items() if reason == CROSSES]] = True
    reasons = {row: reason for row, reason in reasons.items() if reason != CROSSES}
    return Repricing(kind, crossed, changed, reasons, error, bps)


def _surely_changed(frame: SwapFrame, part: _Part) -> NDArray[np.bool_]:
    """Misses that `explain` would put down to unseen changes of liquidity: logs of swaps are full of them.

    Liquidity is another one than the one before, no amount has the wrong sign, and no kind of swap gives the recorded
    amounts and price, so that the column of liquidity alone can't be what is wrong.
    """
    amount0, amount1 = (amount[part.rows] for amount in frame.amounts)
    below0, below1 = amount0.negative(), amount1.negative()
    wrong_sign = (below0 == below1) & ~amount0.zero() & ~amount1.zero()
    other = (part.before != part.swaps["liquidity"]).any(axis=1)
    return other & ~wrong_sign & (part.priced["near"] == 0)


def _reasons(frame: SwapFrame, missed: Mapping[int, int], kind: NDArray[np.int8]) -> dict[int, str]:
    """The explanation of each miss, by row, from the liquidity before it."""
    history = frame.history
    walk = TickWalk(history) if history is not None and history.complete else None
    follows = {row for row in missed if row + 1 < len(kind) and int(kind[row + 1]) in KINDS}
    return {
        row: explain(frame, row, before, walk.at(row) if walk else None, price_holds=row in follows)
        for row, before in missed.items()
    }


def unexplained_row(frame: SwapFrame) -> int | None:
    """The first swap whose recorded liquidity is not what the whole tick map holds there.

    None where every swap is explained, and for a tape that has no whole map.
    """
    history = frame.history
    if history is None or not history.complete:
        return None
    ticks, changes = history.records()
    walked, tick, liquidity = np.zeros(1, dtype=kernel.WALKED), frame.exact_tick, frame.liquidity.limbs
    walked["tick"] = history.start.tick if history.start is not None else tick[0]
    for rows in mapped.parts(len(frame)):
        own = changes_between(changes, rows)
        row = kernel.first_unexplained_row(np.array(tick[rows]), np.array(liquidity[rows]), walked, ticks, own)
        if row >= 0:
            return rows.start + int(row)
    return None


def contradiction(frame: SwapFrame) -> int | None:
    """The first swap that a history which claims to be whole can't explain; None where there is none, or no such claim.

    The liquidity recorded after a swap may add up although the swap ran right through a lost position,
    so each swap has to come out again too. A column that is damaged by itself says nothing of the ticks.
    """
    if frame not in _contradictions:
        rows = [] if (row := unexplained_row(frame)) is None else [row]
        if frame.history is not None and frame.history.complete and why_not_repriced(frame) is None:
            found = reprice(frame)
            rows += [row for row in found.misses.tolist() if found.reasons[row] in (UNSEEN, UNEXPLAINED)]
        _contradictions[frame] = min(rows, default=None)
    return _contradictions[frame]


_contradictions: WeakKeyDictionary[SwapFrame, int | None] = WeakKeyDictionary()
"""Frames are frozen, and each is asked several times in a replay."""


def known_depth(frame: SwapFrame) -> LiquidityHistory | None:
    """The liquidity history by which orders may cross ticks: complete, exact, and explaining every recorded swap."""
    if frame.history is None or not frame.history.complete or frame.rounded or contradiction(frame) is not None:
        return None
    return frame.history


def _start(start: PoolStart | None) -> np.ndarray:
    record = np.zeros(1, dtype=kernel.SWAPS)
    if start is not None:
        record["sqrt_price"] = ExactInts.of([start.sqrt_price]).limbs
        record["liquidity"] = ExactInts.of([start.liquidity]).limbs
        record["tick"] = start.tick
    return record


def swap_records(frame: SwapFrame, rows: slice) -> np.ndarray:
    """Some of the frame's swaps as the compiled pricing takes them."""
    records = np.zeros(rows.stop - rows.start, dtype=kernel.SWAPS)
    falls = zero_for_one(frame, rows)
    amounts = tuple(amount.limbs[rows] for amount in frame.amounts)
    spent = np.where(falls[:, None], amounts[0], amounts[1])
    records["spent"] = _magnitudes(ExactInts(spent), sign=1)
    gained = np.where(falls[:, None], amounts[1], amounts[0])
    records["gained"] = _magnitudes(ExactInts(gained), sign=-1)
    records["zero_for_one"] = falls
    records["sqrt_price"], records["liquidity"] = frame.sqrt_price_x96.limbs[rows], frame.liquidity.limbs[rows]
    records["tick"] = frame.exact_tick[rows]
    records["recorded_tick"] = kernel.NO_TICK if frame.tick is None else frame.tick[rows]
    records["fee_pips"] = np.broadcast_to(own_pips(frame), len(frame))[rows]
    return records


def zero_for_one(frame: SwapFrame, rows: slice) -> NDArray[np.bool_]:
    """Which swaps sold token0: those that paid it or got token1; where nothing moved, those that let the price fall."""
    amount0, amount1 = (amount[rows] for amount in frame.amounts)
    paid0 = ~amount0.negative() & ~amount0.zero()
    paid1 = ~amount1.negative() & ~amount1.zero()
    still = amount0.zero() & amount1.zero()
    # Through a gap without liquidity a swap moves the price and no token.
    return np.where(still, _fell(frame, rows), paid0 | (~paid1 & amount1.negative()))


def _fell(frame: SwapFrame, rows: slice) -> NDArray[np.bool_]:
    """Which swaps left a lower price than the state before them."""
    start, price = frame.history.start if frame.history else None, frame.sqrt_price_x96
    opening = price[0] if start is None else start.sqrt_price
    first = price.limbs[rows.start - 1 : rows.start] if rows.start else ExactInts.of([opening]).limbs
    return price[rows].below(ExactInts(np.concatenate([first, price.limbs[rows][:-1]])))


_IMPOSSIBLE = ExactInts.of([(1 << 254)]).limbs[0]


def _magnitudes(amounts: ExactInts, *, sign: int) -> NDArray[np.uint64]:
    """Amounts times `sign`; one of the wrong sign becomes a number that no swap gives."""
    wrong = amounts.negative() if sign > 0 else ~amounts.negative() & ~amounts.zero()
    return np.where(wrong[:, None], _IMPOSSIBLE, amounts.limbs if sign > 0 else (-amounts).limbs)


def _errors(swaps: np.ndarray, priced: np.ndarray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the output of the priced swap is from the recorded one, in units and in basis points of it."""
    mine, theirs = (ExactInts(np.ascontiguousarray(table["gained"])) for table in (priced, swaps))
    given = mine.minus(theirs).to_floats()
    with np.errstate(divide="ignore", invalid="ignore"):
        return given, np.where(given == 0, 0.0, given / theirs.to_floats() * 1e4)
