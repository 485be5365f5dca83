"""What each action was worth, against a loop over the rows, and against the exact attribution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.core import Side
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.metrics import analyse
from rook_bench.metrics.action_value import action_values, other_costs
from rook_bench.metrics.attribution import attribute, traded_value

FREE = {"gas": {"gwei": 0.0}, "fee_pips": 0}


def test_by_hand(run_of, make_frame, sides):
    """Landing one swap later at 102, 300 s after which the price is 104.04: 200 bps, less 30 bps of fee."""
    frame = make_frame([100.0, 102.0, 104.04, 104.04], seconds=[0, 12, 300, 400], liquidity=10**25)
    run = run_of(frame, sides("HHHH"), frictions={"gas": {"gwei": 0.0}, "fee_pips": 3000})
    values = action_values(run, 300)
    assert values.move_bps[0] == pytest.approx(200.0, abs=1e-6)
    assert np.isnan(values.move_bps[1:]).all()
    assert values.known.tolist() == [True, False, False, False]
    for side, worth in ((Side.BUY, 170.0), (Side.SELL, -230.0), (Side.HOLD, 0.0), (UNPARSED, 0.0)):
        assert values.of(np.full(4, side))[0] == pytest.approx(worth, abs=1e-6)
    assert values.best.tolist() == [Side.BUY, UNPARSED, UNPARSED, UNPARSED]
    assert (values.other_bps, values.fills) == (0.0, 0)
    assert "the run traded nothing" in values.convention


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([{"swaps": 0}, {"swaps": 3}, {"seconds": 40}]), st.floats(1, 900))
def test_is_what_a_loop_would_find(make_frame, run_of, sides, seed, latency, horizon):
    rng = np.random.default_rng(seed)
    prices = (2000 * np.exp(np.cumsum(rng.normal(0, 1e-3, 30)))).tolist()
    frame = make_frame(prices, seconds=np.cumsum(rng.integers(0, 120, 30)))
    run = run_of(frame, sides("H" * 30), frictions=FREE | {"latency": latency})
    values = action_values(run, horizon)
    at = frame.at.astype(np.int64) / 1e9
    for row in range(30):
        if "swaps" in latency:
            met = row + latency["swaps"]
            when = at[met] if met < 30 else np.inf
        else:
            when = at[row] + latency["seconds"]
            met = max(k for k in range(30) if at[k] <= when)
        if when + horizon > at[-1]:
            assert np.isnan(values.move_bps[row])
            assert values.best[row] == UNPARSED
            continue
        later = max(k for k in range(30) if at[k] <= when + horizon)
        move = (frame.price[later] / frame.price[met] - 1) * 1e4
        assert values.move_bps[row] == pytest.approx(move, abs=1e-9)
        assert values.best[row] == (Side.BUY if move > 0 else Side.SELL if move < 0 else Side.HOLD)


@pytest.mark.parametrize("mev", ["none", "worst"])
def test_other_costs_are_those_of_the_exact_attribution(tape, run_of, sides, mev):
    run = run_of(tape, sides("BHSSB" * 400, 0.3, slippage_bps=20.0), frictions={"mev": mev})
    parts, (bps, fills) = attribute(run), other_costs(run)
    exact = (parts.impact + parts.mev + parts.gas + parts.reverts) / parts.quote_unit / traded_value(run) * 1e4
    assert bps == pytest.approx(exact, abs=1e-3)
    assert fills == run.orders.filled.sum()


def test_the_best_action_is_worth_most(tape, run_of, sides):
    values = action_values(run_of(tape, sides("BHHSH" * 400, 0.1)))
    worth = np.stack([values.of(np.full(len(tape), side)) for side in Side])
    known = values.known
    np.testing.assert_allclose(values.of(values.best)[known], worth.max(axis=0)[known])
    assert set(values.best[known].tolist()) == {0, 1, 2}


def test_share_of_profitable_decisions(tape, run_of, sides):
    run = run_of(tape, sides("BHHSH" * 400, 0.1))
    values = action_values(run)
    found = analyse(run).estimates["profitable_accuracy"]
    hits = [mine == best for mine, best in zip(run.decided.tape.side, values.best, strict=True) if best != UNPARSED]
    assert (found.value, found.n) == (pytest.approx(np.mean(hits)), len(hits))
    assert "300 s later" in found.convention


def test_a_tape_that_ends_too_soon(run_of, make_frame, sides):
    found = analyse(run_of(make_frame([100.0] * 3), sides("BHH"))).estimates["profitable_accuracy"]
    assert "the tape ends before" in found.undefined_because
