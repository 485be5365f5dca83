"""Speed of the replay loop, as ratios measured in one run. `pytest benchmarks --benchmark-group-by=group`."""

from pathlib import Path

import numpy as np
import pytest

from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.view import MarketView
from rook_bench.metrics import analyse
from rook_bench.replay import ReplayConfig, dtypes, loop, replay
from rook_bench.replay.engine import execute, opening_balances
from rook_bench.risk import apply_risk
from rook_bench.sources import Source, decide

RULES = Path(__file__).resolve().parents[1] / "strategies" / "data_driven.json"


@pytest.fixture(scope="module")
def tape():
    return simulate(50_000, np.random.default_rng(5))


@pytest.mark.parametrize("reference", [f"rules:{RULES}", "random:0.2", "hold"], ids=["rules", "random-20%", "hold"])
def test_loop(benchmark, monkeypatch, tape, reference):
    """The compiled loop alone, warm; swaps per second are in the extra info."""
    caught = []
    real = loop.replay_rows
    monkeypatch.setattr(loop, "replay_rows", lambda *inputs: caught.append(inputs) or real(*inputs))
    decided = decide(Source.parse(reference), tape)
    config = ReplayConfig()
    execute(tape, decided.tape, apply_risk(config.risk, MarketView.whole(tape), decided.tape), config)
    market, wishes, room, _, swap, sandwich, changes, terms, _, orders, equity = caught[0]
    ticks, _ = tape.history.records()  # the loop moves the map along, so each round begins with a fresh one
    opening = opening_balances(config.on(tape.pool), tape)

    def setup():
        pool, carried = (room, ticks.copy(), swap, sandwich), dtypes.beginning(opening, tape.pool.base.unit)
        return (market, wishes, *pool, changes, terms, carried, dtypes.empty_orders(len(orders)), equity), {}

    benchmark.pedantic(real, setup=setup, rounds=15, warmup_rounds=2)
    benchmark.extra_info["million_swaps_per_s"] = round(len(tape) / benchmark.stats["min"] / 1e6, 2)
    benchmark.extra_info["orders"] = len(orders)
    print(f"\n{reference[-20:]}: {benchmark.extra_info}")


def test_exact_integers_cost_less_than_python(benchmark, tape):
    """The same fills in Python integers (the reconciliation) against the compiled loop."""
    import time

    from rook_bench.replay.ledger import reconcile

    run = replay(tape, "random:0.2")
    started = time.perf_counter()
    reconcile(run)
    python = time.perf_counter() - started
    view = MarketView.whole(tape)
    permitted = apply_risk(run.config.risk, view, run.decided.tape)
    benchmark.pedantic(execute, args=(tape, run.decided.tape, permitted, run.config), rounds=5, warmup_rounds=1)
    ratio = python / benchmark.stats["min"]
    benchmark.extra_info["times_faster_than_python_integers"] = round(ratio, 1)
    assert ratio > 1.0


def test_analysis(benchmark, tape):
    """Every metric of a run."""
    benchmark.pedantic(analyse, args=(replay(tape, f"rules:{RULES}"),), rounds=3)
