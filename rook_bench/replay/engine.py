"""From decisions to a Run: sizing, filters, landing rows, the compiled loop, reconciliation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import ConfigError, InputError, Side
from rook_bench.core.config import Config
from rook_bench.core.exact import ExactInts
from rook_bench.execution.frictions import Frictions, Latency
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.market.tape_check import TapeCheck, check_tape
from rook_bench.market.view import MarketView
from rook_bench.replay import kernel, records
from rook_bench.replay.ledger import reconcile
from rook_bench.replay.orders import OrderTable, texts
from rook_bench.replay.run import Run
from rook_bench.risk import Limits, Permitted, RiskConfig, apply_risk
from rook_bench.sources import Decided, Source, decide
from rook_bench.sources.lookahead import Lookahead, check_source, choose_cuts

NS = 1_000_000_000


class Capital(Config):
    """What the run starts with.

    Attributes:
        quote_value: total value at the first row's price, in quote (USDC).
        base_share: share of it held in the base token.
    """

    quote_value: float = Field(default=10_000.0, gt=0, le=1e15)
    base_share: float = Field(default=0.5, ge=0, le=1)


class ReplayConfig(Config):
    """Everything a replay assumes besides the tape and the decisions.

    Attributes:
        pair: the pair the configuration is meant for ("ETH/USDC"); a tape of another one is refused.
        seed: of sources that draw random numbers.
    """

    pair: str | None = None
    seed: int = Field(default=0, ge=0)
    capital: Capital = Capital()
    risk: RiskConfig = RiskConfig()
    frictions: Frictions = Frictions()


def replay(
    frame: SwapFrame,
    source: Source | str,
    config: ReplayConfig | None = None,
    *,
    progress: bool = False,
    fresh: bool = False,
    tape_check: TapeCheck | None = None,
) -> Run:
    """Decide (or reuse decisions), replay them, reconcile the money, and return the Run.

    Args:
        frame: the tape.
        source: a decision source or its reference.
        config: assumptions; defaults are those of ReplayConfig.
        progress: show a progress bar while a slow source decides.
        fresh: ask the source again even if its decisions are kept.
        tape_check: the tape's check, if it was made already.

    Raises:
        InputError, ConfigError: for input that can't be replayed.
        LedgerError: if a single token unit is unaccounted for.
    """
    config = config or ReplayConfig()
    check_pair(config.pair, frame.pool)
    source = Source.parse(source) if isinstance(source, str) else source
    decided = decide(source, frame, seed=config.seed, progress=progress, fresh=fresh)
    lookahead = check_source(source, frame, decided.tape, seed=config.seed)
    view = MarketView.whole(frame)
    permitted = apply_risk(config.risk, view, decided.tape)
    lookahead = _check_risk(config.risk, frame, decided, permitted, lookahead)
    orders, equity, opening = execute(frame, decided, permitted, config)
    run = Run(
        frame=frame,
        decided=decided,
        config=config,
        permitted=permitted,
        opening=opening,
        orders=orders,
        equity=equity,
        lookahead=lookahead,
        tape_check=tape_check or check_tape(frame),
    )
    reconcile(run)
    return run


def check_pair(pair: str | None, pool: Pool) -> None:
    """Refuse a configuration made for another pair (wrapped ether counts as ether)."""
    plain = pool.pair.replace("WETH", "ETH")
    if pair is not None and pair.upper().replace("WETH", "ETH") != plain:
        raise ConfigError(
            f"the configuration is for {pair}, the tape is {pool.pair}", where="pair", hint="use the tape's own"
        )


def _check_risk(
    config: RiskConfig, frame: SwapFrame, decided: Decided, permitted: Permitted, lookahead: Lookahead
) -> Lookahead:
    """A filter or sizer that sees the future is as bad as a source that does."""
    if lookahead.status in ("leak", "declared"):
        return lookahead
    # Recorded decisions can't be asked for again, but what judges them can.
    for cut in lookahead.cuts or choose_cuts(decided.tape, np.random.default_rng(0)):
        again = apply_risk(config, MarketView.whole(frame[:cut]), decided.tape.head(cut))
        for mine, theirs in ((permitted.fraction, again.fraction), (permitted.refused_by, again.refused_by)):
            changed = np.flatnonzero(mine[:cut] != theirs)
            if len(changed):
                detail = f"with the future after row {cut} cut off, sizing or filters changed at row {changed[0] + 1}"
                return Lookahead("leak", lookahead.cuts, int(changed[0]), detail)
    return lookahead


def execute(
    frame: SwapFrame, decided: Decided, permitted: Permitted, config: ReplayConfig
) -> tuple[OrderTable, NDArray[np.float64], tuple[int, int]]:
    """Run the compiled loop; returns the orders, the equity by row, and the opening cash and base."""
    tape, pool = decided.tape, frame.pool
    market = np.empty(len(frame), dtype=records.MARKET)
    market["at_ns"], market["price"] = frame.at.astype(np.int64), frame.price
    market["sqrt_price"], market["liquidity"] = frame.sqrt_price_x96.limbs, frame.liquidity.limbs
    wishes = np.empty(len(frame), dtype=records.WISHES)
    wishes["side"] = tape.side
    wishes["rejected"] = np.where(permitted.refused_by < 0, 0, permitted.refused_by + kernel.FIRST_FREE_CODE)
    wishes["fraction_ppb"] = np.round(permitted.fraction * kernel.PPB)
    wishes["slippage_ppm"] = np.round(permitted.slippage_bps * 100)
    wishes["deadline_ns"] = np.minimum(tape.deadline_s * NS, 2.0**62)
    wishes["landing_row"], wishes["landing_ns"] = landing(frame, config.frictions.latency)
    opening = opening_balances(config.capital, frame)
    limbs = ExactInts.of(opening).limbs
    traded = int(np.isin(tape.side, (Side.BUY, Side.SELL)).sum())
    orders, equity = records.empty_orders(traded), np.empty(len(frame))
    kernel.replay_rows(
        market, wishes, _terms(pool, config.frictions, permitted.limits), limbs[0], limbs[1], orders, equity
    )
    return _order_table(orders, frame, decided, permitted), equity, opening


def opening_balances(capital: Capital, frame: SwapFrame) -> tuple[int, int]:
    """Opening quote and base in smallest units, at the first row's price."""
    pool = frame.pool
    base = capital.quote_value * capital.base_share / float(frame.price[0])
    cash = capital.quote_value * (1.0 - capital.base_share)
    return round(cash * pool.quote.unit), round(base * pool.base.unit)


