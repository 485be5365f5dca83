"""A fine-tuned model followed live: it decides as in a replay, row by row and all at once, through a fork and a restart."""

import artifacts
import numpy as np
import pytest

pytest.importorskip("web3", reason='web3 is not installed: pip install "rook-bench[chain]"')
pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.live import check_live, start_live


def test_it_decides_as_in_a_replay(tiny_adapter, tmp_path, root):
    if reason := artifacts.why_no_node():
        pytest.skip(reason)
    from market import Market
    from node import running

    sources = [f"lora:{tiny_adapter},transfer=true", f"{root / 'strategies' / 'fade_large_swaps.py'}@fade_large_swaps"]
    config = BenchConfig.model_validate({"frictions": {"gas": {"flat_quote": 0.1}}})
    with running(artifacts.anvil()) as url:
        market = Market(url, "v3", "model")
        market.act(90)
        opened = lambda: start_live(url, market.key, sources, tmp_path / "session", mode="paper", config=config)  # noqa: E731
        session = opened()
        assert session.state.longest == 100
        for at in range(16):
            snapshot = market.snapshot() if at == 6 else None
            market.act()
            while session.step():
                pass
            if snapshot:
                market.revert(snapshot)
                market.act(3)
            if at == 11:
                session.close("test")
                session = opened()
        while session.step():
            pass
        session.close("test")
        found = check_live(tmp_path / "session", url, report=False)
    assert found.to_json()["differences"] == []
    assert found.exit_code == 0
    assert len(found.recorded.forks) == 1
    name = next(iter(found.recorded.told))
    # What asking all rows at once rounds differently is told, and is little.
    rows, most = found.findings.rounded.get(name, (0, 0.0))
    assert most <= 1e-6
    assert rows < found.findings.swaps
    assert found.findings.turning.get(name, 0) == 0
    models = found.comparison[0].run
    assert len(np.unique(models.decided.tape.confidence)) > 10  # it was asked, about many different rows
    assert models.lookahead.status == "clean"
