"""A gate's folder, and no pictures."""

import pytest

import rook_bench as rook
from rook_bench.gates import Policy


@pytest.fixture(autouse=True)
def _quick(few_pictures, few_places):
    """What is sent is tried here, not pictures."""


@pytest.fixture(scope="session")
def lax():
    nothing = {
        "evidence": {"min_days": 0, "min_fills": 0},
        "degeneracy": {"min_side_share": 0, "min_side_fills": 0},
    }
    return Policy.parse(nothing, where="test")


@pytest.fixture
def gated(tape, lax, tmp_path):
    """The folder of a gate: momentum against fading large swaps, on 400 swaps."""
    judged = rook.judge(lax, "momentum", "random:0.1", tape=tape[:400])
    return judged.save(tmp_path / "gate").folder
