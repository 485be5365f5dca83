"""What the replay assumed, and what it can't know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rook_bench.execution.chain_presets import chain_of
from rook_bench.replay.cautions import cautions
from rook_bench.replay.market_rows import native_prices
from rook_bench.replay.run import short_name
from rook_bench.report.entries import Entry
from rook_bench.report.formatting import count_of, number, percent
from rook_bench.tapecheck.fees import implied_fee


def assumptions(entries: Sequence[Entry]) -> list[tuple[str, list[str]]]:
    """Name and value by source; one value where all sources share it."""
    columns = [_of(entry) for entry in entries]
    rows = []
    for name in columns[0]:
        values = [column[name] for column in columns]
        rows.append((name, values[:1] if len(set(values)) == 1 else values))
    return rows


def limits_of_replay(entries: Sequence[Entry]) -> list[str]:
    """What no replay of a recorded tape can know, with how often it mattered."""
    lines = [
        "Our own trades do not move the recorded tape: arbitrage is assumed to restore the price before the next swap.",
    ]
    whole = _knows_its_ticks(entries[0])
    if whole:
        lines.append("Every initialised tick is known on every row, so fills that cross ticks are exact too.")
    else:
        lines.append(
            "Beyond the tick range the pool price stands in, the recorded liquidity is assumed to go on unchanged."
        )
    for entry in entries:
        if entry.fills and whole:
            crossing = int((entry.run.orders.crossed > 0).sum())
            lines.append(f"{entry.label}: {crossing:,} of {count_of(entry.fills, 'fill')} crossed ticks.")
        elif entry.fills:
            left = int(entry.run.orders.left_range.sum())
            share = percent(left / entry.fills, 1)
            lines.append(f"{entry.label}: {left:,} of {count_of(entry.fills, 'fill')} ({share}) left that range.")
    lines += [f"{line[0].upper()}{line[1:]}." for line in cautions(entries[0].run.frame, entries[0].run.config)]
    if entries[0].run.frame.block is None:
        lines.append("The tape has no blocks, so whether an order could have stood in the same block is not known.")
    return lines


def _knows_its_ticks(entry: Entry) -> bool:
    repricing = entry.run.tape_check.repricing
    return repricing is not None and repricing.tick_map == "whole"


def _of(entry: Entry) -> dict[str, str]:
    config, run = entry.run.config, entry.run
    frictions, risk = config.frictions, config.risk
    pool = run.frame.pool
    own = f"{percent(pool.fee)}, the pool's own"
    found = implied_fee(run.frame)
    if found is not None and found.median is not None and run.frame.fee_pips is None:
        if found.finding == "another":
            own = f"{percent(found.median)}, as the amounts imply: the stated {percent(pool.fee)} is wrong"
        elif found.finding == "varies":
            own = f"it varies, {percent(found.median)} in the middle: an order pays what the swap before paid"
    elif run.frame.fee_pips is not None:
        own = "as recorded with the swap before"
    value, currency = config.capital.quote_value, entry.quote
    if config.capital.value is not None:
        value, currency = config.capital.value, config.numeraire or entry.quote
    capital = f"{number(value, 0 if value.is_integer() else 2)} {currency} in value"
    return {
        "Opening capital": f"{capital}, {percent(config.capital.base_share, 0)} of it in {entry.base}",
        "Latency": f"{frictions.latency} from decision to pool"
        + (", then behind those who pay as much for gas" if frictions.ordering == "priority" else ""),
        "Pool fee": own
        if frictions.fee_pips is None
        else f"{percent(frictions.fee_pips / 1e6)} instead of the pool's {percent(pool.fee)}",
        "Gas": _gas(entry),
        "Chain": _chain(frictions.chain or pool.chain),
        "Adverse ordering": {
            "none": "none: nobody trades around the orders",
            "typical": "a searcher sandwiches an order where that pays him after fees and gas",
            "worst": "every order gets the least that its slippage limit allows",
        }[frictions.mev],
        "Slippage beyond the limit": {
            "revert": "the order reverts and pays gas",
            "partial": "the order fills up to its price limit",
        }[frictions.on_slippage],
        "Largest slippage limit": "as decided"
        if risk.max_slippage_bps is None
        else f"{number(risk.max_slippage_bps, 0)} bps",
        "Sizing": _reference(risk.sizer)
        + f", at most {percent(risk.max_order_fraction, 0)} of the available balance"
        + ("" if risk.max_order_value is None else f" and {number(risk.max_order_value, 2)} {pool.quote.symbol}"),
        "Filters": ", ".join(map(_reference, risk.filters)) or "none",
        "Seed": str(config.seed),
        "Clock of returns": entry.analysis.clock.label,
    }


def _chain(name: str) -> str:
    chain = chain_of(name)
    if chain is None:
        return (
            f"{name}: nothing is known of its gas and blocks, ethereum's are assumed" if name != "simulated" else name
        )
    return f"{name}: blocks of {chain.block_time_s:g} s, mempool {chain.mempool} ({'; '.join(chain.sources)})"


def _gas(entry: Entry) -> str:
    gas, frame = entry.run.config.frictions.gas, entry.run.frame
    if gas.flat_quote is not None:
        return f"{number(gas.flat_quote)} {entry.quote} per transaction"
    units = f"{gas.swap_units:,} units per swap"
    if gas.crossing_units != (gas.swap_units,) * 3:
        units += " (" + ", ".join(f"{count:,}" for count in gas.crossing_units) + " with one, two, more ticks crossed)"
    units += f", {gas.slippage_revert_units:,} for a revert on slippage, {gas.deadline_revert_units:,} on deadline"
    if gas.gwei == "tape":
        prices = np.quantile(frame.gas_price, (0.1, 0.5, 0.9)) / 1e9 if frame.gas_price is not None else ()
        at = "as the tape recorded it, " + " / ".join(number(price) for price in prices) + " gwei (10/50/90%)"
    else:
        _, price = native_prices(frame, entry.run.config.frictions)
        cost = gas.swap_units * gas.gwei * 1e-9 * float(np.broadcast_to(price, len(frame))[0])
        gwei = number(gas.gwei, 4).rstrip("0").rstrip(".")
        at = f"{gwei} gwei ({number(cost)} {entry.quote} per swap at the first price)"
    below = f"; {number(gas.l1_fee_quote)} {entry.quote} more for the chain below" if gas.l1_fee_quote else ""
    return f"{at}: {units}{below}"


def _reference(reference: str | dict[str, Any]) -> str:
    if isinstance(reference, str):
        return short_name(reference)
    params = ", ".join(f"{key} {value}" for key, value in reference.items() if key != "name")
    return f"{reference.get('name')} ({params})" if params else str(reference.get("name"))
