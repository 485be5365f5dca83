"""Consecutive stretches of a run, and how long its record must be."""

import numpy as np
import pytest
from scipy.stats import kurtosis, skew

from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.walk_forward import walk_forward
from rook_bench.stats import minimum_track_record_length

CLOCK = Clock(bucket_s=60)


@pytest.fixture(scope="module")
def sampled(tape, run_of, sides):
    return Sampled(run_of(tape, sides("BHHSH" * 400, 0.1)), CLOCK)


def gain_of(sampled):
    return np.log1p(sampled.returns) - np.log1p(sampled.hold_returns)


def test_folds_are_what_a_loop_would_cut(sampled):
    gain = gain_of(sampled)
    found = walk_forward(sampled, folds=4, purge_s=120, embargo_s=300)
    borders = [place * len(gain) // 4 for place in range(5)]
    for place, fold in enumerate(found.folds):
        start = borders[place] + (5 if place else 0)
        stop = borders[place + 1] - (2 if place < 3 else 0)
        assert fold.buckets == stop - start
        assert fold.total.value == pytest.approx(gain[start:stop].sum(), abs=1e-15)
        assert (fold.first_at, fold.last_at) == (sampled.at[start], sampled.at[stop])
        assert fold.per_day.value == pytest.approx(gain[start:stop].mean() * 1440 * 1e4)
        assert fold.per_day.low < fold.per_day.value < fold.per_day.high
    assert found.left_out == 3 * 7
    assert found.ahead == sum(fold.total.value > 0 for fold in found.folds)


def test_without_anything_between_the_folds_make_the_whole(sampled):
    found = walk_forward(sampled, purge_s=0, embargo_s=0)
    assert found.left_out == 0
    assert sum(fold.total.value for fold in found.folds) == pytest.approx(gain_of(sampled).sum(), abs=1e-14)


def test_the_best_fold_is_what_is_left_out(sampled):
    found = walk_forward(sampled, folds=3, purge_s=0, embargo_s=0)
    sums = [fold.total.value for fold in found.folds]
    buckets = [fold.buckets for fold in found.folds]
    best = sums.index(max(sums))
    rest = (sum(sums) - sums[best]) / (sum(buckets) - buckets[best]) * 1440 * 1e4
    assert found.without_best.value == pytest.approx(rest)
    assert found.without_best.unit == "bps"


def test_one_lucky_stretch_is_seen(run_of, make_frame, sides):
    """A rise in the middle third that the source is in, and a little noise that costs elsewhere."""
    steps = np.where(np.arange(600) % 2 == 0, 1.0, 0.999)
    steps[200:400] *= np.linspace(1.0, 1.5, 200)
    steps[400:] *= 1.5
    frame = make_frame(list(100.0 * steps), seconds=list(range(0, 36_000, 60)), liquidity=10**24)
    text = "BS" * 100 + "B" + "H" * 198 + "S" + "BS" * 100
    sampled = Sampled(run_of(frame, sides(text, 0.3, slippage_bps=1000.0)), CLOCK)
    found = walk_forward(sampled, folds=3, purge_s=0, embargo_s=0)
    signs = [fold.total.value > 0 for fold in found.folds]
    assert (signs, found.ahead) == ([False, True, False], 1)
    assert sum(fold.total.value for fold in found.folds) > 0 > found.without_best.value


def test_a_short_tape_has_no_folds(sampled, tape, run_of):
    short = Sampled(run_of(tape[:60], sampled.run.decided.tape.head(60)), Clock())
    found = walk_forward(short)
    assert (found.folds, found.left_out, found.ahead) == ((), 0, 0)
    assert found.without_best.undefined_because == "the tape is too short for folds of 12 buckets"
    assert walk_forward(sampled, folds=1).without_best.undefined_because == "there is one fold only"


def test_holding_is_ahead_in_no_stretch(tape, run_of, sides):
    found = walk_forward(Sampled(run_of(tape, sides("H" * 2000)), CLOCK))
    assert len(found.folds) == 5
    assert found.ahead == 0
    assert found.without_best.undefined_because == "no fold is better than another"


def test_track_record_needed_is_that_of_the_return_over_hold(run_of, make_frame, sides):
    """Out of a falling market early: better than holding half of it."""
    draw = np.random.default_rng(1)
    price = 100.0 * np.exp(np.cumsum(draw.normal(-5e-4, 1e-3, 600)))
    frame = make_frame(list(price), seconds=list(range(0, 36_000, 60)), liquidity=10**24)
    text = "S" * 30 + "H" * 570
    run = run_of(frame, sides(text, 0.2, slippage_bps=1000.0), frictions={"gas": {"gwei": 0.0}, "fee_pips": 0})
    analysis = analyse(run, CLOCK)
    estimate, sampled = analysis.estimates["track_record_needed"], analysis.sampled
    excess = sampled.returns - sampled.hold_returns
    sharpe = excess.mean() / excess.std(ddof=1)
    length = minimum_track_record_length(sharpe, skew=skew(excess), kurtosis=kurtosis(excess) + 3)
    assert (estimate.unit, estimate.n) == ("days", len(excess))
    assert estimate.value == pytest.approx(length * 60 / 86_400)
    assert "1 min returns over hold" in estimate.convention


def test_a_loser_and_an_idle_source_need_no_length(tape, run_of, sides):
    idle = analyse(run_of(tape, sides("H" * 2000))).estimates["track_record_needed"]
    assert idle.undefined_because == "the series does not vary"
    costly = analyse(run_of(tape, sides("BS" * 1000, 0.5))).estimates["track_record_needed"]
    assert costly.undefined_because.startswith("no record is long enough")
