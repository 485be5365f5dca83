"""The loop on the rows that matter gives what it gives on every row, to the last bit."""

import gc
import weakref

import numpy as np
import pytest

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.exact import ExactInts
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.view import MarketView
from rook_bench.replay import ReplayConfig, dtypes, sparse
from rook_bench.replay.engine import execute, opening_balances
from rook_bench.risk import apply_risk

FRICTIONS = {
    "plain": {},
    "no latency": {"latency": {"swaps": 0}},
    "seconds": {"latency": {"seconds": 30}},
    "blocks": {"latency": {"blocks": 2}},
    "sandwiched": {"mev": "typical"},
    "partial": {"on_slippage": "partial"},
    "dear": {"gas": {"gwei": 300}, "fee_pips": 3000},
}


@pytest.fixture(scope="module")
def swaps():
    return simulate(3000, np.random.default_rng(21))


def decisions(rows, rate, seed):
    rng = np.random.default_rng(seed)
    side = rng.choice([0, 1, 2], size=rows, p=[rate / 2, 1 - rate, rate / 2])
    return DecisionTape.from_sides(side, rng.uniform(0.01, 0.3, size=rows), slippage_bps=rng.choice([5, 50], size=rows))


def on_every_row(frame, tape, permitted, config):
    """The loop as it is, with nothing left out."""
    ready = sparse.Sparse(frame, tape)
    every = ready._new_ground(config.frictions, every=True)
    assert len(every.rows) == len(frame)
    ready._ground = lambda *_, **__: every
    seen = []
    replay_rows = sparse.loop.replay_rows

    def keeping(*arrays):
        replay_rows(*arrays)
        seen.append(arrays[-1].copy())

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sparse.loop, "replay_rows", keeping)
        orders = ready.orders(permitted, config.frictions, opening_balances(config, frame))
    return orders, seen[0]


@pytest.mark.parametrize("frictions", FRICTIONS.values(), ids=FRICTIONS)
@pytest.mark.parametrize("rate", [0.002, 0.1, 0.9])
def test_orders_and_equity_are_those_of_every_row(swaps, frictions, rate):
    tape = decisions(len(swaps), rate, seed=round(rate * 1000))
    config = ReplayConfig.model_validate({"frictions": frictions}).on(swaps.pool)
    permitted = apply_risk(config.risk, MarketView.whole(swaps), tape)
    orders, equity = execute(swaps, tape, permitted, config)
    whole, curve = on_every_row(swaps, tape, permitted, config)
    assert len(orders) == len(whole) > 0
    for name in ("row", "landing_row", "side", "outcome", "crossed"):
        np.testing.assert_array_equal(getattr(orders, name), whole[name], err_msg=name)
    for name in ("amount_in", "quoted", "paid", "fee", "out", "mev", "gas_quote", "gas_base", "sqrt_after"):
        assert getattr(orders, name) == ExactInts(np.ascontiguousarray(whole[name])), name
    np.testing.assert_array_equal(equity, curve)


@pytest.mark.parametrize("gas", [0, 1])
def test_orders_of_single_units_are_marked_too(swaps, gas):
    """A fill of one unit, whose input is all fee and whose output is nothing, changes a balance all the same."""
    tape = DecisionTape.from_sides(np.arange(len(swaps)) % 2 * 2, 0.5)
    config = {"frictions": {"gas": {"gwei": gas}}, "capital": {"quote_value": 2e-5}}
    config = ReplayConfig.model_validate(config).on(swaps.pool)
    permitted = apply_risk(config.risk, MarketView.whole(swaps), tape)
    orders, equity = execute(swaps, tape, permitted, config)
    whole, curve = on_every_row(swaps, tape, permitted, config)
    assert (orders.filled & orders.paid.zero() & orders.gas_quote.zero()).any() or gas
    np.testing.assert_array_equal(equity, curve)


def test_a_drawdown_stop_looks_at_every_row(swaps):
    tape = decisions(len(swaps), 0.1, seed=4)
    plain = ReplayConfig().on(swaps.pool)
    permitted = apply_risk(plain.risk, MarketView.whole(swaps), tape)
    stopped = plain.model_copy(update={"risk": plain.risk.model_copy(update={"filters": ["drawdown_stop:0.01"]})})
    limits = apply_risk(stopped.risk, MarketView.whole(swaps), tape)
    ready = sparse.Sparse(swaps, tape)
    assert len(ready.prepared(permitted, plain.frictions).rows) < len(swaps)
    assert len(ready.prepared(limits, plain.frictions).rows) == len(swaps)


def test_no_orders_keep_the_opening_balances(swaps):
    tape = decisions(len(swaps), 0.0, seed=1)
    config = ReplayConfig().on(swaps.pool)
    opening = opening_balances(config, swaps)
    equity = sparse.equity_of(swaps, dtypes.empty_orders(0), opening)
    kept = opening[0] / swaps.pool.quote.unit + opening[1] / swaps.pool.base.unit * swaps.price
    np.testing.assert_array_equal(equity, kept)
    permitted = apply_risk(config.risk, MarketView.whole(swaps), tape)
    np.testing.assert_array_equal(execute(swaps, tape, permitted, config)[1], kept)


def test_what_is_kept_for_decisions_goes_with_them(swaps):
    tape = decisions(len(swaps), 0.1, seed=9)
    config = ReplayConfig().on(swaps.pool)
    permitted = apply_risk(config.risk, MarketView.whole(swaps), tape)
    execute(swaps, tape, permitted, config)
    assert sparse.sparse(swaps, tape) is sparse.sparse(swaps, tape)
    other = swaps[:2000]
    assert sparse.sparse(other, tape.head(2000)).frame is other
    gone = weakref.ref(sparse.sparse(swaps, tape))
    del tape
    gc.collect()
    assert gone() is None


def test_few_latencies_are_kept(swaps):
    tape = decisions(len(swaps), 0.1, seed=2)
    config = ReplayConfig().on(swaps.pool)
    permitted = apply_risk(config.risk, MarketView.whole(swaps), tape)
    for wait in range(8):
        latency = config.frictions.latency.model_copy(update={"swaps": wait})
        moved = config.model_copy(update={"frictions": config.frictions.model_copy(update={"latency": latency})})
        execute(swaps, tape, permitted, moved)
    assert len(sparse.sparse(swaps, tape)._grounds) == sparse.KEPT
