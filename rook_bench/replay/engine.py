"""From decisions to a Run: sizing, filters, landing rows, the compiled loop, reconciliation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.replay import dtypes
from rook_bench.replay.causality import check_risk
from rook_bench.replay.config import ReplayConfig, check_pair
from rook_bench.replay.entering import FIRST_FREE_CODE, LEDGER_FILTERS
from rook_bench.replay.ledger import reconcile
from rook_bench.replay.market_rows import native_prices
from rook_bench.replay.numeraire import numeraire_rate
from rook_bench.replay.orders import AMOUNTS, OrderTable
from rook_bench.replay.run import Run
from rook_bench.replay.sparse import Ending, ending_of, equity_of, sparse
from rook_bench.risk import Permitted, apply_risk
from rook_bench.sources import Decided, Source, decide
from rook_bench.sources.checked import checked
from rook_bench.sources.lookahead import Lookahead
from rook_bench.tapecheck.check import TapeCheck, check_tape


def replay(
    frame: SwapFrame,
    source: Source | str | Callable[..., Any],
    config: ReplayConfig | None = None,
    *,
    progress: bool = False,
    fresh: bool = False,
    tape_check: TapeCheck | None = None,
    label: str = "",
) -> Run:
    """Decide (or reuse decisions), replay them, reconcile the money, and return the Run.

    Args:
        frame: the tape.
        source: a decision source, its reference, or a function (see `Source.of`).
        config: assumptions; defaults are those of ReplayConfig.
        progress: show a progress bar while a slow source decides.
        fresh: ask the source again even if its decisions are kept.
        tape_check: the tape's check, if it was made already.
        label: a name for it in tables and reports.

    Raises:
        InputError, ConfigError: for input that can't be replayed.
        LedgerError: if a single token unit is unaccounted for.
    """
    config = (config or ReplayConfig()).on(frame.pool)
    check_assumptions(frame, config)  # before a source is asked
    decided = decide(Source.parse(source), frame, seed=config.seed, progress=progress, fresh=fresh)
    run = replay_decided(frame, decided, config, tape_check=tape_check)
    return replace(run, label=label)


def check_assumptions(frame: SwapFrame, config: ReplayConfig) -> None:
    """InputError or ConfigError where the configuration is not for this tape, or needs what the tape can't tell."""
    config = config.on(frame.pool)
    check_pair(config.pair, frame.pool)
    numeraire_rate(frame, config.numeraire)
    native_prices(frame, config.frictions)


def replay_decided(
    frame: SwapFrame, decided: Decided, config: ReplayConfig, *, tape_check: TapeCheck | None = None
) -> Run:
    """Replay decisions that were made already; checks and errors are those of `replay`."""
    config = config.on(frame.pool)
    lookahead = checked(decided, frame, seed=config.seed)
    run = assemble(frame, decided, config, lookahead, tape_check)
    run = replace(run, lookahead=check_risk(run, lookahead))
    reconcile(run)
    return run


def assemble(
    frame: SwapFrame,
    decided: Decided,
    config: ReplayConfig,
    lookahead: Lookahead,
    tape_check: TapeCheck | None = None,
) -> Run:
    """Size, filter and execute decisions into a Run, which nobody has reconciled or checked yet."""
    permitted = apply_risk(config.risk, MarketView.whole(frame), decided.tape)
    orders, equity = execute(frame, decided.tape, permitted, config)
    return Run(
        frame=frame,
        decided=decided,
        config=config,
        permitted=permitted,
        opening=opening_balances(config, frame),
        orders=orders,
        equity=equity,
        lookahead=lookahead,
        tape_check=tape_check or check_tape(frame),
    )


def execute(
    frame: SwapFrame, tape: DecisionTape, permitted: Permitted, config: ReplayConfig
) -> tuple[OrderTable, NDArray[np.float64]]:
    """Run the compiled loop; returns the orders and the equity by row."""
    ready, opening = sparse(frame, tape), opening_balances(config, frame)
    orders = ready.orders(permitted, config.frictions, opening)
    return order_table(frame, orders, tape, permitted, whole_map=ready.whole_map), equity_of(frame, orders, opening)


def come_to(frame: SwapFrame, tape: DecisionTape, permitted: Permitted, config: ReplayConfig) -> Ending:
    """What `execute` ends with, for who needs no order and no row before the last."""
    opening = opening_balances(config, frame)
    return ending_of(frame, sparse(frame, tape).orders(permitted, config.frictions, opening), opening)


def opening_balances(config: ReplayConfig, frame: SwapFrame) -> tuple[int, int]:
    """Opening quote and base in smallest units, at the first row's price."""
    pool, capital = frame.pool, config.capital
    value = capital.quote_value
    if capital.value is not None:
        value = capital.value / float(numeraire_rate(frame, config.numeraire)[0])
    base = value * capital.base_share / float(frame.price[0])
    cash = value * (1.0 - capital.base_share)
    return round(cash * pool.quote.unit), round(base * pool.base.unit)


def order_table(
    frame: SwapFrame, orders: dtypes.Records, tape: DecisionTape, permitted: Permitted, *, whole_map: bool
) -> OrderTable:
    """What the loop filled in, as the columns of a table; rows are those of the tape."""
    left_range = np.zeros(len(orders), dtype=bool) if whole_map else _left_range(frame, orders)
    names = {0: ""} | LEDGER_FILTERS
    names |= {FIRST_FREE_CODE + index: name for index, name in enumerate(permitted.filter_names)}
    exact = {name: ExactInts(mapped.copied(orders[name])) for name in (*AMOUNTS, "sqrt_after")}
    called = np.array([names.get(code, "") for code in range(max(names) + 1)], dtype=object)
    return OrderTable(
        row=mapped.copied(orders["row"]),
        landing_row=mapped.copied(orders["landing_row"]),
        side=orders["side"].astype(np.int8),
        outcome=orders["outcome"].astype(np.int8),
        rejected_by=called[orders["rejected"]],
        crossed=orders["crossed"].astype(np.int32),
        left_range=left_range,
        reason=tape.reason[orders["row"]],
        **exact,
    )


def _left_range(frame: SwapFrame, orders: dtypes.Records) -> NDArray[np.bool_]:
    """Fills that ended outside the tick-spacing range that the pool price stood in.

    Only inside that range is the recorded liquidity known to hold; beyond it the fill assumes it.
    On a tape with its whole tick map there is no such beyond.
    """
    after = ExactInts(np.ascontiguousarray(orders["sqrt_after"])).to_floats(2**96)
    before = frame.sqrt_price_x96[np.maximum(orders["landing_row"], 0)].to_floats(2**96)
    spacing = frame.pool.tick_spacing
    tick = np.log(before) * 2.0 / math.log(1.0001)
    lower = np.floor(tick / spacing) * spacing
    with np.errstate(divide="ignore"):
        ended = np.log(after) * 2.0 / math.log(1.0001)
    return (after > 0) & ((ended < lower) | (ended > lower + spacing))
