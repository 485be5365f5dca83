"""What is checked in columns is what is checked order by order, and a single unit that is off is seen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.replay import LedgerError, ReplayConfig
from rook_bench.replay import ledger_columns as columns
from rook_bench.replay.ledger import _imbalance, _Pools, _wrong_amounts, reconcile
from rook_bench.replay.ledger_columns import left_to_check
from rook_bench.replay.orders import AMOUNTS

ROWS = 150


def wishes(seed, rows=ROWS):
    rng = np.random.default_rng(seed)
    return DecisionTape.from_sides(
        rng.choice([Side.BUY, Side.HOLD, Side.SELL], rows, p=[0.4, 0.2, 0.4]),
        rng.choice([0.001, 0.05, 0.9], rows),
        slippage_bps=rng.choice([2.0, 50.0, 5000.0], rows),
        deadline_s=rng.choice([0.0, 40.0, 600.0], rows),
    )


@st.composite
def assumptions(draw):
    partial = draw(st.booleans())
    return {
        "capital": {
            "quote_value": draw(st.sampled_from([30.0, 1e4, 5e6])),
            "base_share": draw(st.sampled_from([0.0, 0.5])),
        },
        "frictions": {
            "latency": draw(st.sampled_from([{"swaps": 0}, {"swaps": 1}, {"blocks": 2}, {"seconds": 30.0}])),
            "gas": draw(st.sampled_from([{"gwei": 0.0}, {"gwei": 5.0}, {"gwei": 900.0}, {"flat_quote": 2.5}])),
            "fee_pips": draw(st.sampled_from([None, 0, 500, 10_000])),
            "on_slippage": "partial" if partial else "revert",
            "mev": "none" if partial else draw(st.sampled_from(["none", "typical", "worst"])),
        },
    }


def left(run):
    pools = _Pools(run)
    return left_to_check(run, run.landed.moved, pools.fees, whole_map=pools.whole_map, opening=run.opening)


def held_against_the_ledger(run):
    """Every order that is not left is right by itself; the number of those."""
    pools, skipped = _Pools(run), set(range(len(run.landed))) - set(left(run).tolist())
    for place, order in enumerate(run.landed):
        problem = _imbalance(order) or _wrong_amounts(run, order, pools)
        assert problem is None or place not in skipped
    return len(skipped)


@pytest.fixture(params=["token1 is the base", "v3 with ticks", "v4 with ticks"])
def frame(request, tape, life, dynamic_life):
    """A simulated pool, and two from birth on whose ticks orders cross; v4 splits its fee otherwise."""
    return {"token1 is the base": lambda: tape, "v3 with ticks": life.frame, "v4 with ticks": dynamic_life.frame}[
        request.param
    ]()


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), assumptions())
def test_what_is_not_left_is_right(run_of, frame, seed, config):
    start = seed % (len(frame) - ROWS)
    run = run_of(frame[start : start + ROWS], wishes(seed), ReplayConfig.parse(config, where="test"))
    held_against_the_ledger(run)
    reconcile(run)


def test_most_orders_are_done_in_columns(run_of, tape):
    run = run_of(tape[:600], wishes(3, 600))
    assert held_against_the_ledger(run) > 0.95 * len(run.landed) > 100


@pytest.mark.parametrize("batch", [1, 7, 1 << 13])
def test_batches_change_nothing(run_of, tape, monkeypatch, batch):
    run = run_of(tape[:300], wishes(5, 300), frictions={"on_slippage": "partial"})
    whole = left(run)
    monkeypatch.setattr(columns, "BATCH", batch)
    assert left(run).tolist() == whole.tolist()


@pytest.mark.parametrize("mev", ["none", "worst"])
@pytest.mark.parametrize("name", [*AMOUNTS, "sqrt_after"])
@pytest.mark.parametrize("by", [1, -1])
def test_one_unit_in_any_column_is_seen(run_of, tape, mev, name, by):
    run = run_of(tape[:200], wishes(8, 200), frictions={"mev": mev})
    quiet = [place for place in range(len(run.landed)) if place not in set(left(run).tolist())]
    place = quiet[len(quiet) // 2]
    index = run.landed[place].index
    values = list(getattr(run.orders, name))
    if values[index] + by < 0:
        pytest.skip("there is nothing to take away")
    values[index] += by
    forged = replace(run, orders=replace(run.orders, **{name: ExactInts.of(values)}))
    assert place in left(forged).tolist()
    with pytest.raises(LedgerError, match="of order"):
        reconcile(forged)
