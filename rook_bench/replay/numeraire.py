"""The currency that a run is told in beside the quote, and what one quote token costs in it on each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError
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
        return np.ones(len(frame))
    if same_coin(numeraire, pool.base.symbol):
        return 1.0 / frame.price
    rate = reference_price(frame, (pool.quote.symbol,), numeraire)
    if rate is not None:
        return rate
    rate = reference_price(frame, (pool.base.symbol,), numeraire)
    if rate is not None:
        return rate / frame.price
    raise ConfigError(
        f"nothing tells what {pool.quote.symbol} costs in {numeraire}",
        where="numeraire",
        hint=f"give a tape of {pool.quote.symbol}/{numeraire} with --reference",
    )
