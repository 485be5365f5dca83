"""A gate's folder, and no pictures."""

import shutil
from pathlib import Path

import pytest
from quickly import quickly

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


@pytest.fixture(scope="session")
def _gate(tape, lax, tmp_path_factory):
    """What `gated` copies: judged and drawn once."""
    folder = tmp_path_factory.mktemp("gate")
    with quickly():
        return rook.judge(lax, "momentum", "random:0.1", tape=tape[:400], trials=folder / "trials").save(folder / "g")


@pytest.fixture
def gated(_gate, tmp_path):
    """The folder of a gate: momentum against fading large swaps, on 400 swaps; the test's own copy."""
    return Path(shutil.copytree(_gate.folder, tmp_path / "gate"))
