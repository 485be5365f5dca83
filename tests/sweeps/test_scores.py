"""What points earned in parts: the same as the statistic of the part by itself, whatever happens elsewhere."""

import numpy as np
import pytest

from rook_bench.core import UnknownName
from rook_bench.stats import measures
from rook_bench.stats.splits import combinatorial_purged
from rook_bench.sweeps.scores import Returns, best_of, by_of

PER_YEAR = 105_120.0


@pytest.fixture
def returns():
    rng = np.random.default_rng(0)
    return Returns(rng.normal(1e-5, 1e-3, (300, 400)), rng.normal(0, 1e-3, (2, 400)), np.arange(300) % 2, PER_YEAR)


@pytest.fixture
def masks():
    masks = np.zeros((3, 400), dtype=bool)
    masks[0, :150], masks[1, 200:], masks[2, 50::3] = True, True, True
    return masks


@pytest.mark.parametrize("by", ["total_return", "excess_return", "sharpe_ratio", "sharpe_ratio_excess"])
def test_a_part_counts_as_by_itself(returns, masks, by):
    found = returns.scores(masks, by)
    for part, point in [(0, 0), (1, 299), (2, 131), (2, 256)]:
        series = returns.net[point] - (returns.hold[point % 2] if "excess" in by else 0)
        inside = series[masks[part]]
        expected = (
            np.expm1(inside.sum())
            if by.endswith("return")
            else measures.sharpe_ratio(inside, periods_per_year=PER_YEAR)
        )
        assert found[part, point] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("by", ["excess_return", "sharpe_ratio"])
def test_equity_that_is_gone_later_spoils_what_comes_later_alone(returns, masks, by):
    whole = returns.scores(masks, by)
    returns.net[7, 180:] = np.nan
    returns.net[8, 300] = -np.inf
    found = returns.scores(masks, by)
    assert found[0, 7] == pytest.approx(whole[0, 7], rel=1e-12)
    assert np.isnan(found[1:, 7]).all()
    assert np.isnan(found[1, 8])
    others = np.delete(np.arange(300), [7, 8])
    np.testing.assert_allclose(found[:, others], whole[:, others], rtol=1e-12)


def test_without_spread_there_is_no_ratio(returns, masks):
    returns.net[3] = 0.0
    assert np.isnan(returns.scores(masks, "sharpe_ratio")[:, 3]).all()


def test_the_best_is_the_first_of_those_that_may_be():
    values = np.array([np.nan, 2.0, 5.0, 5.0, np.inf])
    allowed = np.array([True, True, True, True, True])
    assert best_of(values, "sharpe_ratio", allowed) == 2
    assert best_of(values, "max_drawdown", allowed) == 1
    assert best_of(values, "sharpe_ratio", allowed & (values == 2.0)) == 1
    assert best_of(values, "sharpe_ratio", ~allowed) is None


def test_near_names_of_metrics():
    with pytest.raises(UnknownName, match="did you mean 'max_drawdown'"):
        by_of("max_drawdwn")


class TestPurged:
    def test_nothing_is_learned_from_near_what_is_held_out(self):
        found = combinatorial_purged(120, groups=6, held_out=2, purge=3, embargo=5)
        assert len(found.held_out) == 15
        for inside, outside, held in zip(found.inside, found.outside, found.held_out, strict=True):
            assert not (inside & outside).any()
            assert outside.sum() == 40
            for group in held:
                place = found.groups[group]
                assert not inside[max(place.start - 3, 0) : place.stop + 5].any()
            far = np.ones(120, dtype=bool)
            for group in held:
                place = found.groups[group]
                far[max(place.start - 3, 0) : place.stop + 5] = False
            assert (inside == far).all()

    def test_paths_hold_every_group_out_once(self):
        found = combinatorial_purged(60, groups=6, held_out=2)
        assert found.paths.shape == (5, 6)
        for path in found.paths:
            assert all(group in found.held_out[split] for group, split in enumerate(path))
        # Every held-out group of every split is in exactly one path.
        used = {(int(split), group) for path in found.paths for group, split in enumerate(path)}
        assert len(used) == 15 * 2

    @pytest.mark.parametrize(
        "how", [{"groups": 1, "held_out": 1}, {"groups": 3, "held_out": 3}, {"groups": 3, "held_out": 0}]
    )
    def test_what_can_not_be(self, how):
        with pytest.raises(ValueError, match="can't be"):
            combinatorial_purged(100, **how)

    def test_too_few_rows_are_none(self):
        assert combinatorial_purged(3, groups=5, held_out=2) is None
        assert combinatorial_purged(20, groups=4, held_out=3, purge=10, embargo=10) is None
