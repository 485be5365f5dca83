"""Rewards of several pools: one critic, cut at one date, with what forecasts and orders are worth in each pool."""

from dataclasses import replace

import numpy as np
import pytest
from worlds import RICH

from rook_bench.core import InputError
from rook_bench.dataset.common_split import Folders
from rook_bench.dataset.prepare import prepare
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.critic import load_critic
from rook_bench.language.template import load_template
from rook_bench.market.simulation import Chain, Simulation
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.view import MarketView
from rook_bench.rewards.critic import EMBARGO_ROWS, Table, folds
from rook_bench.rewards.folder import SPLITS, read_table
from rook_bench.rewards.make import make_rewards
from rook_bench.sources import Source

HORIZON_S = 60.0
CODES = load_template("codes")


@pytest.fixture(scope="module")
def pools(two_pools):
    return two_pools


@pytest.fixture(scope="module")
def made(pools, tmp_path_factory):
    out = tmp_path_factory.mktemp("rewards") / "both"
    return make_rewards(pools, out, CODES, RICH, horizon_s=HORIZON_S)


def test_nothing_is_learned_whose_reward_is_told_after_the_common_date(made, pools):
    record, table = read_table(made.folder)
    since, until = (np.datetime64(record.common_split[name]) for name in ("validation_from", "test_from"))
    learned = 0
    for place, folder in enumerate(pools):
        for name in SPLITS:
            frame = split_tape(folder, name).read()
            own = table[name].pool == place
            known = np.isfinite(table[name].foretold[own])
            assert len(known) == len(frame)
            early = known & (frame.at < since)
            marked = frame.at + np.timedelta64(int(HORIZON_S), "s")
            assert (marked[early] < since).all()
            assert (marked[known] < until).all()
            learned += int(early.sum())
    assert learned == record.facts["learned_from_rows"]
    assert np.datetime64(record.learned_from.last_at[:19]) < until


def test_an_order_costs_what_it_costs_in_its_pool(made, pools):
    ether, token = made.critic.pools
    assert token.cost_bps > 4 * ether.cost_bps
    critic = load_critic(made.folder)
    for folder, worth in zip(pools, (ether, token), strict=True):
        view = MarketView.whole(split_tape(folder, "test").read())
        told = critic.on(view)
        rows = np.isfinite(told).all(axis=1)
        np.testing.assert_allclose((told[rows, 0] + told[rows, 2]) / -2, worth.cost_bps)
    assert ether.cost_bps < made.critic.cost_bps < token.cost_bps


def test_the_record_tells_of_each_pool(made, pools):
    assert [pool.name for pool in made.record.pools] == ["WETH/USDC", "UNI/USDC"]
    for pool, folder in zip(made.record.pools, pools, strict=True):
        for name in SPLITS:
            assert pool.splits[name]["data_hash"] == split_tape(folder, name).data_hash
        assert {"slope", "ceiling", "validation", "config"} <= set(pool.facts)
    lines = made.describe()
    assert lines[0].endswith("of 2 pools, marked 60 s after landing")
    assert any(line.startswith("UNI/USDC: ") and "rows learned from" in line for line in lines)


def test_the_critic_of_both_decides_on_either(made, pools):
    for folder in pools:
        frame = split_tape(folder, "test").read()
        assert len(Source.parse(f"tree:{made.folder}").ask(frame)) == len(frame)


def test_one_folder_in_a_list_gives_the_same_bytes(pools, tmp_path):
    one, listed = (
        make_rewards(given, tmp_path / name, CODES, RICH, horizon_s=HORIZON_S)
        for name, given in (("one", pools[0]), ("listed", [pools[0]]))
    )
    for name in ("rewards.parquet", "rewards.json", "critic.json", "critic.npz"):
        assert (one.folder / name).read_bytes() == (listed.folder / name).read_bytes()
    assert one.record.pools is None


def test_a_pool_beside_cuts_and_is_not_learned_from(made, pools, tmp_path):
    given = Folders((pools[0],), (pools[1],))
    # The one beside may have a configuration of its own, or go by the last one.
    one = make_rewards(given, tmp_path / "one", CODES, [RICH, RICH], horizon_s=HORIZON_S)
    again = make_rewards(given, tmp_path / "again", CODES, [RICH], horizon_s=HORIZON_S)
    assert (one.folder / "critic.npz").read_bytes() == (again.folder / "critic.npz").read_bytes()
    assert one.record.common_split == made.record.common_split
    assert [pool["pair"] for pool in one.record.learned_from.pools] == ["WETH/USDC"]
    _, both = read_table(made.folder)
    _, alone = read_table(one.folder)
    same = np.isfinite(alone["train"].foretold)
    assert (same == np.isfinite(both["train"].foretold[both["train"].pool == 0])).all()


def test_too_few_rows_before_the_common_date_name_the_folder(pools, tmp_path, root):
    short = simulate(1300, np.random.default_rng(3), Simulation(base_symbol="AAVE"), chain=Chain(7))
    folder = prepare(short, Rules.from_file(root / "strategies" / "data_driven.json"), tmp_path / "AAVE").folder
    with pytest.raises(InputError, match=r"\d+ training rows have a reward, 1,000 are needed"):
        make_rewards([*pools, folder], tmp_path / "out", CODES, RICH, horizon_s=HORIZON_S)
    assert not (tmp_path / "out").exists()


def _table(count, seed):
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, 10**6, count)) * 10**9
    numbers = rng.normal(size=(count, 2))
    pool = rng.integers(0, 3, count)
    return Table(numbers, -numbers, rng.normal(size=count), np.ones(count), at, at + 600 * 10**9, pool)


@pytest.mark.parametrize("seed", range(3))
def test_a_fold_is_one_stretch_of_time_in_every_pool_with_an_embargo_in_each(seed):
    table = _table(6000, seed)
    covered = []
    for block, others in folds(table):
        covered.append(block)
        begins, known = table.at[block[0]], table.until[block].max()
        assert not set(block) & set(others)
        early, late = others[others < block[0]], others[others > block[-1]]
        assert (table.until[early] < begins).all()
        assert (table.at[late] > known).all()
        for pool in range(3):
            own = np.flatnonzero(table.pool == pool)
            for kept, edge in (
                (early, int(np.searchsorted(own, block[0]))),
                (late, int(np.searchsorted(own, block[-1]))),
            ):
                if len(mine := kept[table.pool[kept] == pool]):
                    assert np.abs(np.searchsorted(own, mine) - edge).min() >= EMBARGO_ROWS
    assert (np.concatenate(covered) == np.arange(len(table))).all()


def test_of_one_pool_the_folds_are_those_of_before():
    table = replace(_table(3000, 0), pool=np.zeros(3000, dtype=np.intp))
    for block, others in folds(table):
        first, last = block[0], block[-1]
        before = np.searchsorted(np.maximum.accumulate(table.until), table.at[first], side="left") - EMBARGO_ROWS
        after = np.searchsorted(table.at, table.until[block].max(), side="right") + EMBARGO_ROWS
        rows = np.arange(len(table))
        expected = np.concatenate([rows[: max(0, min(before, first - EMBARGO_ROWS))], rows[max(after, last + 1) :]])
        assert (others == expected).all()
