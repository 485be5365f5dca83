"""The coverage study, small: a broken interval fails, a correct one nearly never."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

STUDY = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage_study.py"


@pytest.fixture(scope="module")
def study():
    spec = importlib.util.spec_from_file_location("coverage_study", STUDY)
    module = importlib.util.module_from_spec(spec)
    sys.modules["coverage_study"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["coverage_study"]


def plausible(cell, low=0.93, high=0.97, odds=1e-4):
    """Whether the count inside could come from a coverage between `low` and `high`."""
    return binom.cdf(cell.inside, cell.defined, low) > odds and binom.sf(cell.inside - 1, cell.defined, high) > odds


@pytest.mark.parametrize("process", ["independent, t(3)", "AR(1) -0.2, t(4)", "AR(1) 0.3, t(3)", "GARCH(1,1), t(5)"])
@pytest.mark.parametrize(
    ("statistic", "replications"),
    [
        ("mean_interval", 600),
        ("mean_interval of a difference", 600),
        ("sharpe_interval", 600),
        ("sharpe_difference", 150),
    ],
)
def test_intervals_contain_the_truth(study, process, statistic, replications):
    cell = study.measure(statistic, process, 288, replications, seed=2)
    assert cell.undefined == 0
    assert plausible(cell), str(cell)


def test_a_naive_interval_would_fail(study, monkeypatch):
    """One that takes returns as independent is found out with as few replications."""
    from rook_bench.core import Estimate

    def naive(series):
        half = 1.96 * series.std() / np.sqrt(len(series))
        return Estimate(series.mean(), len(series), "fraction", "", series.mean() - half, series.mean() + half)

    monkeypatch.setattr(study, "mean_interval", naive)
    assert not plausible(study.measure("mean_interval", "AR(1) 0.3, t(3)", 288, 600, seed=2))


@pytest.mark.parametrize(
    "name",
    [
        "independent, t(3)",
        "AR(1) 0.3, t(3)",
        "GARCH(1,1), t(5)",
        "a trade in 5% of buckets",
        "in the market 1 time in 5",
    ],
)
def test_processes_have_the_moments_they_state(study, name):
    """The truth the study measures against; heavy tails leave the deviation noisy."""
    process = study.PROCESSES[name]
    series = process.draw(np.random.default_rng(1), 4000, 50)
    assert series.shape == (50, 4000)
    error = series.mean(axis=1).std() / np.sqrt(50)
    assert series.mean() == pytest.approx(process.mean, abs=4 * error)
    assert series.std() == pytest.approx(process.deviation, rel=0.1)


def test_a_cell_prints_its_uncertainty(study):
    assert str(study.Cell(950, 20, 30, 0)) == "95.0 [93.5, 96.2] 2.0 / 3.0"
    assert str(study.Cell(90, 8, 2, 5)) == "**90.0** [82.6, 94.5] 8.0 / 2.0, 5 undefined"
