"""Fitting out of fold, shrinking, and the chance of a profit."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.rewards.critic import (
    EMBARGO_ROWS,
    FOLDS,
    Table,
    chance_of_profit,
    fit_critic,
    folds,
    out_of_fold,
    slope_of,
)

SECOND = 10**9


def rows(count=6000, edge=10.0, noise=30.0, seed=0):
    """A row a minute whose mark-out follows the sign of its only telling number."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(count, 3))
    markout = edge * np.sign(numbers[:, 0]) + rng.normal(0, noise, count)
    at = np.arange(count, dtype=np.int64) * 60 * SECOND
    mirrored = numbers * np.array([-1.0, 1.0, -1.0])
    return Table(numbers, mirrored, markout, np.full(count, 5.0), at, at + 660 * SECOND, np.zeros(count, dtype=np.intp))


def test_no_fold_learns_from_what_its_rewards_overlap():
    table = rows()
    seen = 0
    for block, others in folds(table):
        first, last = block[0], block[-1]
        before, after = others[others < first], others[others > last]
        assert len(others) > len(table) / 2
        assert not set(block) & set(others)
        assert (table.until[before] < table.at[first]).all()
        assert (table.at[after] > table.until[block].max()).all()
        assert all(first - row > EMBARGO_ROWS for row in before[-1:])
        assert all(row - last > EMBARGO_ROWS for row in after[:1])
        seen += len(block)
    assert seen == len(table)
    assert sum(1 for _ in folds(table)) == FOLDS


def test_a_leak_between_blocks_would_be_seen():
    """Planted: a number that tells the block's own rewards; cross-fitting does not fall for it, fitting in sample does."""
    table = rows(edge=0.0)
    marks = np.arange(len(table)) // 100  # each stretch of 100 rows has its own luck
    luck = np.random.default_rng(1).normal(0, 30, marks.max() + 1)[marks]
    table = Table(
        np.column_stack([marks, marks]).astype(float), np.column_stack([-marks, marks]).astype(float),
        luck, table.cost, table.at, table.until, table.pool,
    )  # fmt: skip
    honest = slope_of(table, out_of_fold(table, 0), 600.0)
    fitted = fit_critic(table, 600.0, 0)
    from rook_bench.language.critic import antisymmetric

    in_sample = antisymmetric(fitted.trees, table.numbers, table.mirrored)
    assert slope_of(table, in_sample, 600.0).value > 0.9
    assert honest.shrunk < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_an_edge_is_found_and_no_edge_is_not(seed):
    found = fit_critic(rows(seed=seed), 600.0, seed)
    assert found.slope.value == pytest.approx(1.0, abs=0.35)
    assert found.slope.shrunk > 0.4
    assert fit_critic(rows(edge=0.0, seed=seed), 600.0, seed).slope.shrunk * 2 < found.slope.shrunk


def test_a_drift_of_the_days_favours_no_side():
    """Planted: prices rose all the time; a critic that sees mirror images foretells nothing of it."""
    table = rows(edge=0.0, noise=5.0)
    drifting = replace(table, markout=table.markout + 20.0)
    assert np.abs(out_of_fold(drifting, 0)).mean() < 8.0
    assert abs(out_of_fold(drifting, 0).mean()) < 1.0


def test_the_error_of_the_slope_is_honest():
    """Of 200 worthless forecasts that are smooth in time, as are the mark-outs, 2.5% lie 1.96 errors above zero."""
    rng, above = np.random.default_rng(5), 0
    table = rows(4000)
    for _ in range(200):
        shape = np.repeat(rng.normal(size=400), 10)
        mark = np.repeat(rng.normal(size=400), 10)
        found = slope_of(replace(table, markout=mark), shape, 600.0)
        above += found.value > 1.96 * found.se
    assert above <= 14


def test_nothing_foretold_is_no_slope_of_zero():
    table = rows()
    found = slope_of(table, np.zeros(len(table)), 600.0)
    assert np.isnan(found.value)
    assert found.shrunk == 0.0


def test_the_chance_rises_with_the_score_and_is_nobodys_certainty():
    rng = np.random.default_rng(0)
    score = rng.normal(size=4000)
    profit = rng.random(4000) < 0.3 + 0.3 * (score > 0)
    chance = chance_of_profit(score, profit)
    assert chance(np.array([-3.0, 3.0])) == pytest.approx([0.3, 0.6], abs=0.08)
    assert np.isnan(chance(np.array([np.nan]))).all()
    assert chance_of_profit(score[:30], profit[:30]) is None
