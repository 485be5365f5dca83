"""Runs to judge, made once."""

from pathlib import Path

import pytest

from rook_bench.gates import Policy
from rook_bench.ingest.read import read_swaps
from rook_bench.metrics import analyse
from rook_bench.replay import replay

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _quick(few_pictures):
    """Verdicts are tried here, not pictures."""


@pytest.fixture(scope="package")
def frame():
    return read_swaps(REPOSITORY / "data" / "sample.parquet")[:1500]


@pytest.fixture(scope="package")
def judged(frame):
    """An Analysis of a source on the frame, kept."""
    analyses = {}

    def analysis(reference):
        if reference not in analyses:
            analyses[reference] = analyse(replay(frame, reference))
        return analyses[reference]

    return analysis


@pytest.fixture(scope="package")
def policy():
    """A policy that asks nothing but what the test says."""

    def make(**sections):
        lax = {
            "evidence": {"min_days": 0, "min_fills": 0},
            "degeneracy": {"min_side_share": 0, "min_side_fills": 0},
        }
        return Policy.parse(lax | sections, where="test")

    return make
