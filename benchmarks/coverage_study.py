"""How often the 95% intervals contain the truth: prints the tables of docs/explanation/statistics.md.

    python benchmarks/coverage_study.py [--replications 4000] [--slow-replications 1000] [--seed 1] [--processes 2]

Returns are simulated with a known mean and a known Sharpe ratio. A cell holds the share of
intervals that contain the truth, its own 95% interval (Wilson), and the shares of intervals that
lie wholly above and wholly below the truth. A cell outside 93 to 97% is bold. Intervals that
rest on a bootstrap take long and get the smaller number of replications.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from arch.bootstrap import StationaryBootstrap
from scipy.signal import lfilter
from scipy.stats import binomtest

from rook_bench.core import Estimate
from rook_bench.stats import block_length, mean_interval, sharpe_difference, sharpe_interval

LENGTHS = {288: "1 day", 2016: "1 week", 8640: "30 days"}
"""Buckets of 5 minutes."""

BURN = 500
BATCH = 250
YEAR = 105_120
RESAMPLES = 500
SHARPE = 0.02
"""True Sharpe ratio per bucket where the process has mean 0: 6.5 a year."""


@dataclass(frozen=True)
class Process:
    """A stationary series: `draw(rng, n, count)` has shape (count, n)."""

    draw: Callable[[np.random.Generator, int, int], np.ndarray]
    mean: float
    deviation: float


def student(rng, freedom, shape):
    """Student's t with variance 1."""
    return rng.standard_t(freedom, shape) * math.sqrt((freedom - 2) / freedom)


def autoregressive(rng, n, count, *, slope, freedom):
    """AR(1) with fat-tailed innovations."""
    shocks = student(rng, freedom, (count, n + BURN)) * math.sqrt(1 - slope**2)
    return lfilter([1.0], [1.0, -slope], shocks, axis=1)[:, BURN:]


def clustered(rng, n, count, *, shock=0.1, memory=0.85, freedom=5):
    """GARCH(1,1): calm and wild times."""
    draws = student(rng, freedom, (n + BURN, count))
    variance = np.ones(count)
    for row in draws:
        row *= np.sqrt(variance)
        variance = (1 - shock - memory) + shock * row**2 + memory * variance
    return draws[BURN:].T


def rare_trades(rng, n, count, *, share=0.05, cost=1.0):
    """Nothing in most buckets; a fat-tailed result less a cost in some."""
    return np.where(rng.random((count, n)) < share, student(rng, 4, (count, n)) - cost, 0.0)


def episodes(rng, n, count, *, stay=20, away=80, cost=2.0):
    """In the market for 20 buckets on average, out of it for 80, with a cost on the way in."""
    chance = rng.random((n + BURN, count))
    within = np.zeros((n + BURN, count), dtype=bool)
    for now in range(1, n + BURN):
        within[now] = np.where(within[now - 1], chance[now] > 1 / stay, chance[now] < 1 / away)
    entered = within[1:] & ~within[:-1]
    result = np.where(within[1:], student(rng, 4, entered.shape), 0.0) - cost * entered
    return result[BURN - 1 :].T


PROCESSES = {
    "independent, t(3)": Process(partial(autoregressive, slope=0.0, freedom=3), 0.0, 1.0),
    "AR(1) -0.2, t(4)": Process(partial(autoregressive, slope=-0.2, freedom=4), 0.0, 1.0),
    "AR(1) 0.1, t(5)": Process(partial(autoregressive, slope=0.1, freedom=5), 0.0, 1.0),
    "AR(1) 0.3, t(3)": Process(partial(autoregressive, slope=0.3, freedom=3), 0.0, 1.0),
    "GARCH(1,1), t(5)": Process(clustered, 0.0, 1.0),
    "a trade in 5% of buckets": Process(rare_trades, -0.05, math.sqrt(0.05 * 2 - 0.05**2)),
    "in the market 1 time in 5": Process(episodes, -0.02, math.sqrt(0.24 - 0.02**2)),
}


