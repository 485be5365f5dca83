"""Stated confidence against the labels, where the answer is known."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import Decision, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.metrics import analyse
from rook_bench.metrics.brier import brier_parts
from rook_bench.metrics.calibration import (
    binned,
    brier,
    calibration_error,
    calibration_error_mass,
    equal_mass,
    reliability,
    stated,
    stated_profitable,
    wilson,
)

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)
METRICS = ("confidence_calibration_error", "confidence_brier")


@pytest.fixture
def labelled(run_of, make_frame):
    """A run on a tape whose labels are all HOLD: a HOLD is the label, a BUY is not."""

    def make(decisions, labels=None):
        rows = len(decisions)
        column = np.array(labels or ["HOLD"] * rows, dtype=object)
        return run_of(replace(make_frame([100.0] * rows), labels={"label_side": column}), decisions)

    return make


def split(pairs):
    confidence, correct = zip(*pairs, strict=True)
    return np.array(confidence), np.array(correct)


def test_perfectly_calibrated():
    """Of ten decisions at 0.3 three are the label, of ten at 0.9 nine."""
    confidence = np.repeat([0.3, 0.9], 10)
    correct = np.array([True] * 3 + [False] * 7 + [True] * 9 + [False])
    assert calibration_error(confidence, correct) == pytest.approx(0.0, abs=1e-15)
    assert brier(confidence, correct) == pytest.approx((0.3 * 0.7 + 0.9 * 0.1) / 2)


def test_overconfident():
    confidence, correct = np.full(8, 1.0), np.zeros(8, bool)
    assert calibration_error(confidence, correct) == brier(confidence, correct) == 1.0


def test_by_hand():
    """Bins of 1/15: 0.50 and 0.52 share one (half are the label), 0.95 and 1.00 the last (all), 0.10 is alone."""
    confidence = np.array([0.50, 0.52, 0.95, 1.00, 0.10])
    correct = np.array([True, False, True, True, False])
    gaps = 2 / 5 * abs(0.51 - 0.5) + 2 / 5 * abs(0.975 - 1.0) + 1 / 5 * 0.10
    assert calibration_error(confidence, correct) == pytest.approx(gaps)
    squares = 0.5**2 + 0.52**2 + 0.05**2 + 0.0**2 + 0.1**2
    assert brier(confidence, correct) == pytest.approx(squares / 5)


def test_errors_of_both_signs_do_not_cancel():
    """Too sure at 0.9 by as much as too unsure at 0.1: right on average, and still not calibrated."""
    confidence, correct = np.array([0.9, 0.1]), np.array([False, True])
    assert confidence.mean() == correct.mean()
    assert calibration_error(confidence, correct) == pytest.approx(0.9)


@pytest.mark.parametrize("bins", [3, 10, 15])
def test_a_confidence_on_an_edge_belongs_to_the_bin_above(bins):
    edges = np.arange(bins + 1) / bins
    rows = binned(edges, np.ones(bins + 1, bool), bins)
    assert [row.low for row in rows] == edges[:-1].tolist()
    assert [row.count for row in rows] == [1] * (bins - 1) + [2]  # certainty has no bin above


def test_empty_bins_are_left_out():
    (row,) = binned(np.array([0.41, 0.45]), np.array([True, False]), 10)
    assert (row.low, row.high, row.count, row.correct) == (0.4, 0.5, 2, 0.5)
    assert row.confidence == pytest.approx(0.43)
    assert (row.correct_low, row.correct_high) == wilson(1, 2)


def test_wilson_interval():
    """Newcombe 1998, Stat. Med. 17, 857-872, table I, method 3 (the score interval)."""
    for hits, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson(29, 29)[1] == 1.0


def test_every_parsed_decision_with_a_confidence_counts(labelled):
    """HOLDs too; not an answer that can't be read, nor a decision that states none."""
    decisions = DecisionTape.of(
        [
            Decision(Side.HOLD, confidence=0.7),
            Decision(Side.BUY, size=0.1, confidence=0.6),
            Decision(Side.SELL, size=0.1),
            Decision(None, confidence=0.9, raw_text="?"),
        ]
    )
    run = labelled(decisions)
    confidence, correct = stated(run)
    assert (confidence.tolist(), correct.tolist()) == ([0.7, 0.6], [True, False])
    estimates = analyse(run).estimates
    assert estimates["confidence_calibration_error"].value == pytest.approx((0.3 + 0.6) / 2)
    assert estimates["confidence_brier"].value == pytest.approx((0.3**2 + 0.6**2) / 2)
    for name in METRICS:
        assert estimates[name].n == 2
        assert "all parsed decisions that state a confidence" in estimates[name].convention
    assert [row.count for row in analyse(run).reliability] == [1, 1]


def test_each_side_is_compared_with_its_own_label(labelled, sides):
    run = labelled(sides("BSHB", 0.1, confidence=0.5), labels=["BUY", "SELL", "HOLD", "SELL"])
    assert stated(run)[1].tolist() == [True, True, True, False]


