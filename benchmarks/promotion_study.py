"""How often a worthless candidate is promoted: prints the tables of docs/explanation/judging.md.

    python benchmarks/promotion_study.py [--worlds 4000] [--seed 1] [--processes 2]

Every world is a series of differences, candidate minus champion, of 30 days of 5-minute buckets whose true mean is
0. What is asked is what the gate asks (`gates.checks.primary.decide_difference`), through the product's own code.
"today" is the interval of version 0 of the policy: equal-weighted cosine with Student's t (`stats.mean_interval`).
"Power" is how often a constant edge is promoted that is found in 80% of cases by that interval.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numba import njit
from scipy.fft import irfft, rfft
from scipy.signal import lfilter
from scipy.stats import binomtest

from rook_bench.stats import mean_interval
from rook_bench.stats.long_run import equal_weighted_cosine
from rook_bench.stats.spectra import TAIL, limits, lopsided, low_cosines, single_step_max_t

N = 8640
"""Buckets of 5 minutes in 30 days."""

S = 3e-4
"""Their standard deviation where nothing else is said."""

Draw = Callable[[np.random.Generator], np.ndarray]


def autoregression(rng, slope, innovations=None):
    """AR(1) after a long start."""
    shocks = rng.standard_normal(N + 8000) if innovations is None else innovations(N + 8000)
    return S * lfilter([1.0], [1.0, -slope], shocks)[8000:]


def takes_turns(rng, days, bps, noise=S):
    """Better for some days, worse for some, by so many bps a day, as often the one as the other."""
    now = rng.choice([-1, 1]) * np.where(np.cumsum(rng.random(N) < 1 / (days * 288)) % 2, -1, 1)
    return now * bps * 1e-4 / 288 + noise * rng.standard_normal(N)


def sells_tails(rng, crashes):
    """Gains little and often, and loses ten per cent in so many crashes on average, which even out."""
    chance = crashes / N
    gains = np.where(rng.random(N) < 0.1, 1e-4 * (1 + 0.5 * rng.standard_normal(N)), 0.0)
    return gains - np.where(rng.random(N) < chance, 0.1 * 1e-4 / chance, 0.0)


@njit
def _clustered(draws, shock, memory, start, constant):
    values = np.empty(draws.size)
    variance = start
    for row in range(draws.size):
        values[row] = math.sqrt(variance) * draws[row]
        variance = constant + shock * values[row] ** 2 + memory * variance
    return values


def garch(rng, shock=0.1, memory=0.899, freedom=4):
    """Calm and wild times."""
    draws = rng.standard_t(freedom, N + 2000) / math.sqrt(freedom / (freedom - 2))
    return _clustered(draws, shock, memory, S**2, S**2 * (1 - shock - memory))[2000:]


def few(rng, count):
    """Nothing but in so many buckets."""
    values = np.zeros(N)
    values[rng.choice(N, count, replace=False)] = 10 * S * rng.standard_t(3, count)
    return values


def one_huge(rng):
    """One bucket of fifty standard deviations."""
    values = S * rng.standard_normal(N)
    values[rng.integers(N)] += rng.choice([-1, 1]) * 50 * S
    return values


def hours_of_the_day(rng):
    """Volatility three times as high at one hour as at another."""
    return S * (1 + 0.5 * np.sin(2 * np.pi * (np.arange(N) % 288) / 288)) * rng.standard_t(4, N) / math.sqrt(2)


def growing(rng):
    """A variance that grows ninefold."""
    return S * np.sqrt(np.linspace(0.2, 1.8, N)) * rng.standard_t(4, N) / math.sqrt(2)


def held(rng):
    """Positions of eight hours on average in a market of 4% a day without drift."""
    weight = 0.15 * np.where(np.cumsum(rng.random(N) < 1 / 96) % 2, -1, 1)
    return weight * 0.04 / math.sqrt(288) * rng.standard_t(4, N) / math.sqrt(2)


def long_bias(rng, beta=0.3):
    """More of the market than the champion, whose drift is another one every month."""
    return beta * market(rng)


def market(rng):
    """A market of 4% a day, whose drift of the month has a deviation of 15%."""
    return rng.normal(0, 0.15) / N + 0.04 / math.sqrt(288) * rng.standard_t(4, N) / math.sqrt(2)


def long_memory(rng, order):
    """Fractional noise: no length of time is long enough."""
    n, size = N + 4000, 1 << 15
    steps = np.arange(1, n)
    weights = np.concatenate([[1.0], np.cumprod((steps - 1 + order) / steps)])
    return S * irfft(rfft(rng.standard_normal(n), size) * rfft(weights, size), size)[4000:n]


def remembering(rng, rate):
    """An Ornstein-Uhlenbeck process of variance 1 that forgets at this rate per bucket."""
    shocks = rng.standard_normal(N + 4000) * math.sqrt(1 - math.exp(-2 * rate))
    return lfilter([1.0], [1.0, -math.exp(-rate)], shocks)[4000:]


def two_scales(rng):
    """Noise, and two that remember hours and days."""
    return S * (0.7 * rng.standard_normal(N) + 0.05 * remembering(rng, 1 / 432) + 0.1 * remembering(rng, 1 / 72))


WORLDS: dict[str, Draw] = {
    "iid normal": lambda rng: S * rng.standard_normal(N),
    "Student's t(2.1)": lambda rng: S * rng.standard_t(2.1, N),
    "Student's t(1.5), no variance": lambda rng: S * rng.standard_t(1.5, N),
    "GARCH, t4": garch,
    "volatility by the hour": hours_of_the_day,
    "variance grows ninefold": growing,
    "positions held 8 h": held,
    "AR 0.9": partial(autoregression, slope=0.9),
    "10 active buckets": partial(few, count=10),
    "30 active buckets": partial(few, count=30),
    "one bucket of 50 deviations": one_huge,
    "AR 0.99 (8 h)": partial(autoregression, slope=0.99),
    "AR 0.997 (28 h)": partial(autoregression, slope=0.997),
    "AR 0.999 (3.5 d)": partial(autoregression, slope=0.999),
    "noise + OU 6 h + OU 1.5 d": two_scales,
    "takes turns of 1 d, ±25 bps": partial(takes_turns, days=1, bps=25),
    "takes turns of 3 d, ±25 bps": partial(takes_turns, days=3, bps=25),
    "takes turns of 10 d, ±10 bps": partial(takes_turns, days=10, bps=10),
    "takes turns of 10 d, ±25 bps": partial(takes_turns, days=10, bps=25),
    "takes turns of 30 d, ±25 bps": partial(takes_turns, days=30, bps=25),
    "long memory, d = 0.2": partial(long_memory, order=0.2),
    "long memory, d = 0.4": partial(long_memory, order=0.4),
    "sells tails, 3 crashes": partial(sells_tails, crashes=3.0),
    "sells tails, 1 crash": partial(sells_tails, crashes=1.0),
    "sells tails, 0.3 crashes": partial(sells_tails, crashes=0.3),
    "long bias": long_bias,
}


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def one_world(name: str, worlds: int, seed: int) -> list[str]:
    """A row of the table."""
    rng = _generator(seed, name)
    found = dict.fromkeys(("today", "today covers", "now", "now covers", "blocked", "power"), 0)
    edges, first, rest, shifts = [], [], [], []
    for _ in range(worlds):
        values = WORLDS[name](rng)
        old = mean_interval(values)
        if old.low is not None and old.high is not None:
            found["today"] += old.low > 0
            found["today covers"] += old.low <= 0 <= old.high
            edges.append(old.value - old.low)
        zero, others = low_cosines(values)
        first.append(zero)
        rest.append(others)
        shifts.append(lopsided(values, 12))
        assert old.low is None or math.isfinite(equal_weighted_cosine(values)[0])
    root = math.sqrt(N)
    low, high, _ = (end / root for end in limits(np.array(first), np.array(rest), TAIL * 0.025))
    down, up = np.array(shifts).T
    # The edge that the interval of today promotes in 80% of cases, taken from its own lower ends.
    means = np.array(first) / root
    edge = float(np.quantile(np.array(edges) - means[: len(edges)], 0.8)) if edges else math.nan
    promoted = int(np.count_nonzero(low - down > 0))
    cover = float(np.mean((low <= 0) & (high >= 0)))
    power = float(np.mean(low - down + edge > 0))
    return [
        name,
        f"{found['today'] / worlds:.1%}",
        with_interval(promoted, worlds),
        f"{np.mean(high + up < 0):.1%}",
        f"{power:.0%}",
        f"{found['today covers'] / worlds:.0%} → {cover:.0%}",
    ]


def with_interval(count: int, of: int) -> str:
    """A share with its exact 95% interval."""
    found = binomtest(count, of).proportion_ci(0.95, method="exact")
    return f"{count / of:.1%} [{found.low:.1%}, {found.high:.1%}]"


def best_of(name: str, worlds: int, seed: int) -> list[str]:
    """A row of the second table: the best of many tries, none with an edge, or one with a t of 4."""
    rng = _generator(seed, name)
    draw, count = CHOICES[name]
    false = power = 0
    for _ in range(worlds):
        tries = draw(rng)
        for edged in (False, True):
            panel = tries.copy()
            if edged:
                panel[:, 0] += 4 * math.sqrt(equal_weighted_cosine(panel[:, 0])[0] / N)
            best = int(panel.mean(axis=0).argmax())
            mine = panel[:, best]
            zero, others = low_cosines(mine)
            down, _ = lopsided(mine, 12)
            low = limits(np.array([zero]), others[None], TAIL * 0.025)[0][0] / math.sqrt(N)
            statistic, critical, _ = single_step_max_t(mine, list(np.delete(panel, best, axis=1).T))
            passed = low - down > 0 and statistic > critical
            if edged:
                power += passed and best == 0
            else:
                false += passed
    return [name, str(count), with_interval(false, worlds), f"{power / worlds:.0%}"]


def unrelated(count: int) -> Draw:
    """Tries that have nothing in common."""
    return lambda rng: S * rng.standard_normal((N, count))


def windows(rng: np.random.Generator) -> np.ndarray:
    """One worthless source, allowed to trade in one of 24 hours of the day, or from one to another."""
    values = S * rng.standard_normal(N)
    hour = np.arange(N) // 12 % 24
    return np.column_stack([np.where((hour - start) % 24 < 8, values, 0.0) for start in range(24)])


def cut_offs(rng: np.random.Generator) -> np.ndarray:
    """One worthless source with one of 20 thresholds for its confidence."""
    values, confidence = S * rng.standard_normal(N), rng.random(N)
    return np.column_stack([np.where(confidence > level, values, 0.0) for level in np.linspace(0, 0.95, 20)])


def near_copies(rng: np.random.Generator) -> np.ndarray:
    """Eight versions of one source."""
    values = S * rng.standard_normal(N)
    return np.column_stack([values + 0.2 * S * rng.standard_normal(N) for _ in range(8)])


def lasting(slope: float) -> Draw:
    """Twenty unrelated ones whose differences drift for hours or days."""
    return lambda rng: np.column_stack([autoregression(rng, slope) for _ in range(20)])


CHOICES: dict[str, tuple[Draw, int]] = {
    "thresholds of confidence": (cut_offs, 20),
    "hours of the day": (windows, 24),
    "near copies": (near_copies, 8),
    "unrelated": (unrelated(20), 20),
    "unrelated, a hundred": (unrelated(100), 100),
    "unrelated, AR 0.99 (8 h)": (lasting(0.99), 20),
    "unrelated, AR 0.997 (28 h)": (lasting(0.997), 20),
    "unrelated, AR 0.999 (3.5 d)": (lasting(0.999), 20),
}


def table(titles: list[str], rows: list[list[str]]) -> None:
    """Print Markdown."""
    print("| " + " | ".join(titles) + " |")
    print("|" + "---|" * len(titles))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    print()


def main() -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=4000)
    parser.add_argument("--choices", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.processes) as pool:
        rows = list(pool.map(partial(one_world, worlds=asked.worlds, seed=asked.seed), WORLDS))
        titles = ["world, true mean 0", "promoted before", "promoted", "blocked", "power", "covered, before → now"]
        table(titles, rows)
        rows = list(pool.map(partial(best_of, worlds=asked.choices, seed=asked.seed), CHOICES))
        table(["best of, none with an edge", "tries", "promoted", "one with t = 4 promoted"], rows)


if __name__ == "__main__":
    main()
