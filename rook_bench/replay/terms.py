"""What holds for a whole run, as the compiled loop reads it."""

from __future__ import annotations

import math

from rook_bench.execution.frictions import Frictions
from rook_bench.market.frame import SwapFrame
from rook_bench.replay import dtypes
from rook_bench.replay.market_rows import NS, native_prices
from rook_bench.risk import Limits


def terms_of(frame: SwapFrame, frictions: Frictions, limits: Limits, *, whole_map: bool) -> dtypes.Terms:
    """Orientation, costs and limits as the loop reads them; `whole_map`: every row knows its tick map."""
    gas, pool = frictions.gas, frame.pool
    swap, one, two, more = gas.units
    return dtypes.Terms(
        base_is_token0=pool.base_is_token0,
        base_unit=float(pool.base.unit),
        quote_unit=float(pool.quote.unit),
        tick_spacing=pool.tick_spacing,
        v4=pool.protocol == "v4",
        whole_map=whole_map,
        revert_on_slippage=frictions.on_slippage == "revert",
        mev=("none", "typical", "worst").index(frictions.mev),
        swap_units=swap,
        one_tick_units=one,
        two_tick_units=two,
        more_tick_units=more,
        slippage_units=gas.slippage_revert_units,
        deadline_units=gas.deadline_revert_units,
        native=native_prices(frame, frictions)[0],
        l1_fee=float(math.ceil(gas.l1_fee_quote * pool.quote.unit)),
        flat_gas=-1.0 if gas.flat_quote is None else float(math.ceil(gas.flat_quote * pool.quote.unit)),
        max_base_share=_or(limits.max_base_share, math.inf),
        min_base_share=_or(limits.min_base_share, -math.inf),
        trades_per_day=-1 if limits.trades_per_day is None else limits.trades_per_day,
        cooldown_ns=round(_or(limits.cooldown_s, 0.0) * NS),
        drawdown_stop=_or(limits.drawdown_stop, math.inf),
        max_order_value=_or(limits.max_order_value, math.inf),
        max_pool_share=_or(limits.max_pool_share, math.inf),
        max_exposure=_or(limits.max_exposure, math.inf),
        max_cost_bps=_or(limits.max_cost_bps, -1.0),
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else float(value)
