"""What can be shown of each order: when, how much, at which costs, and what every filter said of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, mapped
from rook_bench.execution.outcome import OUTCOME_NAMES
from rook_bench.market.features import FEATURES, compute_feature
from rook_bench.market.frame import SwapFrame
from rook_bench.replay.said_by_filters import Answers
from rook_bench.replay.worth import worth_of

if TYPE_CHECKING:
    from rook_bench.replay.run import Run

MARKOUTS_S = (60, 300, 1800)
"""Seconds after a fill at which the tables show where the price stood."""

COSTS = ("delay", "impact", "fee", "mev", "gas")
"""From the price at which an order was decided to what was paid: they add up to the shortfall."""

SEEN = "seen_"
"""How the columns of features begin."""

PART = 1 << 16
"""Orders of which evidence is made at once."""


def evidence(run: Run, part: int = PART) -> Iterator[pa.Table]:
    """The evidence of a run's orders, a row each in the order of the tape, some at a time; one table at least.

    Columns: `row` and `landing_row` (-1 beyond the tape), `decided_at` and `landed_at`; `side`, `outcome`,
    `rejected_by` (missing where nothing did); `size` wished and `fraction` permitted of the free balance,
    `slippage_bps`, `deadline_s`, `confidence`.
    `price_decided` and `price` (quote per base; the pool's where it was decided and where it landed), `paid_price` (all
    costs in); `offered` and `quoted` (human units of what was given, and of what the pool promised for it); `base`
    and `quote` (changed hands), `value` (quote, of what was offered or changed hands, at `price_decided`).
    Costs in quote: `delay` (what the price moved against the fill while it was under way), `impact`, `fee`, `mev`,
    `gas`, and `shortfall`, their sum; each again over `value` as `..._bps`. `pnl` (quote): worth at the tape's last
    price. `markout_60s_bps` and so on as in `markout_bps`. Missing where nothing was sent.
    `filters`: of each filter `name`, `ok` (missing where it was not asked) and `value`, the number that it looks at
    (missing where it says of none).
    Where a language model was asked, `seen_price` and so on: every feature as it was on the row, of which a prompt
    shows some, rounded (`market.features.compute_features` has their units).

    Args:
        part: orders of a table.
    """
    answers, landed, seen = Answers(run), iter(run.landed), _seen(run)
    for which in list(mapped.parts(len(run.orders), part)) or [slice(0, 0)]:
        yield _table(run, which, answers, landed, {name: column[which] for name, column in seen.items()})
        mapped.release()


def _seen(run: Run) -> dict[str, NDArray[np.float64]]:
    """Every feature on the rows of the orders, where a language model was asked: shape (orders,) each."""
    if run.decided.tape.transcript is None:
        return {}
    frame = run.frame
    return {
        f"{SEEN}{name}": compute_feature(frame, name)[run.orders.row]
        for name in dict.fromkeys((*FEATURES, *frame.recorded))
    }


def _table(
    run: Run, which: slice, answers: Answers, landed: Iterator[Any], seen: dict[str, NDArray[np.float64]]
) -> pa.Table:
    frame, orders = run.frame, run.orders.rows(which)
    permitted, tape, pool = run.permitted, run.decided.tape, frame.pool
    row, landing, buys = orders.row, orders.landing_row, orders.buys
    decided, met = frame.price[row], np.where(landing >= 0, frame.price[np.maximum(landing, 0)], np.nan)
    moved = np.flatnonzero(orders.filled | orders.gas_quote_or_base)
    offered = _of_side(buys, orders.amount_in.to_floats, pool.quote.unit, pool.base.unit)
    quoted = _of_side(~buys, orders.quoted.to_floats, pool.quote.unit, pool.base.unit)
    exact = np.array([worth_of(frame, order) for order in islice(landed, len(moved))], dtype=object)
    units = np.array([pool.base.unit] + 6 * [pool.quote.unit], dtype=object)
    base, quote, fee, impact, mev, gas, pnl = _spread(exact.reshape(-1, 7) / units, moved, len(row))
    traded = base > 0
    value = np.where(traded, np.where(buys, quote, base * decided), np.where(buys, offered, offered * decided))
    delay = np.where(traded, np.where(buys, 1.0, -1.0) * base * (met - decided), np.where(np.isnan(gas), np.nan, 0.0))
    costs = dict(zip(COSTS, (delay, impact, fee, mev, gas), strict=True))
    costs["shortfall"] = sum(costs.values(), np.zeros(len(row)))
    paid = paid_price(buys, base, quote, gas)
    with np.errstate(divide="ignore", invalid="ignore"):
        bps = {f"{name}_bps": 1e4 * np.where(value > 0, cost / value, np.nan) for name, cost in costs.items()}
    at = lambda rows: pa.array(frame.at[np.maximum(rows, 0)], pa.timestamp("ns", "UTC"), mask=rows < 0)  # noqa: E731
    numbers = {
        "size": tape.size[row],
        "fraction": permitted.fraction[row],
        "slippage_bps": permitted.slippage_bps[row],
        "deadline_s": tape.deadline_s[row],
        "confidence": tape.confidence[row],
        "price_decided": decided,
        "price": met,
        "paid_price": paid,
        "offered": np.where(orders.amount_in.zero(), np.nan, offered),
        "quoted": np.where(orders.quoted.zero(), np.nan, quoted),
        "base": base,
        "quote": quote,
        "value": np.where(value > 0, value, np.nan),
        **costs,
        **bps,
        "pnl": pnl,
        **{f"markout_{after}s_bps": markout_bps(frame, landing, buys, paid, after) for after in MARKOUTS_S},
        **seen,
    }
    return pa.table(
        {
            "row": row,
            "landing_row": landing,
            "decided_at": at(row),
            "landed_at": at(landing),
            "side": pa.array(np.array(SIDE_NAMES, dtype=object)[orders.side], pa.string()),
            "outcome": pa.array(np.array(OUTCOME_NAMES, dtype=object)[orders.outcome], pa.string()),
            "rejected_by": pa.array(orders.rejected_by, pa.string(), mask=orders.rejected_by == ""),
            **{name: pa.array(column, pa.float64(), from_pandas=True) for name, column in numbers.items()},
            "filters": answers.column(which),
        }
    )


def _of_side(first: NDArray[np.bool_], floats: Any, unit: int, other: int) -> NDArray[np.float64]:
    """Amounts in human units: of one token where `first`, of the other elsewhere."""
    return np.where(first, floats(unit), floats(other))


def _spread(values: NDArray[np.object_], places: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Columns of some orders as columns of all, NaN for the others; shape (columns, count)."""
    whole = np.full((values.shape[1], count), np.nan)
    whole[:, places] = values.astype(np.float64).T
    return whole


def paid_price(
    buys: NDArray[np.bool_], base: NDArray[np.float64], quote: NDArray[np.float64], gas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quote per base with gas and all other costs in; NaN where no base changed hands."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(base > 0, np.where(buys, quote + gas, quote - gas) / base, np.nan)


def markout_bps(
    frame: SwapFrame,
    rows: NDArray[np.intp],
    buys: NDArray[np.bool_],
    paid: NDArray[np.float64],
    horizon_s: int,
) -> NDArray[np.float64]:
    """The move in each fill's favour so many seconds after it landed, against the price that it paid, in bps.

    NaN for reverts, beyond the tape's end, in its holes, and where gas ate up the proceeds.
    """
    at = frame.at
    then = at[np.maximum(rows, 0)] + np.timedelta64(horizon_s, "s")
    later = frame.price[np.searchsorted(at, then, side="right") - 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(buys, 1.0, -1.0) * (later / paid - 1.0) * 1e4
    return np.where((rows >= 0) & (then <= at[-1]) & ~frame.in_hole(then) & (paid > 0), moved, np.nan)
