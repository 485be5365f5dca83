"""The variance of a mean of dependent observations."""

from __future__ import annotations

import math

import numpy as np

from rook_bench.stats.sample import Series

FREEDOM = 0.41
"""Cosine terms are FREEDOM x n^(2/3): Lazarus, Lewis, Stock, Watson (2018), section 3, table 1."""

LONG = 1 << 18
"""More values are transformed in parts: at five minutes, of a tape of more than two years and a half."""

PART = 1 << 16


def equal_weighted_cosine(values: Series) -> tuple[float, int]:
    """Long-run variance from the lowest cosine frequencies, and its degrees of freedom.

    Lazarus, Lewis, Stock and Watson (2018), "HAR Inference: Recommendations for Practice": the
    mean of the first B squared cosine-transform coefficients. Under fixed-B asymptotics the mean
    over its standard error sqrt(variance / n) is Student's t with B degrees of freedom, which
    keeps intervals honest where a kernel estimate with normal quantiles makes them too short.

    Args:
        values: shape (n,), finite, n >= 4.
    """
    n = len(values)
    freedom = min(max(2, int(FREEDOM * n ** (2 / 3))), n - 1)
    values = np.asarray(values, dtype=np.float64)
    coefficients = _cosines(values, freedom) if n <= LONG else _cosines_by_part(values, freedom)
    return float(np.mean(coefficients**2)), freedom


def _cosines(values: Series, count: int) -> Series:
    """The lowest `count` coefficients of the orthonormal DCT-II, without the mean; shape (count,)."""
    from scipy.fft import dct

    # scipy's DCT-II is twice the sum; orthonormal scaling gives sqrt(2 / n) x sum directly.
    coefficients: Series = dct(values, type=2, norm="ortho")[1 : count + 1]
    return coefficients


def _cosines_by_part(values: Series, count: int, part: int = PART) -> Series:
    """As `_cosines`, by zoomed transforms of one length.

    Of 4.8 million values a whole transform keeps half a gigabyte for every length that was ever asked, to compute
    millions of coefficients of which 12,000 are wanted. Differs from it in the twelfth digit.
    """
    from scipy.signal import ZoomFFT

    n, values = len(values), values - values.mean()  # of which no cosine but the first one knows
    radians = np.pi / n * np.arange(count + 1)
    transform = ZoomFFT(part, (count + 1) / n, count + 1)
    total = np.zeros(count + 1)
    for start in range(0, n, part):
        cut = values[start : start + part]
        if len(cut) < part:
            cut = np.concatenate([cut, np.zeros(part - len(cut))])
        total += (transform(cut) * np.exp(-1j * (start + 0.5) * radians)).real
    coefficients: Series = np.sqrt(2 / n) * total[1:]
    return coefficients


def half_width(values: Series, level: float) -> float:
    """Half the width of the two-sided interval of the mean of `values`, same unit as they."""
    from scipy.special import stdtrit

    variance, freedom = equal_weighted_cosine(values)
    return float(stdtrit(freedom, (1 + level) / 2)) * math.sqrt(variance / len(values))


def prewhitened_qs(values: Series) -> float:
    """Long-run variance by the quadratic spectral kernel, prewhitened by an AR(1).

    Andrews and Monahan (1992); automatic bandwidth of Newey and West (1994) as arch has it.
    The autoregressive coefficient is kept within +-0.97 as they advise.
    """
    from arch.covariance.kernel import QuadraticSpectral

    centred = values - values.mean()
    earlier, later = centred[:-1], centred[1:]
    power = float(earlier @ earlier)
    slope = min(max(float(earlier @ later) / power, -0.97), 0.97) if power > 0 else 0.0
    innovations = later - slope * earlier
    return float(np.squeeze(QuadraticSpectral(innovations).cov.long_run)) / (1 - slope) ** 2
