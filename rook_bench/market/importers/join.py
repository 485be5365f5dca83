"""Several files of one pool as one tape."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.exact import ExactInts
from rook_bench.market.frame import SwapFrame

_EXACT = ("sqrt_price_x96", "liquidity", "amount0", "amount1", "tx_hash")
_PLAIN = ("at", "tick", "block", "tx_index", "log_index", "fee_pips", "gas_price", "recorded_volume")


def join_swaps(frames: Sequence[SwapFrame]) -> SwapFrame:
    """Join frames of one pool in order of time, each swap once.

    A swap is known by (block, log index). Frames that overlap in time and lack either can't be
    joined, because nothing would tell a repeated swap from two equal ones. What liquidity did
    between the swaps is not joined: logs that hold it are read together, as one stream.

    Raises:
        InputError: for different pools, different columns or an overlap that can't be resolved.
    """
    if len(frames) == 1:
        return frames[0]
    frames = sorted(frames, key=lambda frame: frame.at[0])
    first = frames[0]
    for frame in frames[1:]:
        if frame.pool != first.pool:
            raise InputError(
                f"is from another pool than {first.source}", where=frame.source, hint="join files of one pool"
            )
        if _columns(frame) != _columns(first):
            raise InputError(
                f"has other columns than {first.source}", where=frame.source, hint="join files of one layout"
            )
    rows = _rows_by_position(frames) if _overlap(frames) else slice(None)
    exact = [name for name in (*_EXACT, *_PLAIN) if getattr(first, name) is not None]
    total = sum(len(frame) for frame in frames)
    dropped = total - len(rows) if isinstance(rows, np.ndarray) else 0
    return replace(
        first,
        **{name: _stack([getattr(frame, name) for frame in frames])[rows] for name in exact},
        recorded={name: np.concatenate([frame.recorded[name] for frame in frames])[rows] for name in first.recorded},
        labels={name: np.concatenate([frame.labels[name] for frame in frames])[rows] for name in first.labels},
        rounded={name: reason for frame in frames for name, reason in frame.rounded.items()},
        history=None,
        source=", ".join(frame.source for frame in frames),
        notes=(
            *dict.fromkeys(note for frame in frames for note in frame.notes),
            f"{len(frames)} files joined, {dropped} repeated swaps dropped",
        ),
    )


def _rows_by_position(frames: Sequence[SwapFrame]) -> NDArray[np.intp]:
    """Rows of the stacked frames in order on the chain, each position once."""
    if frames[0].block is None or frames[0].log_index is None:
        raise InputError(
            "the files overlap in time and carry no block and log index", where=frames[1].source, hint="cut the overlap"
        )
    block = np.concatenate([frame.block for frame in frames if frame.block is not None])
    log_index = np.concatenate([frame.log_index for frame in frames if frame.log_index is not None])
    order = np.lexsort((log_index, block))
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (np.diff(block[order]) != 0) | (np.diff(log_index[order]) != 0)
    return order[fresh]


def _stack(columns: list[Any]) -> Any:
    if isinstance(columns[0], ExactInts):
        return ExactInts(np.concatenate([column.limbs for column in columns]))
    return np.concatenate(columns)


def _overlap(frames: Sequence[SwapFrame]) -> bool:
    return any(later.at[0] <= earlier.at[-1] for earlier, later in itertools.pairwise(frames))


def _columns(frame: SwapFrame) -> tuple[object, ...]:
    present = tuple(name for name in (*_EXACT, *_PLAIN) if getattr(frame, name) is not None)
    return present, tuple(frame.recorded), tuple(frame.labels)
