"""What choosing among many candidates costs: the deflated Sharpe ratio, and looks at the same stretch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.gates.check import Check, Status
from rook_bench.gates.checks.bounds import no_champion
from rook_bench.gates.checks.primary import generator, shifted
from rook_bench.gates.policy import Primary, Selection
from rook_bench.gates.tries import Tries
from rook_bench.metrics import Analysis
from rook_bench.stats.multiple import stepwise_multiple_test
from rook_bench.stats.overfitting import probability_of_backtest_overfitting
from rook_bench.stats.power import ALPHA, long_run_variance
from rook_bench.stats.sharpe import deflated_sharpe

ALIKE = 0.9
"""Differences from the champion that correlate more than this are near copies, and count as one try. The opposite
of a candidate is another one: whoever tries both has two chances to be lucky."""

PBO_TRIALS = 8
"""Fewer trials than this have no ranking that could be overfitted."""

STEPM_TRIALS = 3
"""Fewer candidates than this are not many."""

CANDIDATE = "this candidate"
NAMED = 5
"""What the one that is judged is called among those that were tried, and how many a sentence names."""


def selection(
    asked: Selection,
    primary: Primary | None,
    candidate: Analysis,
    champion: Analysis | None,
    tries: Tries | None,
) -> Iterator[Check]:
    """The deflated Sharpe ratio of the difference, and the number of looks.

    For information: which of all that were tried beat the champion, and the probability of overfitting.
    """
    if asked.min_deflated_sharpe is not None and primary is not None:
        yield _deflated(asked.min_deflated_sharpe, primary, candidate, champion, tries)
    if asked.max_looks is not None:
        yield _looks(asked.max_looks, tries)
    if tries is None or champion is None:
        return
    theirs = champion.sampled.log_returns
    panel = {CANDIDATE: candidate.sampled.log_returns - theirs}
    panel |= {name: other - theirs for name, other in tries.named.items()}
    if len(panel) >= STEPM_TRIALS:
        yield _better(panel, ALPHA if primary is None else primary.alpha, generator(candidate, champion))
    if len(panel) >= PBO_TRIALS:
        estimate = probability_of_backtest_overfitting(np.column_stack(list(panel.values())))
        detail = f"{estimate}: how often the best of {len(panel)} in one half is below the middle in the other"
        yield Check("probability of overfitting", "info", detail, estimate)


def _better(panel: Mapping[str, NDArray[np.float64]], error: float, rng: np.random.Generator) -> Check:
    """Which of the candidates tried on this tape beat the champion, with the chance of any false name bounded.

    Args:
        panel: difference from the champion by name, shape (n,) each.
        error: that chance; the primary question's one-sided rate, for the whole family.
        rng: of the bootstrap.
    """
    title = "candidates better than the champion"
    found = stepwise_multiple_test(panel, rng=rng, size=error)
    unit, reason = "candidates", found.undefined_because
    if reason is not None:
        estimate = Estimate.undefined(reason, n=found.n, unit=unit, convention=found.convention)
        return Check(title, "info", f"undefined: {reason}", estimate)
    count = len(found.names)
    more = f" and {count - NAMED} more" if count > NAMED else ""
    named = f" ({', '.join(found.names[:NAMED])}{more})" if count else ""
    detail = (
        f"{count or 'none'} of the {len(panel)} tried on this tape{named}, "
        f"with a chance of at most {100 * error:g}% that any is named by luck"
    )
    return Check(title, "info", detail, Estimate(float(count), found.n, unit, found.convention))


def _deflated(
    least: float, primary: Primary, candidate: Analysis, champion: Analysis | None, tries: Tries | None
) -> Check:
    bound = f"at least {least:g}"
    if champion is None:
        return no_champion("deflated Sharpe ratio", bound)
    if tries is None:
        reason = "no trial ledger was read, so how many candidates were tried is unknown"
        return Check("deflated Sharpe ratio", "inconclusive", reason, bound=bound)
    theirs = champion.sampled.log_returns
    difference = candidate.sampled.log_returns - theirs
    trials = [other - theirs for other in tries.others]
    mine = shifted(primary, difference, candidate.clock.bucket_s)
    estimate, count = deflated(mine, trials, elsewhere=max(0, tries.candidates - 1 - len(trials)))
    of = "no other was tried here" if count == 1 else f"best of {count} tries, near copies counted once"
    if estimate.value is None:
        reason = f"undefined: {estimate.undefined_because}"
        return Check("deflated Sharpe ratio", "inconclusive", reason, estimate, bound)
    status: Status = "pass" if estimate.value >= least else "inconclusive"
    detail = f"{estimate.value:.3f} ({of}), {bound} asked"
    return Check("deflated Sharpe ratio", status, detail, estimate, bound)


def deflated(
    mine: NDArray[np.float64], trials: Sequence[NDArray[np.float64]], *, elsewhere: int = 0
) -> tuple[Estimate, int]:
    """Deflated Sharpe ratio of `mine`, and the number of tries it is the best of.

    The paper takes the spread of the trials' ratios for what luck does. Here that is taken from what their
    returns say of it: the sampling variance of each ratio under no skill, allowing for dependence. The
    plain spread would make one bad try raise the bar for every later candidate, and a hundred near copies
    lower it. For the same reason near copies count once.

    Args:
        mine: returns over what has to be beaten, shape (n,).
        trials: differences of other candidates on the same buckets, shape (n,) each.
        elsewhere: further candidates whose returns on these buckets are not known.
    """
    varied = [returns for returns in trials if float(np.std(returns)) > 1e-15]
    tries = distinct([mine, *varied])
    variance = float(np.mean([_luck(returns) for returns in tries]))
    count = len(tries) + elsewhere
    return deflated_sharpe(mine, trials=count, variance=variance), count


def distinct(columns: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """The columns without near copies of an earlier one."""
    if len(columns) < 2 or float(np.std(columns[0])) <= 1e-15:
        return list(columns)
    alike = np.atleast_2d(np.corrcoef(np.stack(columns)) > ALIKE)
    kept: list[int] = []
    for index in range(len(columns)):
        if not alike[index, kept].any():
            kept.append(index)
    return [columns[index] for index in kept]


def _luck(returns: NDArray[np.float64]) -> float:
    """Variance of a Sharpe ratio per bucket without skill: 1 / n, more where returns depend on each other."""
    spread = float(np.var(returns, ddof=1))
    return max(1.0, long_run_variance(returns) / spread if spread > 1e-30 else 1.0) / max(len(returns) - 1, 1)


def _looks(most: int, tries: Tries | None) -> Check:
    if tries is None:
        reason = "no trial ledger was read, so how often this stretch was looked at is unknown"
        return Check("looks at this stretch", "inconclusive", reason, bound=f"at most {most}")
    convention = "evaluations of candidates whose tape overlaps this one in the same pool, this one included"
    estimate = Estimate(float(tries.looks), tries.looks, "looks", convention)
    detail = f"looked at {tries.looks} times with {tries.candidates} candidates, at most {most} asked"
    return Check(
        "looks at this stretch",
        "pass" if tries.looks <= most else "inconclusive",
        detail,
        estimate,
        f"at most {most}",
    )
