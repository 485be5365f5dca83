"""How sure one Sharpe ratio can be, alone and as the best of many (Bailey, Lopez de Prado).

All Sharpe ratios here are per period, never annualised: the formulas count periods.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

import numpy as np

from rook_bench.core import Estimate
from rook_bench.stats.sample import Series, as_series, flaw

Form = Literal["2012", "2026"]

FORMS = {
    "2012": "variance at the estimated Sharpe ratio, n - 1 (Bailey, Lopez de Prado 2012)",
    "2026": "variance at the benchmark Sharpe ratio, n (2026 form)",
}
IID = "assumes returns without autocorrelation"


def probabilistic_sharpe_ratio(
    sharpe: float, n: int, *, skew: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0, form: Form = "2012"
) -> float:
    """Probability that the true Sharpe ratio exceeds `benchmark`.

    Args:
        sharpe, benchmark: per period.
        n: number of returns.
        skew, kurtosis: of the returns; kurtosis is 3 for normal returns, not 0.
        form: "2012" takes the variance at `sharpe` with n - 1; "2026" takes it under the null, at
            `benchmark`, with n. The same data give 0.913 and 0.987 in the paper's example.
    """
    from scipy.special import ndtr

    if n < 2:
        raise ValueError(f"a Sharpe ratio needs at least two returns, not {n}")
    if form not in FORMS:
        raise ValueError(f"form is one of {', '.join(FORMS)}, not {form!r}")
    at, count = (sharpe, n - 1) if form == "2012" else (benchmark, n)
    return float(ndtr((sharpe - benchmark) * math.sqrt(count / _variance(at, skew, kurtosis))))


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Sharpe ratio that the best of `trials` strategies without skill is expected to show.

    The False Strategy theorem (Bailey, Lopez de Prado 2014), per period if `variance`, the
    variance of the trials' Sharpe ratios, is. One trial is not a selection: 0.
    """
    from scipy.special import ndtri

    if trials < 1 or variance < 0:
        raise ValueError(f"trials must be at least 1 and variance not negative, not {trials} and {variance}")
    if trials == 1:
        return 0.0
    best, beyond = ndtri(1 - 1 / trials), ndtri(1 - 1 / (trials * math.e))
    return float(math.sqrt(variance) * ((1 - np.euler_gamma) * best + np.euler_gamma * beyond))


def deflated_sharpe_ratio(
    sharpe: float,
    n: int,
    *,
    trials: int,
    variance: float,
    skew: float = 0.0,
    kurtosis: float = 3.0,
    form: Form = "2012",
) -> float:
    """The probabilistic Sharpe ratio against the maximum expected of `trials` without skill."""
    benchmark = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe_ratio(sharpe, n, skew=skew, kurtosis=kurtosis, benchmark=benchmark, form=form)


def minimum_track_record_length(
    sharpe: float, *, benchmark: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0, level: float = 0.95
) -> float:
    """Observations until the probabilistic Sharpe ratio (2012 form) reaches `level`, one-sided.

    ValueError where `sharpe` is not above `benchmark`: no length would do.
    """
    if not sharpe > benchmark:
        raise ValueError(f"no track record is long enough: Sharpe ratio {sharpe:.4g} is not above {benchmark:.4g}")
    if not 0.5 < level < 1:
        raise ValueError(f"level lies between 0.5 and 1, not at {level}")
    quantile = NormalDist().inv_cdf(level)  # as scipy's, which measuring a run does without
    return float(1 + _variance(sharpe, skew, kurtosis) * (quantile / (sharpe - benchmark)) ** 2)


def deflated_sharpe(returns: object, *, trials: int, variance: float, form: Form = "2012") -> Estimate:
    """`deflated_sharpe_ratio` of the returns.

    Args:
        returns: of the selected trial, shape (n,).
        trials: how many were tried, the discarded ones included.
        variance: of the trials' Sharpe ratios per period.
    """
    series = as_series(returns)
    benchmark = expected_maximum_sharpe(trials, variance)
    convention = (
        f"P(Sharpe > {benchmark:.4g} per period, the maximum expected of {trials} trials without skill) "
        f"(Bailey, Lopez de Prado 2014), {FORMS[form]}; {IID}"
    )
    if because := flaw(series):
        return Estimate.undefined(because, n=len(series), unit="probability", convention=convention)
    sharpe, skew, kurtosis = moments(series)
    value = deflated_sharpe_ratio(
        sharpe, len(series), trials=trials, variance=variance, skew=skew, kurtosis=kurtosis, form=form
    )
    return Estimate(value, len(series), "probability", convention)


def track_record_needed(returns: object, *, benchmark: float = 0.0, level: float = 0.95) -> Estimate:
    """Observations needed before the Sharpe ratio shown would be believed, if it stays as it is."""
    series = as_series(returns)
    convention = (
        f"minimum track record length against {benchmark:.4g} per period at {100 * level:g}%, one-sided "
        f"(Bailey, Lopez de Prado 2012); {IID}"
    )
    because = flaw(series)
    sharpe, skew, kurtosis = (math.nan,) * 3 if because else moments(series)
    if because is None and sharpe <= benchmark:
        because = f"no record is long enough: the Sharpe ratio per period, {sharpe:.3g}, is not above {benchmark:.3g}"
    if because:
        return Estimate.undefined(because, n=len(series), unit="observations", convention=convention)
    value = minimum_track_record_length(sharpe, benchmark=benchmark, skew=skew, kurtosis=kurtosis, level=level)
    return Estimate(value, len(series), "observations", convention)


def moments(returns: Series) -> tuple[float, float, float]:
    """Sharpe ratio per period (sample deviation), skewness and kurtosis (3 when normal)."""
    standard = (returns - returns.mean()) / returns.std()
    sharpe = float(returns.mean() / returns.std(ddof=1))
    return sharpe, float(np.mean(standard**3)), float(np.mean(standard**4))


def _variance(sharpe: float, skew: float, kurtosis: float) -> float:
    """Variance of an estimated Sharpe ratio, times the number of observations (Mertens 2002)."""
    variance = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if not variance > 0:
        raise ValueError(f"no returns have skewness {skew} together with kurtosis {kurtosis}")
    return variance