@dataclass(frozen=True)
class Cell:
    """Counts of one cell: intervals that contain the truth, lie above it, lie below it, are undefined."""

    inside: int
    above: int
    below: int
    undefined: int

    @property
    def defined(self) -> int:
        return self.inside + self.above + self.below

    @property
    def coverage(self) -> float:
        return self.inside / self.defined

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Wilson's interval of the coverage."""
        found = binomtest(self.inside, self.defined).proportion_ci(level, method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval()
        rate = f"{100 * self.coverage:.1f}"
        rate = rate if 0.93 <= self.coverage <= 0.97 else f"**{rate}**"
        tails = f"{100 * self.above / self.defined:.1f} / {100 * self.below / self.defined:.1f}"
        missing = f", {self.undefined} undefined" if self.undefined else ""
        return f"{rate} [{100 * low:.1f}, {100 * high:.1f}] {tails}{missing}"


def pair(process, rng, n, count):
    """Two series with correlation 0.64, each with the mean 1.4 x and the deviation of the process."""
    common, first, second = (process.draw(rng, n, count) for _ in range(3))
    return 0.8 * common + 0.6 * first, 0.8 * common + 0.6 * second


def of_mean(process, rng, n, count) -> Iterable[tuple[Estimate, float]]:
    for series in process.draw(rng, n, count):
        yield mean_interval(series), process.mean


def of_mean_by_bootstrap(process, rng, n, count):
    for series in process.draw(rng, n, count):
        yield by_bootstrap(series, rng), process.mean


def by_bootstrap(series, rng) -> Estimate:
    """The mean with the percentile interval of the stationary bootstrap, which the project does not use."""
    sound = mean_interval(series)
    if not sound.defined:
        return sound
    sampler = StationaryBootstrap(block_length(series), series, seed=rng)
    means = [data[0].mean() for data, _ in sampler.bootstrap(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(sound.value, sound.n, "fraction", "mean", low, high)


def of_paired_difference(process, rng, n, count):
    for first, second in zip(*pair(process, rng, n, count), strict=True):
        yield mean_interval(first - second), 0.0


def of_sharpe(process, rng, n, count):
    shift = 0.0 if process.mean else SHARPE * process.deviation
    truth = (process.mean + shift) / process.deviation
    for series in process.draw(rng, n, count) + shift:
        yield sharpe_interval(series, periods_per_year=YEAR), truth * math.sqrt(YEAR)


def of_sharpe_difference(process, rng, n, count):
    shift = 0.0 if process.mean else SHARPE * process.deviation
    first, second = pair(process, rng, n, count)
    truth = shift / process.deviation * math.sqrt(YEAR)
    for one, other in zip(first + 1.5 * shift, second + 0.5 * shift, strict=True):
        yield sharpe_difference(one, other, rng=rng, periods_per_year=YEAR, replications=RESAMPLES), truth


@dataclass(frozen=True)
class Study:
    """One statistic of the study."""

    intervals: Callable[[Process, np.random.Generator, int, int], Iterable[tuple[Estimate, float]]]
    slow: bool = False
    longest: int = 8640


STUDIES = {
    "mean_interval": Study(of_mean),
    "mean_interval of a difference": Study(of_paired_difference),
    "sharpe_interval": Study(of_sharpe),
    "sharpe_difference": Study(of_sharpe_difference, slow=True),
    "percentile bootstrap of the mean": Study(of_mean_by_bootstrap, slow=True, longest=2016),
}


def measure(study: str, process: str, n: int, replications: int, seed: int) -> Cell:
    """Coverage of one statistic on one process at one length."""
    place = (list(STUDIES).index(study), list(PROCESSES).index(process), n)
    rng = np.random.default_rng([seed, *place])
    inside = above = below = undefined = 0
    for done in range(0, replications, BATCH):
        count = min(BATCH, replications - done)
        for estimate, truth in STUDIES[study].intervals(PROCESSES[process], rng, n, count):
            if estimate.low is None or estimate.high is None:
                undefined += 1
            elif estimate.low > truth:
                above += 1
            elif estimate.high < truth:
                below += 1
            else:
                inside += 1
    return Cell(inside, above, below, undefined)


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage of the 95% intervals on simulated returns.")
    parser.add_argument("--replications", type=int, default=4000)
    parser.add_argument("--slow-replications", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    keys = [
        (name, process, n)
        for name, study in STUDIES.items()
        for process in PROCESSES
        for n in LENGTHS
        if n <= study.longest
    ]
    counts = [options.slow_replications if STUDIES[name].slow else options.replications for name, _, _ in keys]
    with ProcessPoolExecutor(options.processes) as pool:
        running = [pool.submit(measure, *key, count, options.seed) for key, count in zip(keys, counts, strict=True)]
        cells = {}
        for key, task in zip(keys, running, strict=True):
            cells[key] = task.result()
            print(*key, cells[key], file=sys.stderr, flush=True)
    for name, study in STUDIES.items():
        lengths = [n for n in LENGTHS if n <= study.longest]
        replications = options.slow_replications if study.slow else options.replications
        print(f"\n{name}, {replications} replications")
        print("\n| returns | " + " | ".join(f"n = {n} ({LENGTHS[n]})" for n in lengths) + " |")
        print("|---|" + "---|" * len(lengths))
        for process in PROCESSES:
            print(f"| {process} | " + " | ".join(str(cells[name, process, n]) for n in lengths) + " |")


if __name__ == "__main__":
    main()
