"""What the tests against the published contracts need, or the reason why they skip.

Fixtures:
    contracts: the published bytecode is installed, and an EVM to run it in.
    anvil: URL of a real node of this test run.
    anvil_pool, anvil_pool_v4: a pool with a history on it (`lived_pool.LivedPool`).
"""

import artifacts
import pytest


@pytest.fixture(scope="session")
def contracts():
    """The published bytecode and an EVM are there."""
    pytest.importorskip("pyrevm", reason="pyrevm is not installed")
    pytest.importorskip("eth_abi", reason="eth-abi is not installed")
    if reason := artifacts.missing():
        pytest.skip(reason)
    return artifacts


@pytest.fixture(scope="session")
def anvil():
    """URL of a node that mines when told to; killed at the end."""
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from node import running

    with running(artifacts.anvil()) as url:
        yield url


@pytest.fixture(scope="session")
def anvil_pool(anvil):
    """A v3 pool after 400 random transactions."""
    from lived_pool import lived_v3

    return lived_v3(anvil, 400)


@pytest.fixture(scope="session")
def anvil_pool_v4(anvil):
    """A v4 pool after 300 random transactions."""
    from lived_pool import lived_v4

    return lived_v4(anvil, 300)
