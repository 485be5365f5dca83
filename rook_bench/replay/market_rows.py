"""The tape as the replay loop reads it: state, fee and gas price of each row, and where orders land."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError, mapped
from rook_bench.execution.chain_presets import native_coin
from rook_bench.execution.frictions import Frictions
from rook_bench.market.frame import SwapFrame
from rook_bench.market.reference import reference_price
from rook_bench.replay import dtypes as records
from rook_bench.tapecheck.fees import paid_pips

NS = 1_000_000_000


def market_rows(frame: SwapFrame, rows: NDArray[np.intp]) -> records.Records:
    """Some rows of the tape as the loop reads them; fee and gas are still to be filled in (see `charge`)."""
    market = records.zeros(len(rows), records.MARKET)
    for part in mapped.parts(len(rows)):
        own, some = rows[part], market[part]
        some["at_ns"], some["price"] = frame.at[own].astype(np.int64), frame.price[own]
        some["sqrt_price"], some["liquidity"] = frame.sqrt_price_x96.limbs[own], frame.liquidity.limbs[own]
        some["tick"] = frame.exact_tick[own]
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
        for part in mapped.parts(len(rows)):
            market[name][part] = column[rows[part]] if isinstance(column, np.ndarray) else column


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


def landing(
    frame: SwapFrame, frictions: Frictions, rows: NDArray[np.intp] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row whose state each order meets (-1: beyond the tape), and the time it does, ns.

    An order is never before the swap it was decided on, nor before an order that was sent earlier: what an order
    meets does not come earlier with the row that it was decided on.

    Args:
        rows: that the orders are decided on, ascending; all by default.
    """
    rows = np.arange(len(frame)) if rows is None else rows
    found, when = mapped.empty(len(rows), np.int64), mapped.empty(len(rows), np.int64)
    outbid = _outbid(frame, frictions)
    for part in mapped.parts(len(rows)):
        found[part], when[part] = _landing(frame, frictions, rows[part], outbid)
    return found, when


def _landing(
    frame: SwapFrame, frictions: Frictions, rows: NDArray[np.intp], outbid: NDArray[np.intp] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    latency, at = frictions.latency, frame.at
    if latency.seconds is not None:
        wait = round(latency.seconds * NS)
        when = at[rows].astype(np.int64) + wait
        row = np.searchsorted(at, when.astype(at.dtype), side="right") - 1
        return np.where(when > at[-1].astype(np.int64), -1, row), when
    if latency.blocks is not None:
        if frame.block is None:
            raise InputError(
                "the tape has no block numbers, so latency can't be given in blocks",
                where="latency",
                hint="use seconds",
            )
        target = frame.block[rows] + latency.blocks
        last = np.searchsorted(frame.block, target, side="right") - 1
        block_time = frictions.block_time_s or frame.pool.block_time_s
        wait = round(latency.blocks * block_time * NS)
        # The target block's own time where it holds a swap, else the chain's block time.
        when = np.where(frame.block[last] == target, at[last].astype(np.int64), at[rows].astype(np.int64) + wait)
        row = last if outbid is None else _by_priority(frame.block, outbid, target, last)
        return np.where(target > frame.block[-1], -1, np.maximum(row, rows)), when
    row = rows + (latency.swaps or 0)
    inside = np.minimum(row, len(frame) - 1)
    return np.where(row < len(frame), row, -1), at[inside].astype(np.int64)


def _outbid(frame: SwapFrame, frictions: Frictions) -> NDArray[np.intp] | None:
    """Rows that paid at least what an order pays; None where nobody's place in a block is bid for, or known."""
    price = frame.gas_price
    if frictions.ordering != "priority" or price is None or frictions.gas.gwei == "tape":
        return None
    bid = round(frictions.gas.gwei * 1e9)
    more = lambda rows: rows.start + np.flatnonzero(price[rows] >= bid)  # noqa: E731
    return mapped.gathered(len(frame), more, np.intp)


def _by_priority(
    block: NDArray[np.int64], outbid: NDArray[np.intp], target: NDArray[np.int64], last: NDArray[np.intp]
) -> NDArray[np.intp]:
    """The last row of the target block that paid at least what the order pays, else the last row before the block."""
    before = np.searchsorted(block, target, side="left") - 1
    if len(outbid) == 0:
        return before
    place = np.searchsorted(outbid, last, side="right") - 1
    behind = np.where(place >= 0, outbid[np.maximum(place, 0)], -1)
    return np.maximum(behind, before)
