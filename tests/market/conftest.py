"""Fixtures of the market tests: pools that lived a known life."""

import pytest
from lives import V4, Life


@pytest.fixture(scope="session")
def life():
    """A v3 pool with 400 swaps, never written to."""
    return Life(1).wander(400)


@pytest.fixture(scope="session")
def dynamic_life():
    """A v4 pool whose fee changes with every swap, never written to."""
    return Life(2, V4, fees=(0, 100, 500, 3000)).wander(200)
