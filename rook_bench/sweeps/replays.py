"""The work of a sweep: decisions that were made already, replayed and measured under many configurations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.outcome import Outcome
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.metrics.clock import Borders, Clock
from rook_bench.plugins import Spec
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.engine import opening_balances
from rook_bench.replay.run import run_identity
from rook_bench.replay.sparse import Sparse, mark_orders
from rook_bench.risk import Permitted, apply_risk
from rook_bench.stats import measures
from rook_bench.sweeps.settings import Asked
from rook_bench.trials.trial import assumed

KEPT = 8
"""Sizings and filters whose outcome is kept: points that follow each other mostly share theirs."""

GONE = "equity is not positive at some border, and has no logarithm there"


@dataclass(frozen=True)
class Decisions:
    """What one source decided on the tape, and what a run's identity needs of it.

    Attributes:
        tape: its decisions; content_hash: theirs.
        spec, content: of the source.
    """

    tape: DecisionTape
    content_hash: str
    spec: Spec
    content: str


@dataclass(frozen=True)
class Measured:
    """What some points gave, one value for each, shape (k,); NaN where a metric is undefined.

    Metrics are those of the same names (see `rook-bench plugins`), to the bit.

    Attributes:
        total_return, excess_return, sharpe_ratio, sharpe_ratio_excess, max_drawdown: metrics.
        orders, fills, reverts, refusals: how many wishes to trade there were, and what became of them.
        run_hash, config_hash: identities, as the trial ledger knows them.
        returns: net log returns on each point's clock, each shape (n,); NaN from where equity is gone.
    """

    total_return: NDArray[np.float64]
    excess_return: NDArray[np.float64]
    sharpe_ratio: NDArray[np.float64]
    sharpe_ratio_excess: NDArray[np.float64]
    max_drawdown: NDArray[np.float64]
    orders: NDArray[np.int64]
    fills: NDArray[np.int64]
    reverts: NDArray[np.int64]
    refusals: NDArray[np.int64]
    run_hash: NDArray[np.str_]
    config_hash: NDArray[np.str_]
    returns: list[NDArray[np.float64]]

    @classmethod
    def of(cls, rows: Sequence[dict[str, Any]]) -> Measured:
        """Of one mapping for each point."""
        columns: dict[str, Any] = {one.name: [row[one.name] for row in rows] for one in fields(cls)}
        return cls(returns=columns.pop("returns"), **{name: np.array(values) for name, values in columns.items()})


@dataclass(frozen=True)
class Replays:
    """A job (see `engines.Job`): pieces are points, and their results are `Measured`.

    Attributes:
        frame: the swaps.
        data_hash: theirs.
        decisions: of each source.
    """

    frame: SwapFrame
    data_hash: str
    decisions: tuple[Decisions, ...]

    def open(self) -> Callable[[Sequence[Asked]], Measured]:
        """Ready to replay points; what they share is computed once."""
        bench = _Bench(self)
        return lambda points: Measured.of([bench.measure(point) for point in points])


class _Bench:
    """Replays points one after the other. Not for several threads at once."""

    def __init__(self, job: Replays) -> None:
        self.job, self.frame = job, job.frame
        self.view = MarketView.whole(job.frame)
        self.equity = np.empty(len(job.frame))
        self._sparse: dict[int, Sparse] = {}
        self._permitted: dict[str, Permitted] = {}
        self._borders: dict[str, Borders] = {}
        self._held: dict[tuple[int, int, str], NDArray[np.float64]] = {}

    def measure(self, asked: Asked) -> dict[str, Any]:
        """One point."""
        frame, decisions = self.frame, self.job.decisions[asked.source]
        config, clock = asked.config.replay().on(frame.pool), asked.config.clock
        permitted = self._permit(asked.source, config)
        opening = opening_balances(config, frame)
        orders = self._ready(asked.source).orders(permitted, config.frictions, opening)
        deepest = mark_orders(frame, orders, opening, self.equity)
        borders, became = self._border(clock), np.bincount(orders["outcome"], minlength=len(Outcome))
        start = opening[0] / frame.pool.quote.unit + opening[1] / frame.pool.base.unit * float(frame.price[0])
        last = opening[0] / frame.pool.quote.unit + opening[1] / frame.pool.base.unit * float(frame.price[-1])
        closing = float(self.equity[-1])
        returns = borders.returns(self.equity)
        held = self._hold(opening, clock)
        per_year = {"periods_per_year": clock.periods_per_year}
        return {
            "total_return": closing / start - 1,
            "excess_return": closing / start / (last / start) - 1,
            "sharpe_ratio": measures.sharpe_ratio(returns, **per_year),
            "sharpe_ratio_excess": measures.sharpe_ratio(returns - held, **per_year),
            "max_drawdown": deepest,
            "orders": len(orders),
            "fills": int(became[Outcome.FILLED] + became[Outcome.PARTIAL]),
            "reverts": int(became[Outcome.REVERTED_SLIPPAGE] + became[Outcome.REVERTED_DEADLINE]),
            "refusals": int(became[Outcome.REJECTED]),
            "run_hash": self._identity(decisions, config, permitted),
            "config_hash": assumed(config),
            "returns": borders.log_returns(self.equity),
        }

    def _identity(self, decisions: Decisions, config: ReplayConfig, permitted: Permitted) -> str:
        specs = (decisions.spec, *permitted.specs)
        return run_identity(self.job.data_hash, decisions.content_hash, config, specs, decisions.content)

    def _ready(self, source: int) -> Sparse:
        if source not in self._sparse:
            self._sparse.clear()  # points of one source follow each other
            self._sparse[source] = Sparse(self.frame, self.job.decisions[source].tape)
        return self._sparse[source]

    def _permit(self, source: int, config: ReplayConfig) -> Permitted:
        key = f"{source}|{config.risk.model_dump_json()}"
        if key not in self._permitted:
            while len(self._permitted) >= KEPT:
                del self._permitted[next(iter(self._permitted))]
            self._permitted[key] = apply_risk(config.risk, self.view, self.job.decisions[source].tape)
        return self._permitted[key]

    def _border(self, clock: Clock) -> Borders:
        key = clock.model_dump_json()
        if key not in self._borders:
            self._borders[key] = Borders(self.frame, clock)
        return self._borders[key]

    def _hold(self, opening: tuple[int, int], clock: Clock) -> NDArray[np.float64]:
        key = (*opening, clock.model_dump_json())
        if key not in self._held:
            while len(self._held) >= KEPT:
                del self._held[next(iter(self._held))]
            self._held[key] = self._border(clock).returns(hold_equity(self.frame, opening))
        return self._held[key]


def hold_equity(frame: SwapFrame, opening: tuple[int, int]) -> NDArray[np.float64]:
    """Equity of keeping the opening balances (smallest units), shape (n,)."""
    return opening[0] / frame.pool.quote.unit + opening[1] / frame.pool.base.unit * frame.price
