"""The interval of a mean when nobody knows how long dependence lasts: Student's t averaged over spectra.

After Müller (2014), "HAC Corrections for Strongly Autocorrelated Time Series", Journal of Business and Economic
Statistics 32:311, and Müller and Watson (2015), "Low-Frequency Econometrics". A cosine transform of the series is
summarised by its lowest coefficients. Under white noise they are alike, and the mean over their root mean square
is Student's t (Lazarus, Lewis, Stock and Watson 2018). Under dependence that lasts, the lower ones are larger, and
the mean, of frequency zero, larger still. Here each of a few spectra is weighed by how well it explains the
coefficients, and the interval is that of the mixture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Estimate
from rook_bench.stats.sample import Series, as_series, estimate, flaw, percent

COSINES = 24
"""Coefficients beside the mean. Fewer lose power, more take fast dependence for slow."""

LASTING = tuple(4.0**power for power in range(-2, 5))
"""Rates of the Ornstein-Uhlenbeck spectra: length of the series over the time that it remembers."""

WHITE = 0.4
"""Prior weight of white noise; the others share the rest equally."""

TAIL = 1.12
"""Each tail of the mixture over the tail that was asked for. Calibrated: 2.8% of the mixture is 2.5% in the long run
where dependence is short, and at most 3.2% where the series is an autoregression (docs/explanation/statistics.md)."""

FEWEST = 30
"""Fewest observations with which an interval is given; a gate asks for more."""

DRAWS, PLANNED = 4000, 800
"""Draws of the largest t among the tries, and of the ends of an interval that is planned for."""

LOPSIDED = 4.0
"""How much further than its best hour from the median hour a series' worst one must lie to be counted once more."""

SLOW = 10.0
"""Spectra that remember more than a tenth of the series: it holds few independent episodes."""


@dataclass(frozen=True)
class MeanOverSpectra:
    """The mean of a series with its interval.

    Attributes:
        estimate: mean per period, with the interval's ends.
        slow: weight, 0 to 1, of the spectra under which dependence lasts more than a tenth of the series.
    """

    estimate: Estimate
    slow: float


class _Spectrum(NamedTuple):
    log_weight: float
    log_likelihood: float
    precision: NDArray[Any]
    slope: NDArray[Any]
    rest: float


def mean_over_spectra(values: object, *, unit: str = "fraction", level: float = 0.95) -> MeanOverSpectra:
    """The mean of the values, per bucket, with an interval that stays honest where dependence may last for long.

    Args:
        values: shape (n,), in their order in time; the difference of two series for a paired one.
        unit: of the values, for the Estimate.
        level: of the two-sided interval.
    """
    series = as_series(values)
    method = f"{percent(level)} interval, Student's t averaged over how long dependence may last (Müller 2014)"
    convention = "mean per bucket"
    if because := flaw(series, least=FEWEST):
        return MeanOverSpectra(Estimate.undefined(because, n=len(series), unit=unit, convention=convention), 0.0)
    first, rest = low_cosines(series)
    ends = limits(np.array([first]), rest[None], TAIL * (1 - level) / 2)
    low, high, slow = (float(one[0]) for one in ends)
    root, n = math.sqrt(len(series)), len(series)
    found = estimate(
        float(series.mean()), low / root, high / root, n=n, unit=unit, convention=convention, method=method
    )
    return MeanOverSpectra(found, slow)


