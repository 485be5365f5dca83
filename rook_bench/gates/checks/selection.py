"""What choosing among many candidates costs: the best of all tries, and looks at the same stretch."""

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
from rook_bench.stats.sample import flaw
from rook_bench.stats.sharpe import deflated_sharpe
from rook_bench.stats.spectra import FEWEST, single_step_max_t

ALIKE = 0.9
"""Differences from the champion that correlate more than this are near copies, and count as one try. The opposite
of a candidate is another one: whoever tries both has two chances to be lucky."""

COMPARED = 2_000
"""Tries that are compared with each other, to see which are near copies."""

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
    """Whether it beats the best that as many tries would show by luck, and the number of looks.

    For information: the deflated Sharpe ratio, which of all that were tried beat the champion, and the probability
    of overfitting.
    """
    if asked.best_of_tries and primary is not None:
        yield _best_of(primary, candidate, champion, tries)
    if primary is not None and (asked.min_deflated_sharpe is not None or (champion and tries)):
        yield _deflated(asked.min_deflated_sharpe, primary, candidate, champion, tries)
    if asked.max_looks is not None:
        yield _looks(asked.max_looks, tries)
    if tries is None or champion is None:
        return
    mine = candidate.sampled.log_returns - champion.sampled.log_returns
    # Those on another clock can't stand side by side.
    panel = {CANDIDATE: mine} | {name: other for name, other in tries.named.items() if len(other) == len(mine)}
    if len(panel) >= STEPM_TRIALS:
        yield _better(panel, ALPHA if primary is None else primary.alpha, generator(candidate, champion))
    if len(panel) >= PBO_TRIALS:
        estimate = probability_of_backtest_overfitting(np.column_stack(list(panel.values())))
        detail = f"{estimate}: how often the best of {len(panel)} in one half is below the middle in the other"
        yield Check("probability of overfitting", "info", detail, estimate)


def _best_of(primary: Primary, candidate: Analysis, champion: Analysis | None, tries: Tries | None) -> Check:
    """Single-step max-t over everything that was tried on these swaps."""
    title = "best of all tries"
    if champion is None:
        return no_champion(title, "beyond luck")
    if tries is None:
        reason = "no trial ledger was read, so how much was tried is unknown"
        return Check(title, "inconclusive", reason, bound="beyond luck")
    difference = candidate.sampled.log_returns - champion.sampled.log_returns
    if because := flaw(difference, least=FEWEST):
        return Check(title, "inconclusive", f"undefined: {because}", bound="beyond luck")
    mine = shifted(primary, difference, candidate.clock.bucket_s)
    known = [other for other in tries.others if not flaw(other, least=FEWEST)]
    found = single_step_max_t(mine, known, unknown=tries.unknown, size=primary.alpha)
    others = len(known) + tries.unknown
    unknown = f", {tries.unknown} of them on swaps of their own and taken as unrelated" if tries.unknown else ""
    of = (
        f"beside {others} other {'try' if others == 1 else 'tries'} on these swaps{unknown}"
        if others
        else "the only try"
    )
    convention = "mean difference over the root mean square of its lowest cosine coefficients"
    estimate = Estimate(found.statistic, len(difference), "", convention)
    passed = found.statistic > found.critical
    detail = (
        f"t {found.statistic:.2f}, above {found.critical:.2f} asked ({of}): as lucky as that is the best of them in "
        f"{found.p_value:.2%} of cases"
    )
    return Check(title, "pass" if passed else "inconclusive", detail, estimate, f"above {found.critical:.2f}")


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
    least: float | None, primary: Primary, candidate: Analysis, champion: Analysis | None, tries: Tries | None
) -> Check:
    bound = "" if least is None else f"at least {least:g}"
    if champion is None:
        return no_champion("deflated Sharpe ratio", bound)
    if tries is None:
        reason = "no trial ledger was read, so how many candidates were tried is unknown"
        return Check("deflated Sharpe ratio", "inconclusive", reason, bound=bound)
    difference = candidate.sampled.log_returns - champion.sampled.log_returns
    trials = [other for other in tries.others if len(other) == len(difference)]
    mine = shifted(primary, difference, candidate.clock.bucket_s)
    estimate, count = deflated(mine, trials, elsewhere=tries.unknown + len(tries.others) - len(trials))
    of = "no other was tried here" if count == 1 else f"best of {count} tries, near copies counted once"
    undecided: Status = "info" if least is None else "inconclusive"
    if estimate.value is None:
        reason = f"undefined: {estimate.undefined_because}"
        return Check("deflated Sharpe ratio", undecided, reason, estimate, bound)
    status: Status = "pass" if least is not None and estimate.value >= least else undecided
    detail = f"{estimate.value:.3f} ({of})" + ("" if least is None else f", {bound} asked")
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
    if len(varied) > COMPARED:  # held side by side they would fill memory; those beyond count as tries of their own
        elsewhere += len(varied) - COMPARED
        varied = [varied[place] for place in np.linspace(0, len(varied) - 1, COMPARED).astype(int)]
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
    convention = "evaluations of candidates on tapes that share swaps (or time and pair) with this one, itself included"
    estimate = Estimate(float(tries.looks), tries.looks, "looks", convention)
    detail = f"looked at {tries.looks} times with {tries.candidates} candidates, at most {most} asked"
    return Check(
        "looks at this stretch",
        "pass" if tries.looks <= most else "inconclusive",
        detail,
        estimate,
        f"at most {most}",
    )
