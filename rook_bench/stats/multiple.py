"""Many candidates at once: whether the best is better than luck (Hansen), and which are (Romano, Wolf)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rook_bench.core import Estimate
from rook_bench.stats.blocks import block_length
from rook_bench.stats.long_run import equal_weighted_cosine
from rook_bench.stats.sample import Series, as_series, flaw


@dataclass(frozen=True, slots=True)
class Selection:
    """The candidates that a test keeps.

    Attributes:
        names: kept, in the order given.
        p_values: of every candidate that was tested; empty where the method gives none.
        n: observations per candidate.
        block: mean block of the stationary bootstrap, in observations; None when undefined.
        convention: how it was computed.
        undefined_because: why nothing was tested; None exactly when something was.
    """

    names: tuple[str, ...]
    p_values: dict[str, float]
    n: int
    block: int | None
    convention: str
    undefined_because: str | None = None

    @property
    def defined(self) -> bool:
        """Whether the test could be made; `names` is empty otherwise."""
        return self.undefined_because is None


LONGEST = 20_000
"""Observations of which arch's Model Confidence Set is made: it keeps the rows of every resample, eight bytes each."""

HOPELESS = 1e3
"""Long-run standard deviations per bucket below the benchmark."""


@dataclass(frozen=True)
class _Panel:
    """What is compared, one column per candidate, shape (n, k), or why it can't be."""

    names: tuple[str, ...]
    columns: Series
    block: int | None
    because: str | None
    left_out: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Observations per candidate."""
        return len(self.columns)

    def described(self, replications: int) -> str:
        """The bootstrap, and who is not compared."""
        block = "" if self.block is None else f", mean block {self.block}"
        left_out = f"; left out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"stationary bootstrap, {replications} resamples{block}{left_out}"


def superior_predictive_ability(
    returns: Mapping[str, object],
    benchmark: object | None = None,
    *,
    rng: np.random.Generator,
    replications: int = 1000,
    block: int | None = None,
) -> Estimate:
    """p-value of "no candidate has a higher mean than the benchmark" (Hansen 2005): studentised, consistent.

    Args:
        returns: name to returns on the same buckets, shape (n,) each.
        benchmark: returns of the benchmark; None when `returns` are differences already.
        block: mean block; by default the longest automatic one of the differences.

    Candidates whose difference does not vary, or is zero in nearly every bucket, can't win and
    are left out; the convention names them.
    """
    from arch.bootstrap import SPA

    panel = _panel(returns, benchmark, block)
    convention = f"SPA (Hansen 2005), studentised, consistent p-value, {panel.described(replications)}"
    if panel.because:
        return Estimate.undefined(panel.because, n=panel.n, unit="probability", convention=convention)
    test = SPA(*_losses(_studentised(panel)), block_size=panel.block, reps=replications, seed=rng)
    test.compute()
    return Estimate(_counted(test.pvalues["consistent"], replications), panel.n, "probability", convention)


def stepwise_multiple_test(
    returns: Mapping[str, object],
    benchmark: object | None = None,
    *,
    rng: np.random.Generator,
    size: float = 0.05,
    replications: int = 1000,
    block: int | None = None,
) -> Selection:
    """Candidates with a higher mean than the benchmark, family-wise error `size` (Romano, Wolf 2005).

    The chance that even one of the names returned is no better than the benchmark is at most
    `size`, however many candidates there are. Arguments as for `superior_predictive_ability`.
    """
    from arch.bootstrap import StepM

    panel = _panel(returns, benchmark, block)
    convention = f"StepM (Romano, Wolf 2005), studentised, family-wise error {size:g}, {panel.described(replications)}"
    if panel.because:
        return Selection((), {}, panel.n, None, convention, panel.because)
    scaled = _studentised(panel)
    # arch 8 fails once every candidate is found superior. One that is hopeless by far is never
    # found, and Hansen's recentring keeps it out of the critical values.
    hopeless = np.full((panel.n, 1), -HOPELESS)
    benchmark_loss, losses = _losses(np.column_stack([scaled, hopeless]))
    test = StepM(benchmark_loss, losses, size=size, block_size=panel.block, reps=replications, seed=rng)
    test.compute()
    names = tuple(panel.names[column] for column in test.superior_models)
    return Selection(names, {}, panel.n, panel.block, convention)


def model_confidence_set(
    returns: Mapping[str, object],
    *,
    rng: np.random.Generator,
    size: float = 0.05,
    replications: int = 1000,
    block: int | None = None,
) -> Selection:
    """Candidates that can't be told from the best at `size` (Hansen, Lunde, Nason 2011), range statistic.

    A p-value is the smallest `size` at which the candidate is left out. Candidates with the same
    returns as one before them share its p-value. At least two that differ are needed.
    """
    from arch.bootstrap import MCS

    columns, first = _distinct(returns)
    panel = _pairs(columns, block)
    convention = f"Model Confidence Set (Hansen, Lunde, Nason 2011), range statistic, {panel.described(replications)}"
    if panel.because:
        return Selection((), {}, panel.n, None, convention, panel.because)
    assert panel.block is not None
    each = -(-panel.n // LONGEST)
    if each > 1:
        convention += f", of means of {each} observations"
    means, length = _means(panel.columns, each), max(1, round(panel.block / each))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        test = MCS(-means, size=size, block_size=length, reps=replications, method="R", seed=rng)
        test.compute()
    found = {panel.names[int(index)]: float(row["Pvalue"]) for index, row in test.pvalues.iterrows()}
    p_values = {name: found[first[name]] for name in returns}
    names = tuple(name for name in returns if p_values[name] > size)
    return Selection(names, p_values, panel.n, panel.block, convention)


def _means(columns: Series, each: int) -> Series:
    """Means of so many consecutive rows, what is left at the end counted by its share; shape (ceil(n / each), k)."""
    if each == 1:
        return columns
    return np.add.reduceat(columns, np.arange(0, len(columns), each), axis=0) / each


def _distinct(returns: Mapping[str, object]) -> tuple[dict[str, Series], dict[str, str]]:
    """The columns that differ, and for every name the first one with the same returns."""
    columns: dict[str, Series] = {}
    first: dict[str, str] = {}
    for name, values in returns.items():
        series = as_series(values)
        same = (known for known, column in columns.items() if np.array_equal(column, series))
        first[name] = next(same, name)
        if first[name] == name:
            columns[name] = series
    return columns, first


def _panel(returns: Mapping[str, object], benchmark: object | None, block: int | None) -> _Panel:
    """The differences against the benchmark of the candidates that can win."""
    names, table = _stacked(returns if benchmark is None else {**returns, "": benchmark})
    if benchmark is not None:
        names, table = names[:-1], table[:, :-1] - table[:, -1:]
    if not np.isfinite(table).all():
        return _Panel(names, table, None, "some differences are not finite numbers")
    flaws = [flaw(column) for column in table.T]
    kept = [place for place, because in enumerate(flaws) if because is None]
    left_out = tuple(f"{name} ({because})" for name, because in zip(names, flaws, strict=True) if because)
    if not kept:
        because = "; ".join(left_out) if left_out else "there is no candidate"
        return _Panel(names, table, None, because)
    table = table[:, kept]
    return _Panel(tuple(names[place] for place in kept), table, _block(table.T, block), None, left_out)


def _pairs(columns: Mapping[str, Series], block: int | None) -> _Panel:
    """The returns themselves, where every pair of candidates can be compared."""
    names, table = _stacked(columns)
    if len(names) < 2:
        return _Panel(names, table, None, "at least two candidates with different returns are needed")
    gaps = []
    for (one, first), (other, second) in combinations(zip(names, table.T, strict=True), 2):
        gaps.append(first - second)
        if because := flaw(gaps[-1]):
            return _Panel(names, table, None, f"{one} minus {other}: {because}")
    return _Panel(names, table, _block(gaps[: len(names) - 1], block), None)


def _stacked(returns: Mapping[str, object]) -> tuple[tuple[str, ...], Series]:
    """Names and columns, shape (n, k); ValueError for different lengths."""
    columns = [as_series(values) for values in returns.values()]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"series on different buckets can't be compared: lengths {sorted(lengths)}")
    return tuple(returns), np.column_stack(columns) if columns else np.empty((0, 0))


def _block(series: Iterable[Series], block: int | None) -> int:
    """The longest automatic block, because one block serves all columns."""
    if block is None:
        return max(1, round(max(block_length(column) for column in series)))
    if block < 1:
        raise ValueError(f"a block holds at least one observation, not {block}")
    return int(block)


def _losses(differences: Series) -> tuple[Series, Series]:
    """Benchmark and candidates as arch wants them, where less is better."""
    return np.zeros(len(differences)), -differences


def _studentised(panel: _Panel) -> Series:
    # arch 8 takes the variances only to find hopeless candidates and compares raw means, so that
    # the candidate that varies most decides; dividing here makes its statistics studentised.
    return panel.columns / np.sqrt([equal_weighted_cosine(column)[0] for column in panel.columns.T])


def _counted(share: float, replications: int) -> float:
    """A share of resamples as a p-value, the data counted as one of them: never exactly 0."""
    return float((share * replications + 1) / (replications + 1))
