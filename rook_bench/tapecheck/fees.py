"""The fee that a log's own amounts imply, and what an order on it pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.exact import CHUNK
from rook_bench.core.ranks import median, quantile
from rook_bench.market.frame import SwapFrame
from rook_bench.tapecheck.moves import Moves, is_move

PIPS = 1_000_000

ROUNDED_TOLERANCE, EXACT_TOLERANCE, EXACT_UNITS = 1e-3, 1e-9, 2
"""How far the output of a pair may lie from what its prices give: relative on a rounded log, and on an exact one
relative or so many units, whichever is more."""

TELLING = 4_000_000
"""Units that have to come in, and that the sqrt price has to move by, for the fee to be known to a quarter of a pip."""

FAR = 1.025
"""A sqrt price that moves by a larger factor may have crossed positions and come back to the same liquidity."""

AGREES = 0.95
"""Share of the telling pairs that lie within a pip of their median where the fee is one fee."""

ROUNDED_PIPS = 20
"""A rounded log tells a fee to so many pips only."""

ENOUGH = 10
"""Telling pairs without which nothing is said against the stated fee."""


@dataclass(frozen=True, eq=False)
class ImpliedFee:
    """What the amounts say of the fee, measured whatever the stated one is.

    Attributes:
        pairs: pairs of equal liquidity whose output follows from the two prices.
        telling: those with amounts large enough to tell the fee to a quarter of a pip.
        median, low, high: of the fee on the amount in, a fraction; low and high are the quantiles 1% and 99% of the
            telling pairs. None where there is no pair.
        finding: "stated" (it is what the metadata says), "recorded" (it is what each swap's record says), "another"
            (it is one fee, and not the stated one), "varies", or "unknown" (too few pairs).
        by_row: the fee in pips that each telling swap paid, -1 elsewhere, int64, shape (n,).
    """

    pairs: int
    telling: int
    median: float | None
    low: float | None
    high: float | None
    finding: str
    by_row: NDArray[np.int64]

    @property
    def median_pips(self) -> int | None:
        """The median as a whole number of millionths."""
        return None if self.median is None else round(self.median * PIPS)

    def known_pips(self, stated: int) -> NDArray[np.int64]:
        """The last fee that a swap up to each row was seen to pay, in pips; the stated one before the first."""
        if "known" not in self.__dict__:
            last = stated

            def latest(rows: slice) -> NDArray[np.int64]:
                nonlocal last
                seen = np.flatnonzero(self.by_row[rows] >= 0)
                values = np.append(last, self.by_row[rows][seen])
                last = int(values[-1])
                return values[np.searchsorted(seen, np.arange(rows.stop - rows.start), side="right")]

            self.__dict__["known"] = mapped.by_part(len(self.by_row), latest, np.int64)  # asked for by row
        found: NDArray[np.int64] = self.__dict__["known"]
        return found


def implied_fee(frame: SwapFrame) -> ImpliedFee | None:
    """Measure the fee of every pair of swaps that leaves no doubt about its amounts; None without amounts."""
    if frame not in _measured:
        _measured[frame] = _measure(frame)
    return _measured[frame]


_measured: WeakKeyDictionary[SwapFrame, ImpliedFee | None] = WeakKeyDictionary()
"""The check, the re-pricing and the replay ask for the same frame's."""


def _measure(frame: SwapFrame) -> ImpliedFee | None:
    if frame.amount0 is None or frame.amount1 is None:
        return None
    tolerance, units = (ROUNDED_TOLERANCE, 0) if frame.rounded else (EXACT_TOLERANCE, EXACT_UNITS)
    fees, size = mapped.full(len(frame), np.nan), mapped.full(len(frame), 0.0)
    for part in mapped.parts(len(frame), CHUNK):
        rows = np.arange(max(1, part.start), part.stop)
        rows = rows[is_move(frame, rows - 1, rows)]
        moves = Moves.of(frame, rows - 1, rows)
        of0 = moves.amount0 > 0
        came, net_in = np.where(of0, moves.amount0, moves.amount1), np.where(of0, moves.net0, moves.net1)
        went, net_out = np.where(of0, moves.amount1, moves.amount0), np.where(of0, moves.net1, moves.net0)
        told = (of0 != (moves.amount1 > 0)) & (net_in > 0)
        told &= np.abs(net_out - went) <= np.maximum(tolerance * np.abs(went), units)
        near = np.maximum(moves.before, moves.after) < FAR * np.minimum(moves.before, moves.after)
        fees[rows[told]] = 1.0 - net_in[told] / came[told]
        size[rows[told]] = np.where(near, np.minimum(came, moves.moved), 0.0)[told]
    return _found(frame, fees, size)


def _found(frame: SwapFrame, fees: NDArray[np.float64], size: NDArray[np.float64]) -> ImpliedFee:
    def telling(rows: slice) -> NDArray[np.bool_]:
        fee = fees[rows]  # of which NaN is in no interval
        return (size[rows] >= TELLING) & (fee > -1e-6) & (fee < 1)

    def pips(rows: slice) -> NDArray[np.int64]:
        told = telling(rows)
        return np.where(told, np.round(np.where(told, fees[rows], 0.0) * PIPS), -1).astype(np.int64)

    by_row = mapped.by_part(len(fees), pips, np.int64)
    pairs = mapped.count(len(fees), lambda rows: ~np.isnan(fees[rows]))
    if not pairs:
        return ImpliedFee(0, 0, None, None, None, "unknown", by_row)
    told = mapped.count(len(fees), telling)
    used = telling if told else lambda rows: ~np.isnan(fees[rows])
    paid = mapped.gathered(len(fees), lambda rows: fees[rows][used(rows)])
    middle, low, high = median(paid), quantile(paid, 0.01), quantile(paid, 0.99)
    finding = _finding(frame, paid, telling, middle) if told >= ENOUGH else "unknown"
    return ImpliedFee(pairs, told, middle, low, high, finding, by_row)


def _finding(
    frame: SwapFrame, paid: NDArray[np.float64], telling: Callable[[slice], NDArray[np.bool_]], median: float
) -> str:
    """What telling pairs paid, against what is recorded, stated, and in the middle."""
    pip = (ROUNDED_PIPS if frame.rounded else 1) / PIPS

    def agrees(fee: Callable[[slice], float | NDArray[np.float64]]) -> bool:
        return mapped.count(len(paid), lambda rows: np.abs(paid[rows] - fee(rows)) <= pip) / len(paid) >= AGREES

    if frame.fee_pips is not None:
        pips = frame.fee_pips
        recorded = mapped.gathered(len(frame), lambda rows: pips[rows][telling(rows)] / PIPS)
        if agrees(lambda rows: recorded[rows]):
            return "recorded"
    if agrees(lambda rows: frame.pool.fee):
        return "stated"
    return "another" if agrees(lambda rows: median) else "varies"


def paid_pips(frame: SwapFrame) -> NDArray[np.int64] | int:
    """The fee, in pips, that an order right after each swap pays: recorded, else stated, else what the amounts imply.

    Where the fee varies and no record tells it, that is the one which the last telling swap before paid.
    """
    if frame.fee_pips is not None:
        pips = frame.fee_pips
        return mapped.by_part(len(frame), lambda rows: pips[rows].astype(np.int64), np.int64)
    found = implied_fee(frame)
    if found is None or found.finding in ("stated", "recorded", "unknown") or found.median_pips is None:
        return frame.pool.fee_pips
    return found.median_pips if found.finding == "another" else found.known_pips(frame.pool.fee_pips)


def own_pips(frame: SwapFrame) -> NDArray[np.int64] | int:
    """The fee, in pips, that each swap itself paid, as far as it is known; see `paid_pips`."""
    paid = paid_pips(frame)
    found = implied_fee(frame)
    if frame.fee_pips is not None or found is None or found.finding != "varies":
        return paid
    known = np.broadcast_to(paid, len(frame))
    own = found.by_row
    return mapped.by_part(len(frame), lambda rows: np.where(own[rows] >= 0, own[rows], known[rows]), np.int64)


def said_of_fee(frame: SwapFrame) -> str | None:
    """What to say of a fee that is not the stated one, and of what a replay then pays; None where it is."""
    found = implied_fee(frame)
    if found is None or found.median is None or found.finding in ("stated", "unknown"):
        return None
    stated = f"the stated fee of {frame.pool.fee:.4%}"
    recorded = frame.fee_pips is not None
    if found.finding == "recorded":
        # A stated fee of zero stands for one that a hook sets anew; nobody is misled by it.
        if not frame.pool.fee_pips or found.low is None or found.high is None:
            return None
        if found.low - 1 / PIPS <= frame.pool.fee <= found.high + 1 / PIPS:
            return None
        return f"{stated} is wrong: {found.median:.4%} is recorded with the swaps and implied, and a replay pays that"
    if found.finding == "another":
        pays = "the recorded fee is paid all the same" if recorded else "a replay pays what they imply"
        return f"{stated} is wrong: the amounts of {found.telling:,} pairs imply {found.median:.4%}; {pays}"
    pays = "a replay pays the recorded fee" if recorded else "a replay pays what the swap before paid"
    return (
        f"the pool's fee varies: {found.median:.4%} in the middle, {found.low:.4%} to {found.high:.4%} on 98% of "
        f"{found.telling:,} pairs ({stated} is not it); {pays}"
    )
