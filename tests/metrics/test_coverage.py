"""Keeping the most confident: against every order of equal confidences, and by hand."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.metrics.action_value import action_values
from rook_bench.metrics.coverage import risk_coverage, value_by_coverage

PAIRS = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.5, 0.9]), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=40)
@given(PAIRS)
def test_is_the_mean_over_all_orders_of_equal_confidences(pairs):
    confidence, correct = np.array([c for c, _ in pairs]), np.array([x for _, x in pairs])
    curves = []
    for order in permutations(range(len(pairs))):
        ranked = [confidence[k] for k in order]
        if ranked == sorted(ranked, reverse=True):
            wrong = 1.0 - correct[list(order)]
            curves.append(np.cumsum(wrong) / np.arange(1, len(pairs) + 1))
    found = risk_coverage(confidence, correct)
    np.testing.assert_allclose(found.risk, np.mean(curves, axis=0))
    assert found.aurc == pytest.approx(np.mean(curves))
    assert found.coverage[-1] == 1.0


def test_perfect_and_useless_confidence():
    correct = np.array([True] * 6 + [False] * 4)
    perfect = risk_coverage(np.linspace(1, 0, 10), correct)
    assert perfect.risk[:6].tolist() == [0.0] * 6
    assert perfect.aurc == pytest.approx((1 / 7 + 2 / 8 + 3 / 9 + 4 / 10) / 10)
    useless = risk_coverage(np.full(10, 0.7), correct)
    np.testing.assert_allclose(useless.risk, 0.4)


def test_value_of_those_kept(tape, run_of, sides):
    side = sides("BHHSH" * 400).side
    confidence = np.random.default_rng(1).random(len(side)).round(2)
    run = run_of(tape, DecisionTape.from_sides(side, 0.1, confidence=confidence))
    values = action_values(run)
    worth = values.of(side)
    acting = (side != 1) & values.known
    kept = value_by_coverage(run, values)
    assert [row.share for row in kept] == sorted(row.share for row in kept)
    assert kept[-1].share == 1.0
    for row in kept:
        members = acting & (confidence >= row.threshold)
        assert row.share == pytest.approx(members.sum() / acting.sum())
        assert row.value.value == pytest.approx(worth[members].mean())
        assert row.value.n == members.sum()
        assert row.value.low < row.value.value < row.value.high
    assert kept[0].share >= 0.1


def test_nothing_to_keep(tape, run_of, sides):
    assert value_by_coverage(run_of(tape, sides("BHHSH" * 400))) == []
    (alone,) = value_by_coverage(run_of(tape, sides("BHHSH" * 400, confidence=0.5)))
    assert alone.share == 1.0