def test_undefined_without_labels(run_of, make_frame, sides):
    run = run_of(make_frame([100.0] * 3), sides("BHH", confidence=0.5))
    analysis = analyse(run)
    for name in METRICS:
        assert analysis.estimates[name].undefined_because == "the tape carries no labels"
    assert stated(run) is None
    assert reliability(run) == []


def test_undefined_without_confidence(labelled, sides):
    run = labelled(sides("BHS"))
    analysis = analyse(run)
    for name in METRICS:
        assert analysis.estimates[name].undefined_because == "no decision states a confidence"
        assert analysis.estimates[name].convention
    assert analysis.reliability == []


@given(PAIRS)
def test_bounds(pairs):
    confidence, correct = split(pairs)
    error, score = calibration_error(confidence, correct), brier(confidence, correct)
    assert 0 <= error <= 1 + 1e-12
    assert 0 <= score <= 1
    # No binning can be further off than every decision by itself, nor closer than all together.
    assert error <= float(np.abs(confidence - correct).mean()) + 1e-12
    assert error >= abs(float(confidence.mean() - correct.mean())) - 1e-12


@given(PAIRS, st.integers(1, 20))
def test_bins_share_out_the_decisions(pairs, bins):
    confidence, correct = split(pairs)
    rows = binned(confidence, correct, bins)
    assert sum(row.count for row in rows) == len(pairs)
    assert sum(row.count * row.correct for row in rows) == pytest.approx(correct.sum())
    for row in rows:
        assert row.low <= row.confidence + 1e-12
        assert row.confidence <= row.high + 1e-12
        assert 0 <= row.correct_low <= row.correct <= row.correct_high <= 1


@given(st.integers(1, 10**6), st.data())
def test_the_interval_solves_its_equation(count, data):
    """Wilson's bounds are the shares p with |hits / n - p| = z sqrt(p (1 - p) / n)."""
    hits = data.draw(st.integers(0, count))
    for bound in wilson(hits, count):
        reach = 1.959963984540054 * math.sqrt(bound * (1 - bound) / count)
        assert abs(hits / count - bound) == pytest.approx(reach, rel=1e-6, abs=1e-7)


# Bins of equal size, the parts of the Brier score, and the action that paid.


def test_bins_of_equal_size_by_hand():
    """Four decisions in two bins: 0.1 and 0.2 (one right), 0.8 and 0.9 (both)."""
    confidence, correct = np.array([0.9, 0.1, 0.8, 0.2]), np.array([True, True, True, False])
    low, high = equal_mass(confidence, correct, 2)
    assert (low.low, low.high, low.count, low.correct) == (0.1, 0.2, 2, 0.5)
    assert (high.low, high.high, high.count, high.correct) == (0.8, 0.9, 2, 1.0)
    assert calibration_error_mass(confidence, correct, 2) == pytest.approx(0.5 * 0.35 + 0.5 * 0.15)


@given(PAIRS, st.integers(1, 20))
def test_bins_of_equal_size_are(pairs, bins):
    confidence, correct = split(pairs)
    rows = equal_mass(confidence, correct, bins)
    assert sum(row.count for row in rows) == len(pairs)
    assert sum(row.count * row.correct for row in rows) == pytest.approx(correct.sum())
    assert len(rows) <= bins
    for lower, upper in pairwise(rows):
        assert lower.high < upper.low  # equal confidences are never parted
    if len(np.unique(confidence)) == len(confidence):
        assert max(row.count for row in rows) <= math.ceil(len(pairs) / bins)


@given(PAIRS)
def test_brier_parts_sum_to_the_score(pairs):
    confidence, correct = split(pairs)
    parts = brier_parts(confidence, correct)
    assert parts.score == pytest.approx(brier(confidence, correct))
    assert parts.reliability - parts.resolution + parts.uncertainty + parts.within == pytest.approx(parts.score)
    assert min(parts.reliability, parts.resolution, parts.uncertainty) >= 0
    assert parts.resolution <= parts.uncertainty + 1e-12
    # Forecasts that are one value per bin leave nothing over: Murphy's identity is exact.
    single = np.minimum(np.floor(confidence * 10), 9) / 10 + 0.03
    exact = brier_parts(single, correct, bins=10)
    assert exact.within == pytest.approx(0.0, abs=1e-12)


def test_confidence_against_the_action_that_paid(tape, run_of, sides):
    from rook_bench.metrics.action_value import action_values

    run = run_of(tape, sides("BHHSH" * 400, 0.1, confidence=0.5))
    values = action_values(run)
    confidence, correct = stated_profitable(run)
    assert len(confidence) == values.known.sum()
    np.testing.assert_array_equal(correct, (run.decided.tape.side == values.best)[values.known])


def test_equal_size_metric(labelled, sides):
    run = labelled(sides("BHHB", 0.1, confidence=0.5))
    found = analyse(run).estimates["confidence_calibration_error_mass"]
    assert (found.value, found.n) == (0.0, 4)
    assert "equal size" in found.convention
