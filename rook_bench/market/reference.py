"""What another pool said of a price at each swap of a tape: the last time before it, never after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool

STALE_S = 86_400
"""A reference price older than this is told of."""

_WRAPPED = {"WETH": "ETH", "WBNB": "BNB", "WPOL": "POL", "WMATIC": "MATIC", "WAVAX": "AVAX", "WXDAI": "XDAI"}


def with_reference(frame: SwapFrame, reference: SwapFrame) -> SwapFrame:
    """The frame with the price that a reference tape held at each swap: after its last swap of an earlier time.

    Args:
        frame: the tape.
        reference: a tape of another pool; "WETH/USDC" tells what ether costs in USDC, and the other way round.

    Raises:
        InputError: a reference that begins after the tape does.
    """
    last = np.searchsorted(reference.at, frame.at, side="left") - 1
    if last[0] < 0:
        late = int((last < 0).sum())
        raise InputError(
            f"it begins at {reference.at_index[0]:%Y-%m-%d %H:%M:%S} UTC, after the first {late:,} swaps of the tape",
            where=reference.source or "reference",
            hint="give one that begins before the tape, or take the tape from there on (--from)",
        )
    age_s = (frame.at - reference.at[last]) / np.timedelta64(1, "s")
    old = f", up to {age_s.max() / 3600:,.0f} hours old" if age_s.max() > STALE_S else ""
    pair = reference.pool.pair
    note = f"price of {pair} from {reference.source or 'a reference tape'}{old}"
    return replace(frame, references={**frame.references, pair: reference.price[last]}, notes=(*frame.notes, note))


def reference_price(frame: SwapFrame, coins: Iterable[str], currency: str) -> NDArray[np.float64] | None:
    """What the first of `coins` that a reference knows costs in `currency` on each row; None where none does.

    A wrapped coin costs what the coin does. Shape (n,).
    """
    wanted = {_plain(coin) for coin in coins}
    for pair, price in frame.references.items():
        base, _, quote = pair.rpartition("/")
        if _plain(base) in wanted and _plain(quote) == _plain(currency):
            return np.asarray(price)
        if _plain(quote) in wanted and _plain(base) == _plain(currency):
            return np.asarray(1.0 / price)
    return None


def same_coin(one: str, other: str) -> bool:
    """Whether two symbols are of one coin, wrapped or not."""
    return _plain(one) == _plain(other)


def same_pair(pair: str, pool: Pool) -> bool:
    """Whether a pair such as "ETH/USDC" is a pool's, its base named first; wrapped or not."""
    names = pair.split("/")
    return len(names) == 2 and same_coin(names[0], pool.base.symbol) and same_coin(names[1], pool.quote.symbol)


def _plain(symbol: str) -> str:
    return _WRAPPED.get(symbol.upper(), symbol.upper())