def landing(frame: SwapFrame, latency: Latency) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row whose state each order meets (-1: beyond the tape), and the time it does, ns."""
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
        row = np.searchsorted(frame.block, target, side="right") - 1
        wait = round(latency.blocks * frame.pool.block_time_s * NS)
        # The target block's own time where it holds a swap, else the chain's block time.
        when = np.where(frame.block[row] == target, at[row], at + wait)
        return np.where(target > frame.block[-1], -1, row), when
    row = rows + (latency.swaps or 0)
    inside = np.minimum(row, len(frame) - 1)
    return np.where(row < len(frame), row, -1), at[inside]


def _terms(pool: Pool, frictions: Frictions, limits: Limits) -> records.Terms:
    gas = frictions.gas
    if gas.flat_quote is None and gas.gwei > 0 and pool.base.symbol.upper() not in ("ETH", "WETH"):
        raise ConfigError(
            f"gas in gwei needs ether as the base token, not {pool.base.symbol}", where="gas", hint="set flat_quote"
        )
    # A whole number of wei per gas unit, like the chain's own gas price.
    wei_per_unit = round(gas.gwei * 1e9)
    return records.Terms(
        base_is_token0=pool.base_is_token0,
        base_unit=float(pool.base.unit),
        quote_unit=float(pool.quote.unit),
        fee_pips=pool.fee_pips if frictions.fee_pips is None else frictions.fee_pips,
        revert_on_slippage=frictions.on_slippage == "revert",
        swap_gas_wei=np.uint64(gas.swap_units * wei_per_unit),
        slippage_gas_wei=np.uint64(gas.slippage_revert_units * wei_per_unit),
        deadline_gas_wei=np.uint64(gas.deadline_revert_units * wei_per_unit),
        flat_gas=-1 if gas.flat_quote is None else math.ceil(gas.flat_quote * pool.quote.unit),
        max_base_share=_or(limits.max_base_share, math.inf),
        min_base_share=_or(limits.min_base_share, -math.inf),
        trades_per_day=-1 if limits.trades_per_day is None else limits.trades_per_day,
        cooldown_ns=round(_or(limits.cooldown_s, 0.0) * NS),
        drawdown_stop=_or(limits.drawdown_stop, math.inf),
        max_cost_bps=_or(limits.max_cost_bps, -1.0),
    )


def _or(value: float | None, default: float) -> float:
    return default if value is None else float(value)


def _order_table(orders: records.Records, frame: SwapFrame, decided: Decided, permitted: Permitted) -> OrderTable:
    names = {0: ""} | kernel.LEDGER_FILTERS
    names |= {kernel.FIRST_FREE_CODE + index: name for index, name in enumerate(permitted.filter_names)}
    exact = {
        name: ExactInts(np.ascontiguousarray(orders[name]))
        for name in ("amount_in", "quoted", "paid", "fee", "out", "gas_quote", "gas_base", "cash", "base", "sqrt_after")
    }
    return OrderTable(
        row=orders["row"].copy(),
        landing_row=orders["landing_row"].copy(),
        side=orders["side"].astype(np.int8),
        outcome=orders["outcome"].astype(np.int8),
        rejected_by=texts([names[code] for code in orders["rejected"].tolist()]),
        left_range=_left_range(frame, orders["landing_row"], exact["sqrt_after"]),
        reason=decided.tape.reason[orders["row"]],
        **exact,
    )


def _left_range(frame: SwapFrame, landing_row: NDArray[np.int64], sqrt_after: ExactInts) -> NDArray[np.bool_]:
    """Fills that ended outside the tick-spacing range that the pool price stood in.

    Only inside that range is the recorded liquidity known to hold; beyond it the fill assumes it.
    """
    after = sqrt_after.to_floats(2**96)
    before = frame.sqrt_price_x96[np.maximum(landing_row, 0)].to_floats(2**96)
    spacing = frame.pool.tick_spacing
    tick = np.log(before) * 2.0 / math.log(1.0001)
    lower = np.floor(tick / spacing) * spacing
    with np.errstate(divide="ignore"):
        ended = np.log(after) * 2.0 / math.log(1.0001)
    return (after > 0) & ((ended < lower) | (ended > lower + spacing))
