"""Whether each swap's amounts follow from its price and that of the swap before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.exact import CHUNK
from rook_bench.market.frame import SwapFrame
from rook_bench.tapecheck.fees import EXACT_TOLERANCE, EXACT_UNITS, PIPS, ROUNDED_TOLERANCE, own_pips
from rook_bench.tapecheck.moves import Moves, is_move

SECOND = np.timedelta64(1, "s")


@dataclass(frozen=True)
class Chain:
    """Pairs of swaps that can be compared, those that chain, and those that chain to another one of their second."""

    pairs: int
    chained: int
    reordered: int


def tolerance_of(frame: SwapFrame) -> float:
    """The share of an amount that it may be off by."""
    return ROUNDED_TOLERANCE if frame.rounded else EXACT_TOLERANCE


def chain_of(frame: SwapFrame) -> Chain:
    """Compare each swap's recorded amounts with those that its own two prices imply."""
    pips = np.broadcast_to(own_pips(frame), len(frame))
    pairs = chained = reordered = 0
    for part in mapped.parts(len(frame), CHUNK):
        rows = np.arange(max(1, part.start), part.stop)
        rows = rows[is_move(frame, rows - 1, rows)]
        follows = _follows(frame, rows - 1, rows, pips)
        pairs, chained = pairs + len(rows), chained + int(follows.sum())
        for others, missed in _same_second(frame.at, rows[~follows]):
            likely = is_move(frame, others, missed)
            others, missed = others[likely], missed[likely]
            reordered += len(np.unique(missed[_follows(frame, others, missed, pips)]))
    return Chain(pairs, chained, reordered)


def _follows(
    frame: SwapFrame, earlier: NDArray[np.intp], rows: NDArray[np.intp], pips: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which swaps' amounts follow from the prices that the swaps at `earlier` left."""
    moves, fee = Moves.of(frame, earlier, rows), pips[rows] / PIPS
    tolerance, units = tolerance_of(frame), 0 if frame.rounded else EXACT_UNITS
    follows = np.ones(len(rows), dtype=bool)
    for net, recorded in ((moves.net0, moves.amount0), (moves.net1, moves.amount1)):
        expected = np.where(net > 0, net / (1.0 - fee), net)  # the token that came in also paid the fee
        follows &= ~(np.abs(expected - recorded) > np.maximum(tolerance * np.abs(recorded), units))
    return follows


def _same_second(
    at: NDArray[np.datetime64], rows: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Other rows of each row's second, and that row beside each, without the row before (which was tried already).

    In parts of some thousand pairs, each row's in one part.
    """
    second = at[rows].astype("datetime64[s]").astype(at.dtype)
    first = np.searchsorted(at, second, side="left")
    count = np.searchsorted(at, second + SECOND, side="left") - first
    ends = np.cumsum(count)
    for part in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(ends // CHUNK)) + 1):
        own = np.repeat(rows[part], count[part])
        place = np.arange(len(own)) - np.repeat(np.cumsum(count[part]) - count[part], count[part])
        others = np.repeat(first[part], count[part]) + place
        told = (others != own) & (others != own - 1)
        yield others[told], own[told]
