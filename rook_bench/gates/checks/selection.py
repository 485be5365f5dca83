"""What choosing among many candidates costs: the deflated Sharpe ratio, and looks at the same stretch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.gates.check import Check, Status
from rook_bench.gates.checks.bounds import no_champion
from rook_bench.gates.checks.primary import log_returns, shifted
from rook_bench.gates.history import History
from rook_bench.gates.policy import Primary, Selection
from rook_bench.metrics import Analysis
from rook_bench.stats.overfitting import probability_of_backtest_overfitting
from rook_bench.stats.sharpe import deflated_sharpe

FEW_TRIALS = 10
"""With fewer trials their spread says little; the least variance taken is then that of chance, 1 / n."""

PBO_TRIALS = 8
"""Fewer trials than this have no ranking that could be overfitted."""


def selection(
    asked: Selection,
    primary: Primary | None,
    candidate: Analysis,
    champion: Analysis | None,
    history: History | None,
) -> Iterator[Check]:
    """The deflated Sharpe ratio of the difference, and the number of looks; for information, the PBO."""
    if asked.min_deflated_sharpe is not None and primary is not None:
        yield _deflated(asked.min_deflated_sharpe, primary, candidate, champion, history)
    if asked.max_looks is not None:
        yield _looks(asked.max_looks, history)
    if history is not None and champion is not None and len(history.others) + 1 >= PBO_TRIALS:
        theirs = log_returns(champion.sampled)
        table = np.column_stack(
            [log_returns(candidate.sampled) - theirs, *(other - theirs for other in history.others)]
        )
        estimate = probability_of_backtest_overfitting(table)
        detail = f"{estimate}: how often the best of {table.shape[1]} in one half is below the middle in the other"
        yield Check("probability of overfitting", "info", detail, estimate)


def _deflated(
    least: float, primary: Primary, candidate: Analysis, champion: Analysis | None, history: History | None
) -> Check:
    bound = f"at least {least:g}"
    if champion is None:
        return no_champion("deflated Sharpe ratio", bound)
    if history is None:
        reason = "no trial ledger was read, so how many candidates were tried is unknown"
        return Check("deflated Sharpe ratio", "inconclusive", reason, bound=bound)
    bucket_s, theirs = candidate.clock.bucket_s, log_returns(champion.sampled)
    mine = shifted(primary, log_returns(candidate.sampled) - theirs, bucket_s)
    trials = [mine, *(shifted(primary, other - theirs, bucket_s) for other in history.others)]
    estimate = deflated(mine, trials)
    count = len(trials)
    of = f"{count} candidates tried on this tape" if count > 1 else "the only candidate tried on this tape"
    if estimate.value is None:
        return Check(
            "deflated Sharpe ratio", "inconclusive", f"undefined: {estimate.undefined_because}", estimate, bound
        )
    status: Status = "pass" if estimate.value >= least else "inconclusive"
    detail = f"{estimate.value:.3f} ({of}), {bound} asked"
    return Check("deflated Sharpe ratio", status, detail, estimate, bound)


def deflated(mine: NDArray[np.float64], trials: list[NDArray[np.float64]]) -> Estimate:
    """Deflated Sharpe ratio of `mine` (n,), one of `trials`; their number and spread give the bar."""
    ratios = [_ratio(returns) for returns in trials]
    known = np.array([ratio for ratio in ratios if ratio is not None])
    chance = 1.0 / max(len(mine), 1)
    variance = float(np.var(known, ddof=1)) if len(known) > 1 else chance
    if len(known) < FEW_TRIALS:
        variance = max(variance, chance)
    return deflated_sharpe(mine, trials=max(1, len(trials)), variance=variance)


def _ratio(returns: NDArray[np.float64]) -> float | None:
    spread = float(np.std(returns, ddof=1)) if len(returns) > 1 else 0.0
    return float(returns.mean()) / spread if spread > 1e-15 else None


def _looks(most: int, history: History | None) -> Check:
    if history is None:
        reason = "no trial ledger was read, so how often this stretch was looked at is unknown"
        return Check("looks at this stretch", "inconclusive", reason, bound=f"at most {most}")
    convention = "evaluations of candidates whose tape overlaps this one in the same pool, this one included"
    estimate = Estimate(float(history.looks), history.looks, "looks", convention)
    detail = f"looked at {history.looks} times with {history.candidates} candidates, at most {most} asked"
    return Check(
        "looks at this stretch",
        "pass" if history.looks <= most else "inconclusive",
        detail,
        estimate,
        f"at most {most}",
    )
