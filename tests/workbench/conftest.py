"""A short tape, and a policy that asks no more than what the test says."""

import pytest

from rook_bench.gates import Policy


@pytest.fixture(autouse=True)
def _quick(few_pictures, few_places):
    """What is kept and judged is tried here, not pictures."""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The working folder is a project: models, record and ledger lie in it."""
    (tmp_path / "rook-bench.toml").touch()
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="package")
def swaps(tape):
    """500 swaps, about two hours."""
    return tape[:500]


@pytest.fixture(scope="package")
def lax():
    """A policy from the sections given; nothing else stands in a candidate's way."""

    def make(**sections):
        nothing = {
            "evidence": {"min_days": 0, "min_fills": 0},
            "degeneracy": {"min_side_share": 0, "min_side_fills": 0},
        }
        return Policy.parse(nothing | sections, where="test")

    return make
