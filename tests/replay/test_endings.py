"""What a replay comes to is what the whole replay ends with, to the bit, whatever happened to its last orders."""

import pytest

from rook_bench.execution.frictions import Frictions, Gas, Latency
from rook_bench.replay.again import ending_under, under


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"gas": Gas(gwei=50.0)},
        {"latency": Latency(swaps=7)},  # the last orders are sent while others are in flight
        {"latency": Latency(seconds=90.0), "fee_pips": 10_000},
        {"mev": "worst"},
    ],
    ids=str,
)
@pytest.mark.parametrize("slippage_bps", [None, 0.5], ids=["as decided", "so tight that orders revert"])
def test_an_ending_is_what_the_run_ends_with(short_tape, run_of, sides, changed, slippage_bps):
    run = run_of(short_tape, sides("BSSB." * 60))
    frictions = Frictions(**changed)
    whole = under(run, frictions=frictions, slippage_bps=slippage_bps)
    ending = ending_under(run, frictions=frictions, slippage_bps=slippage_bps)
    assert len(whole.orders) == 240
    assert ending.fills == int(whole.orders.filled.sum())
    assert ending.equity == float(whole.equity[-1])


def test_who_never_trades_ends_with_what_was_there(short_tape, run_of, sides):
    run = run_of(short_tape, sides("." * 300))
    ending = ending_under(run, frictions=Frictions())
    assert (ending.fills, ending.equity) == (0, float(run.equity[-1]))
