"""The tape as the replay loop reads it: state, fee and gas price of each row, and where orders land."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError
from rook_bench.execution.chain_presets import native_coin
from rook_bench.execution.frictions import Frictions
from rook_bench.market.frame import SwapFrame
from rook_bench.market.reference import reference_price
from rook_bench.replay import dtypes as records
from rook_bench.tapecheck.fees import paid_pips

NS = 1_000_000_000


def market_rows(frame: SwapFrame, rows: NDArray[np.intp]) -> records.Records:
    """Some rows of the tape as the loop reads them; fee and gas are still to be filled in (see `charge`)."""
    market = np.zeros(len(rows), dtype=records.MARKET)
    market["at_ns"], market["price"] = frame.at[rows].astype(np.int64), frame.price[rows]
    market["sqrt_price"], market["liquidity"] = frame.sqrt_price_x96.limbs[rows], frame.liquidity.limbs[rows]
    market["tick"] = frame.exact_tick[rows]
    return market


def charge(market: records.Records, frame: SwapFrame, rows: NDArray[np.intp], frictions: Frictions) -> None:
    """Fill in the fee and the gas price that hold on each of the rows."""
    _, native = native_prices(frame, frictions)
    columns = {
        "fee_pips": fee_pips(frame, frictions),
        "gas_wei": gas_prices(frame, frictions),
        "native_price": native,
    }
    for name, column in columns.items():
        market[name] = column[rows] if isinstance(column, np.ndarray) else column


def native_prices(frame: SwapFrame, frictions: Frictions) -> tuple[int, NDArray[np.float64] | float]:
    """Which token of the pool gas is paid in, if one is, and what the coin it is paid in costs in quote on each row.

    Raises:
        ConfigError: where neither token is that coin and nothing gives its price.
    """
    pool, gas = frame.pool, frictions.gas
    coins = native_coin(frictions.chain or pool.chain)
    if gas.native_price is not None:
        return records.NEITHER, gas.native_price
    if pool.base.symbol.upper() in coins:
        return records.BASE, frame.price
    if pool.quote.symbol.upper() in coins:
        return records.QUOTE, 1.0
    if gas.flat_quote is not None or gas.gwei == 0:
        return records.NEITHER, 0.0
    price = reference_price(frame, coins, pool.quote.symbol)
    if price is None:
        raise ConfigError(
            f"gas is paid in {coins[0]}, which {pool.pair} does not price",
            where="gas",
            hint=f"give a tape of {coins[0]}/{pool.quote.symbol} with --reference, or set gas.native_price "
            "(quote per coin) or gas.flat_quote",
        )
    return records.NEITHER, price


def fee_pips(frame: SwapFrame, frictions: Frictions) -> NDArray[np.int64] | int:
    """The fee of an order that lands on each row: the configuration's, else see `tapecheck.fees.paid_pips`."""
    return paid_pips(frame) if frictions.fee_pips is None else frictions.fee_pips


def gas_prices(frame: SwapFrame, frictions: Frictions) -> NDArray[np.int64] | int:
    """Whole wei per unit of gas on each row; ConfigError where they should come from a tape that has none."""
    gas = frictions.gas
    if gas.gwei != "tape":
        return round(gas.gwei * 1e9)
    if gas.flat_quote is not None:
        return 0
    if frame.gas_price is None:
        raise ConfigError(
            "gas.gwei is 'tape', but the tape carries no gas prices",
            where=frame.source,
            hint="import it with --gas-prices FILE, or give a number",
        )
    return frame.gas_price


def landing(frame: SwapFrame, frictions: Frictions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row whose state each order meets (-1: beyond the tape), and the time it does, ns."""
    latency = frictions.latency
    rows, at = np.arange(len(frame)), frame.at.astype(np.int64)
    if latency.seconds is not None:
        wait = round(latency.seconds * NS)
        row = np.searchsorted(at, at + wait, side="right") - 1
        return np.where(at + wait > at[-1], -1, row), at + wait
    if latency.blocks is not None:
        if frame.block is None:
            raise InputError(
                "the tape has no block numbers, so latency can't be given in blocks",
                where="latency",
                hint="use seconds",
            )
        target = frame.block + latency.blocks
        last = np.searchsorted(frame.block, target, side="right") - 1
        block_time = frictions.block_time_s or frame.pool.block_time_s
        wait = round(latency.blocks * block_time * NS)
        # The target block's own time where it holds a swap, else the chain's block time.
        when = np.where(frame.block[last] == target, at[last], at + wait)
        row = _by_priority(frame, frictions, target, last) if frictions.ordering == "priority" else last
        # An order is never before the swap it was decided on, nor before an order that was sent earlier.
        row = np.maximum.accumulate(np.maximum(row, rows))
        return np.where(target > frame.block[-1], -1, row), when
    row = rows + (latency.swaps or 0)
    inside = np.minimum(row, len(frame) - 1)
    return np.where(row < len(frame), row, -1), at[inside]


def _by_priority(
    frame: SwapFrame, frictions: Frictions, target: NDArray[np.int64], last: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The last row of the target block that paid at least what the order pays, else the last row before the block."""
    if frame.gas_price is None or frictions.gas.gwei == "tape" or frame.block is None:
        return last
    outbid = np.flatnonzero(frame.gas_price >= round(frictions.gas.gwei * 1e9))
    before = np.searchsorted(frame.block, target, side="left") - 1
    if len(outbid) == 0:
        return before
    place = np.searchsorted(outbid, last, side="right") - 1
    behind = np.where(place >= 0, outbid[np.maximum(place, 0)], -1)
    return np.maximum(behind, before)