def limits(
    first: NDArray[np.float64], rest: NDArray[np.float64], tail: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Both ends of the interval of the expected first coefficient, and the weight of slow spectra.

    Args:
        first: the coefficients of frequency zero, shape (m,): one of each of m series.
        rest: the others, shape (m, COSINES), not all zero.
        tail: probability of the mixture beyond each end.

    Returns:
        Three arrays of shape (m,).
    """
    from scipy.special import stdtr, stdtrit

    weights, centre, spread = _mixture(first, rest)

    def quantile(probability: float) -> NDArray[np.float64]:
        reach = float(stdtrit(COSINES, 1 - min(probability, 1 - probability) / 100)) * spread
        low, high = (centre - reach).min(axis=0), (centre + reach).max(axis=0)
        for _ in range(48):
            middle = (low + high) / 2
            below = (weights * stdtr(COSINES, (middle - centre) / spread)).sum(axis=0) < probability
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2

    slow = weights[1:][np.array(LASTING) <= SLOW].sum(axis=0)
    return quantile(tail), quantile(1 - tail), slow


def chance_of_less(values: object, bound: float) -> float | None:
    """The smallest one-sided error rate at which the interval of the mean still lies above a bound, at most 1.

    It is the p-value that belongs to `mean_over_spectra`; None where that gives no interval.

    Args:
        values: shape (n,), in their order in time.
        bound: per period.
    """
    from scipy.special import stdtr

    series = as_series(values)
    if flaw(series, least=FEWEST):
        return None
    first, rest = low_cosines(series)
    weights, centre, spread = _mixture(np.array([first]), rest[None])
    below = (weights * stdtr(COSINES, (bound * math.sqrt(len(series)) - centre) / spread)).sum()
    return min(1.0, float(below) / TAIL)


def _mixture(
    first: NDArray[np.float64], rest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weight, centre and spread of the Student's t of each spectrum, shape (spectra, m) each; see `limits`."""
    spectra = _spectra()
    power = np.stack([np.einsum("mi,ij,mj->m", rest, one.precision, rest) for one in spectra])
    logs = np.array([one.log_weight + one.log_likelihood for one in spectra])[:, None] - COSINES / 2 * np.log(power)
    weights = np.exp(logs - logs.max(axis=0))
    weights /= weights.sum(axis=0)
    centre = first - np.stack([rest @ one.slope for one in spectra])
    return weights, centre, np.sqrt(np.array([one.rest for one in spectra])[:, None] * power / COSINES)


def noncentrality(alpha: float, power: float) -> float:
    """How many standard errors above the boundary a mean must lie to be found with this power.

    Where dependence is short; by draws, for the mixture has no closed form. ValueError for impossible rates.
    """
    if not (0 < alpha < 0.5 and alpha < power < 1):
        raise ValueError(f"alpha {alpha} lies below 0.5 and power {power} between alpha and 1")
    return float(np.quantile(-_lower_ends(alpha), power))


@cache
def _lower_ends(alpha: float) -> NDArray[np.float64]:
    drawn = np.random.default_rng(7).standard_normal((PLANNED, COSINES + 1))
    # With their mirror images in the mean: less noise for the same draws.
    first = np.concatenate([drawn[:, 0], -drawn[:, 0]])
    rest = np.concatenate([drawn[:, 1:]] * 2)
    return limits(first, rest, TAIL * alpha)[0]


def low_cosines(series: Series) -> tuple[float, NDArray[np.float64]]:
    """The sum over the root of n, and the lowest COSINES orthonormal cosine coefficients, shape (COSINES,)."""
    from scipy.fft import dct

    coefficients = dct(np.asarray(series, dtype=np.float64), norm="ortho")[: COSINES + 1]
    return float(coefficients[0]), coefficients[1:]


def covariance(rate: float, count: int = COSINES) -> NDArray[np.float64]:
    """Covariance of the lowest `count` + 1 coefficients, shape (count + 1, count + 1), in closed form.

    Of an Ornstein-Uhlenbeck process on [0, 1] that forgets at `rate`, whose spectrum is 1 at frequency zero.
    """
    order = np.arange(count + 1)
    square = (math.pi * order) ** 2 + rate**2
    sign = (-1.0) ** order
    edge = rate * (1 - sign * math.exp(-rate)) / square
    inner = np.diag(np.where(order == 0, 2.0, 1.0)) - (1 + np.outer(sign, sign)) * edge[None, :]
    norm = np.where(order == 0, 1.0, math.sqrt(2))
    shape: NDArray[np.float64] = rate / 2 * np.outer(norm, norm) * (rate / square)[:, None] * inner
    return shape


@cache
def _spectra() -> tuple[_Spectrum, ...]:
    share = (1 - WHITE) / len(LASTING)
    weighed = [(WHITE, np.eye(COSINES + 1)), *((share, covariance(rate)) for rate in LASTING)]
    spectra = []
    for weight, whole in weighed:
        precision = np.linalg.inv(whole[1:, 1:])
        slope = precision @ whole[1:, 0]
        known = 0.5 * float(np.linalg.slogdet(precision)[1])
        spectra.append(_Spectrum(math.log(weight), known, precision, slope, float(whole[0, 0] - slope @ whole[1:, 0])))
    return tuple(spectra)


def lopsided(series: Series, per_hour: int) -> tuple[float, float]:
    """What one rare hour that a tape may just have missed takes from the mean, and adds to it; 0 where none should.

    A source that sells tails gains often and little, and loses seldom and much: its worst hour lies far further
    from the median hour than its best. Above LOPSIDED times as far, that hour is counted once more. So is, the other
    way round, the best hour of a source that buys them.

    Args:
        series: shape (n,).
        per_hour: observations in an hour, at least 1.

    Returns:
        Per observation: to be taken from the lower end, and to be added to the upper end.
    """
    count = len(series) // per_hour * per_hour
    hours = np.asarray(series[:count]).reshape(-1, per_hour).sum(axis=1)
    if not len(hours):
        return 0.0, 0.0
    median = float(np.median(hours))
    worst, best = median - float(hours.min()), float(hours.max()) - median
    down = worst / len(series) if worst > LOPSIDED * best else 0.0
    up = best / len(series) if best > LOPSIDED * worst else 0.0
    return down, up


class MaxT(NamedTuple):
    """Answer of `single_step_max_t`: the statistic, what it must exceed, and the p-value of the whole family."""

    statistic: float
    critical: float
    p_value: float


def single_step_max_t(
    mine: Series, others: Sequence[Series], *, unknown: int = 0, size: float = 0.025, seed: int = 2005
) -> MaxT:
    """Whether a series is better than the best of so many without edge would look: single-step max-t.

    Romano and Wolf (2005), "Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing", section 3, with
    the t of the lowest cosine coefficients, whose correlation among the tries says how alike they are: near copies
    hardly count. The critical value comes from draws of normal coefficients with that correlation, under spectra that
    are weighed by how well they explain all tries together: the luckiest of many is the one whose own coefficients
    hide its dependence.

    Args:
        mine: the series that is judged, measured from the boundary, shape (n,).
        others: the other tries over the same time, each of any length above COSINES.
        unknown: further tries whose series are not known; they are taken to be unrelated.
        size: one-sided error rate of the whole family.
        seed: of the draws, so that judging twice gives the same answer.
    """
    first, rest = low_cosines(mine)
    statistic = first / math.sqrt(float(np.mean(rest**2)))
    columns = [rest, *(low_cosines(other)[1] for other in others)]
    alike = np.column_stack([one / math.sqrt(float(one @ one)) for one in columns if one.any()])
    rng = np.random.default_rng(seed)
    weights = _common_weights([column for column in columns if column.any()], alike)
    counts = rng.multinomial(DRAWS, weights)
    parts = [
        _largest(alike, unknown, root, min(PART, count - start), rng)
        for root, count in zip(_roots(), counts.tolist(), strict=True)
        for start in range(0, count, PART)
    ]
    largest = np.concatenate(parts)
    critical = float(np.quantile(largest, 1 - size))
    return MaxT(statistic, critical, float((1 + np.count_nonzero(largest >= statistic)) / (DRAWS + 1)))


PART = 200
"""Draws that are held in memory at once."""


def _largest(
    alike: NDArray[np.float64], unknown: int, root: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The largest t among the tries in so many draws under one spectrum, shape (count,)."""
    drawn = rng.standard_normal((count, COSINES + 1, COSINES)) @ alike
    if unknown:
        drawn = np.concatenate([drawn, rng.standard_normal((count, COSINES + 1, unknown))], axis=2)
    drawn = np.einsum("ij,djk->dik", root, drawn)
    best: NDArray[np.float64] = (drawn[:, 0] / np.sqrt(np.mean(drawn[:, 1:] ** 2, axis=1))).max(axis=1)
    return best


def _common_weights(columns: Sequence[NDArray[np.float64]], alike: NDArray[np.float64]) -> NDArray[np.float64]:
    """Posterior weight of each spectrum given all tries, which count as many as they are different, shape (m,)."""
    if len(columns) == 1:  # how long its dependence may last is the primary question's
        return np.eye(len(_spectra()))[0]
    strengths = np.linalg.eigvalsh(alike.T @ alike)
    different = float(strengths.sum() ** 2 / (strengths**2).sum())
    logs = [
        one.log_weight
        + different
        * (one.log_likelihood - COSINES / 2 * float(np.mean([np.log(y @ one.precision @ y) for y in columns])))
        for one in _spectra()
    ]
    weights = np.exp(np.array(logs) - max(logs))
    found: NDArray[np.float64] = weights / weights.sum()
    return found


@cache
def _roots() -> tuple[NDArray[np.float64], ...]:
    """Cholesky factors of the spectra's covariances, in their order."""
    whole = [np.eye(COSINES + 1), *(covariance(rate) + 1e-12 * np.eye(COSINES + 1) for rate in LASTING)]
    return tuple(np.asarray(np.linalg.cholesky(one), dtype=np.float64) for one in whole)
