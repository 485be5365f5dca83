"""The folder of rewards: what is in it, that nothing of a later split is, and what the critic finds in known worlds."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from rook_bench.core import InputError, Side
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.critic import load_critic
from rook_bench.language.template import load_template
from rook_bench.market.tape_file import read_tape, write_tape
from rook_bench.market.view import MarketView
from rook_bench.replay import ReplayConfig
from rook_bench.rewards.folder import read_record, read_table
from rook_bench.rewards.make import actions_of, make_rewards
from rook_bench.sources import Source


def test_an_edge_that_was_planted_is_found(rewards_of_world):
    made = rewards_of_world("planted")
    assert made.found
    assert made.critic.slope > 3 * made.critic.slope_se
    assert made.judged.trades > 0
    assert made.judged.mean_bps > 0


def test_where_there_is_none_it_says_so(rewards_of_world):
    made = rewards_of_world("edge-free")
    assert made.critic.shrunk * 3 < rewards_of_world("planted").critic.shrunk
    assert made.judged.trades < 0.01 * made.judged.rows
    if not made.found:
        assert any(line.startswith("no edge found") for line in made.describe())


def test_test_rows_are_nowhere(rewards_of_world, planted):
    made = rewards_of_world("planted")
    table = pq.read_table(made.folder / "rewards.parquet")
    assert set(table["split"].to_pylist()) == {"train", "validation"}
    first = split_tape(planted, "test").read().at[0]
    assert table["at"].to_numpy().max() < first
    assert np.datetime64(made.record.learned_from.last_at[:19]) < first


def test_no_reward_reaches_into_the_next_split(planted, rewards_of_world, tmp_path):
    """Planted: everything after the train rows is another market; the train rows' rewards, and the trees, are the same."""
    copy = tmp_path / "copy"
    shutil.copytree(planted, copy)
    for name in ("val", "test"):
        frame = read_tape(copy / f"{name}.parquet")
        half = frame[: len(frame) // 2]
        write_tape(half, copy / f"{name}.parquet")
        listing = json.loads((copy / "splits.json").read_text())
        listing["splits"][name]["data_hash"] = half.data_hash
        (copy / "splits.json").write_text(json.dumps(listing))
    config = ReplayConfig.parse({"capital": {"quote_value": 1e6}}, where="test")
    other = make_rewards(copy, tmp_path / "out", load_template("codes"), config)
    mine, theirs = (read_table(folder)[1]["train"].bps for folder in (rewards_of_world("planted").folder, other.folder))
    np.testing.assert_array_equal(mine, theirs)
    assert other.critic.trees == rewards_of_world("planted").critic.trees


def test_the_same_call_gives_the_same_bytes(planted, rewards_of_world, tmp_path):
    config = ReplayConfig.parse({"capital": {"quote_value": 1e6}}, where="test")
    again = make_rewards(planted, tmp_path / "again", load_template("codes"), config)
    first = rewards_of_world("planted")
    for name in ("rewards.parquet", "rewards.json", "critic.json", "critic.npz"):
        assert (again.folder / name).read_bytes() == (first.folder / name).read_bytes()


def test_actions_are_those_of_the_labels(planted):
    buy, sell = actions_of([split_tape(planted, "train").read()])
    assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
    assert buy.size in (0.05, 0.08)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "rewards.parquet").write_bytes(b"x"), "not the rewards that the record names"),
        (lambda folder: (folder / "rewards.json").unlink(), "no rewards folder"),
        (lambda folder: (folder / "rewards.json").write_text("{"), "can't be read"),
    ],
)
def test_a_folder_that_was_changed_is_refused(harm, words, rewards_of_world, tmp_path):
    shutil.copytree(rewards_of_world("planted").folder, tmp_path / "copy")
    harm(tmp_path / "copy")
    with pytest.raises(InputError, match=words):
        read_table(tmp_path / "copy")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "critic.npz").write_bytes(b"x"), "not the trees that the record names"),
        (lambda folder: (folder / "critic.json").unlink(), "it holds no critic"),
        (lambda folder: (folder / "critic.json").write_text("[]"), "can't be read"),
    ],
)
def test_a_critic_that_was_changed_is_refused(harm, words, rewards_of_world, tmp_path):
    shutil.copytree(rewards_of_world("planted").folder, tmp_path / "copy")
    harm(tmp_path / "copy")
    with pytest.raises(InputError, match=words):
        load_critic(tmp_path / "copy")


def test_what_is_too_short_is_refused(prepared, tmp_path):
    with pytest.raises(InputError, match="1,000 are needed"):
        make_rewards(prepared, tmp_path / "out", load_template("codes"), ReplayConfig())
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="no such folder"):
        make_rewards(tmp_path / "absent", tmp_path / "out", load_template("codes"), ReplayConfig())


def test_the_critic_is_a_source(rewards_of_world, planted):
    made = rewards_of_world("planted")
    frame = split_tape(planted, "test").read()
    decisions = Source.parse(f"tree:{made.folder}").ask(frame)
    trades = decisions.trades
    assert 0 < trades.mean() < 0.5
    assert set(np.unique(decisions.size[trades])) <= {made.critic.buy[0], made.critic.sell[0]}
    assert np.isfinite(decisions.confidence[trades]).all()
    assert np.isnan(decisions.confidence[~trades]).all()
    expected = load_critic(made.folder).on(MarketView.whole(frame))
    better = np.nanmax(expected[:, [0, 2]], axis=1)
    assert ((better > 0) == trades).all()
    assert read_record(made.folder).horizon_s == 600.0


def test_what_is_taught_was_foretold_by_trees_that_had_not_seen_the_row(planted, rewards_of_world):
    """Trees flatter the rows that they were fitted on; the table holds what others said of them."""
    made = rewards_of_world("planted")
    record, table = read_table(made.folder)
    template = load_template("codes")
    view = MarketView.whole(split_tape(planted, "train").read())
    seen = load_critic(made.folder).markout(template.render(view), template.render(view, mirrored=True))
    train = table["train"]
    sides = [action.side for action in record.actions]
    markout = (train.bps[:, sides.index(Side.BUY)] - train.bps[:, sides.index(Side.SELL)]) / 2
    known = np.isfinite(train.foretold)
    np.testing.assert_array_equal(known, np.isfinite(seen) & np.isfinite(markout))
    flattered, honest = (np.corrcoef(one[known], markout[known])[0, 1] for one in (seen, train.foretold))
    assert honest < flattered
    slope = (train.foretold[known] @ markout[known]) / (train.foretold[known] @ train.foretold[known])
    assert slope == pytest.approx(made.critic.slope)


def test_an_edge_that_pays_for_no_order_is_said_with_the_days_that_would_tell_more(rewards_of_world):
    made = rewards_of_world("planted")
    idle = replace(made, judged=replace(made.judged, trades=0))
    (said,) = (line for line in idle.describe() if line.startswith("no edge to trade on"))
    assert f"an order costs {made.critic.cost_bps:.1f}; the slope is sharp enough on these" in said
    assert not any(line.startswith("no edge to trade on") for line in made.describe())
    facts = made.record.facts["slope"]
    blunt = made.record.model_copy(
        update={"facts": made.record.facts | {"slope": facts | {"clusters_needed": 4 * facts["clusters"]}}}
    )
    (said,) = (line for line in replace(idle, record=blunt).describe() if line.startswith("no edge to trade on"))
    assert "days of training rows instead of" in said
