"""The stand-in of a server, for one test."""

import pytest
from endpoint_stand_in import Server

pytest.importorskip("httpx2", reason="the endpoint extra is not installed")


@pytest.fixture
def server(monkeypatch, empty_cache):
    """A well-behaved server, an empty cache, and no waiting between tries."""
    monkeypatch.setenv("no_proxy", "*")
    for name in ("ROOK_BENCH_ENDPOINT_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("rook_bench.endpoint.asking.FIRST_WAIT_S", 0.01)
    made = Server()
    yield made
    made.close()
