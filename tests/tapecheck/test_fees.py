"""The fee that the amounts imply, whatever the metadata says, and what a replay then pays."""

from dataclasses import replace

import numpy as np
import pytest
from pairs import USDC, WETH, pool_of, rewritten

from rook_bench.core.exact import ExactInts
from rook_bench.execution.fill import pool_swap
from rook_bench.execution.swap import extreme_price
from rook_bench.execution.ticks import tick_at_sqrt_price
from rook_bench.replay import ReplayConfig, reconcile
from rook_bench.replay.cautions import cautions
from rook_bench.replay.market_rows import fee_pips
from rook_bench.tapecheck.check import check_tape
from rook_bench.tapecheck.fees import implied_fee, own_pips, paid_pips


def lines_of(frame):
    from rook_bench.tapecheck.check import describe

    return dict(describe(check_tape(frame)))


@pytest.fixture(scope="module")
def dynamic(tape):
    """A pool whose hook takes 300 to 4,000 pips, by what moved before; nobody records it."""
    part = tape[:600]
    fees = (300 + 3_700 * ((np.arange(len(part)) // 7) % 5) / 4).astype(int)
    sqrt_price, rows = int(part.history.start.sqrt_price), []
    for row, fee in enumerate(fees.tolist()):
        amount0, amount1, liquidity = part.amount0[row], part.amount1[row], part.liquidity[row]
        falls = amount0 > 0
        after, _, _, taken, out, paid, _ = pool_swap(
            sqrt_price, tick_at_sqrt_price(sqrt_price), liquidity, max(amount0, amount1), True, fee, falls,
            extreme_price(falls), 10, [], False, False,
        )  # fmt: skip
        rows.append((taken + paid if falls else -out, -out if falls else taken + paid, after))
        sqrt_price = after
    amounts0, amounts1, prices = zip(*rows, strict=True)
    frame = replace(
        part, amount0=ExactInts.of(amounts0), amount1=ExactInts.of(amounts1), sqrt_price_x96=ExactInts.of(prices),
        tick=None, history=None,
    )  # fmt: skip
    return frame, fees


def test_the_stated_fee_is_confirmed(tape):
    found = implied_fee(tape)
    assert found.finding == "stated"
    assert found.median == pytest.approx(0.0005, abs=1e-9)
    assert found.telling > 0.8 * len(tape)
    assert paid_pips(tape) == 500
    assert lines_of(tape)["fee"] == "0.000500 implied by the amounts"
    assert cautions(tape, ReplayConfig()) == []


@pytest.mark.parametrize("stated", [100, 3000, 0, 10_000])
def test_a_wrong_stated_fee_is_called_that_and_the_implied_one_is_paid(tape, run_of, sides, stated):
    frame = replace(tape[:400], pool=tape.pool.model_copy(update={"fee_pips": stated}))
    check = check_tape(frame)
    assert (check.fee_finding, check.stated_fee) == ("another", stated / 1e6)
    assert check.implied_fee == pytest.approx(0.0005, abs=1e-9)
    assert check.chained_share == 1.0
    assert check.repricing.exact == len(frame)  # at the fee that was paid
    assert f"the stated {stated / 1e6:.6f} is wrong; a replay pays the implied one" in lines_of(frame)["fee"]
    assert fee_pips(frame, ReplayConfig().frictions) == 500
    decisions = sides("BS" * 200, 0.1)
    wrong, right = (run_of(one, decisions) for one in (frame, tape[:400]))
    reconcile(wrong)
    assert wrong.orders.fee == right.orders.fee
    assert any("is wrong: the amounts of" in line for line in cautions(frame, ReplayConfig()))
    # Who says what the fee shall be is obeyed.
    config = ReplayConfig.parse({"frictions": {"fee_pips": 700}}, where="test")
    assert fee_pips(frame, config.frictions) == 700
    assert not any("is wrong" in line for line in cautions(frame, config))


def test_a_fee_that_varies_has_its_range_and_each_swap_pays_what_the_one_before_did(dynamic, run_of, sides):
    frame, fees = dynamic
    check = check_tape(frame)
    assert check.fee_finding == "varies"
    assert check.implied_fee_low == pytest.approx(0.0003, abs=2e-6)
    assert check.implied_fee_high == pytest.approx(0.004, abs=2e-6)
    assert check.repricing.exact_share > 0.95
    assert lines_of(frame)["fee"].startswith(
        "varies: 0.002150 implied by the amounts in the middle, 0.000300 to 0.004000"
    )
    known = implied_fee(frame).by_row
    np.testing.assert_array_equal(known[known >= 0], fees[known >= 0])
    assert (known >= 0).mean() > 0.7
    paid = paid_pips(frame)
    seen = np.flatnonzero(known >= 0)
    for row in (50, 333, 599):
        assert paid[row] == fees[seen[seen <= row][-1]]  # nothing later than the row
    run = run_of(frame, sides("BS" * 300, 0.1))
    reconcile(run)
    filled = np.flatnonzero(run.orders.filled)
    share = run.orders.fee.to_floats()[filled] / run.orders.amount_in.to_floats()[filled]
    np.testing.assert_allclose(share, paid[run.orders.landing_row[filled]] / 1e6, rtol=1e-4)


def test_a_recorded_fee_goes_before_all(dynamic):
    frame, fees = dynamic
    recorded = replace(frame, fee_pips=fees.astype(np.int32))
    assert implied_fee(recorded).finding == "recorded"
    assert check_tape(recorded).repricing.exact_share == 1.0
    assert "as recorded with each swap" in lines_of(recorded)["fee"]
    np.testing.assert_array_equal(paid_pips(recorded), fees)
    np.testing.assert_array_equal(own_pips(recorded), fees)
    assert not any("fee" in line for line in cautions(recorded, ReplayConfig(frictions={"chain": "ethereum"})))


def test_few_or_tiny_amounts_say_nothing_against_the_stated_fee(tape):
    wrong = tape.pool.model_copy(update={"fee_pips": 3000})
    few = replace(tape[:6], pool=wrong)
    assert implied_fee(few).finding == "unknown"
    assert paid_pips(few) == 3000
    dust = rewritten(tape[:300], pool_of(WETH, USDC, base_first=False), base_per=1e-16, quote_per=1e-9)
    assert implied_fee(dust).finding == "unknown"


def test_without_amounts_the_fee_is_unknown(tape):
    bare = replace(tape[:50], amount0=None, amount1=None, history=None)
    assert implied_fee(bare) is None
    assert check_tape(bare).fee_finding == "unknown"
    assert lines_of(bare)["fee"] == "unknown: the log carries no amounts"


@pytest.mark.real
def test_the_published_tapes_pay_what_they_say(rook_frame, day_frame):
    for frame, pips in ((rook_frame, 500), (day_frame, 500)):
        found = implied_fee(frame)
        assert found.finding == "stated"
        assert found.median_pips == pips
        wrong = replace(frame, pool=frame.pool.model_copy(update={"fee_pips": 3000}))
        assert implied_fee(wrong).finding == "another"
        assert implied_fee(wrong).median_pips == pips


def test_before_a_fee_was_seen_the_stated_one_is_paid(dynamic):
    """The first swap that tells the fee is later than these rows: they can't know it."""
    frame, _ = dynamic
    first = int(np.flatnonzero(implied_fee(frame).by_row[200:] >= 0)[0]) + 200
    small = replace(
        frame, liquidity=ExactInts.of([value + (row < 200) * (row % 2) for row, value in enumerate(frame.liquidity)]),
        pool=frame.pool.model_copy(update={"fee_pips": 777}),
    )  # fmt: skip
    assert implied_fee(small).finding == "varies"
    paid = paid_pips(small)
    assert set(paid[:200].tolist()) == {777}
    assert paid[first + 1] != 777


def test_a_recorded_fee_that_is_not_the_stated_one_is_said(tape):
    part = tape[:200]
    recorded = replace(
        part, fee_pips=np.full(200, 500, dtype=np.int32), pool=part.pool.model_copy(update={"fee_pips": 3000})
    )
    assert implied_fee(recorded).finding == "recorded"
    assert lines_of(recorded)["fee"].endswith("as recorded with each swap; the stated 0.003000 is wrong")
    assert any("the stated fee of 0.3000% is wrong" in line for line in cautions(recorded, ReplayConfig()))
    odd = replace(recorded, fee_pips=np.full(200, 3000, dtype=np.int32))
    assert lines_of(odd)["fee"].endswith("is wrong; a replay pays the recorded fee all the same")
