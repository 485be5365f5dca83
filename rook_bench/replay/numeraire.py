"""The currency that a run is told in beside the quote, and what one quote token costs in it on each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, mapped
from rook_bench.market.frame import SwapFrame
from rook_bench.market.reference import reference_price, same_coin


def numeraire_rate(frame: SwapFrame, numeraire: str | None) -> NDArray[np.float64]:
    """Numeraire per quote token right at each swap, shape (n,); 1 where the quote is the numeraire, or there is none.

    The pool's own price turns base into quote; a reference tape's price is the last from before the swap.

    Raises:
        ConfigError: where neither the pool nor a reference tells what the quote costs in it.
    """
    pool = frame.pool
    if numeraire is None or same_coin(numeraire, pool.quote.symbol):
        return np.broadcast_to(np.float64(1.0), len(frame))
    price = frame.price
    if same_coin(numeraire, pool.base.symbol):
        return mapped.by_part(len(frame), lambda rows: 1.0 / price[rows])
    rate = reference_price(frame, (pool.quote.symbol,), numeraire)
    if rate is not None:
        return rate
    rate = reference_price(frame, (pool.base.symbol,), numeraire)
    if rate is not None:
        in_base = rate
        return mapped.by_part(len(frame), lambda rows: in_base[rows] / price[rows])
    raise ConfigError(
        f"nothing tells what {pool.quote.symbol} costs in {numeraire}",
        where="numeraire",
        hint=f"give a tape of {pool.quote.symbol}/{numeraire} with --reference",
    )
