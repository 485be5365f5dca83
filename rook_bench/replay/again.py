"""The decisions of a Run replayed under other assumptions; no source is asked again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rook_bench.execution.frictions import Frictions
from rook_bench.market.view import MarketView
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.engine import come_to, execute
from rook_bench.replay.run import Run
from rook_bench.replay.sparse import Ending
from rook_bench.risk import Permitted, RiskConfig, apply_risk


def under(
    run: Run, *, frictions: Frictions | None = None, risk: RiskConfig | None = None, slippage_bps: float | None = None
) -> Run:
    """The run as it would have been, had this been assumed; all else stays as it was.

    Args:
        frictions: other costs, latency or ordering.
        risk: another sizer and other filters.
        slippage_bps: one slippage limit for every order, in place of the decisions' own.

    Returns:
        A Run that nobody has reconciled: what it is made of was, and the loop is the same.
    """
    config, permitted = _assumed(run, frictions, risk, slippage_bps)
    orders, equity = execute(run.frame, run.decided.tape, permitted, config)
    return replace(run, config=config, permitted=permitted, orders=orders, equity=equity)


def ending_under(run: Run, *, frictions: Frictions | None = None, slippage_bps: float | None = None) -> Ending:
    """What the run `under` these assumptions comes to: the same numbers, without its orders and its rows."""
    config, permitted = _assumed(run, frictions, None, slippage_bps)
    return come_to(run.frame, run.decided.tape, permitted, config)


def _assumed(
    run: Run, frictions: Frictions | None, risk: RiskConfig | None, slippage_bps: float | None
) -> tuple[ReplayConfig, Permitted]:
    changed = {name: value for name, value in (("frictions", frictions), ("risk", risk)) if value is not None}
    config, permitted = run.config.model_copy(update=changed), run.permitted
    if risk is not None:
        permitted = apply_risk(risk, MarketView.whole(run.frame), run.decided.tape)
    if slippage_bps is not None:
        permitted = replace(permitted, slippage_bps=np.broadcast_to(np.float64(slippage_bps), len(run.frame)))
    return config, permitted
