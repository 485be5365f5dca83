"""One adapter of several pools: cut at one date, weighed and calibrated pool by pool, refused elsewhere."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner
from worlds import RICH

from rook_bench.cli.main import app
from rook_bench.core import ConfigError, InputError
from rook_bench.dataset.common_split import CommonSplit, Folders
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.gates.checks.training_data import training_data
from rook_bench.gates.policy import Evidence
from rook_bench.language.manifest import LearnedFrom, read_manifest
from rook_bench.language.template import load_template
from rook_bench.market.pool import MAINNET_USDC_WETH, known_pool, same_pool
from rook_bench.market.simulation import Chain, Simulation
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.view import MarketView
from rook_bench.rewards.make import make_rewards
from rook_bench.sources import Source
from rook_bench.sources.decide import decide

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.training.data import read_training_data  # noqa: E402
from rook_bench.training.examples import class_weights, weights_together  # noqa: E402
from rook_bench.training.fit import train  # noqa: E402
from rook_bench.training.policy import Rewarded  # noqa: E402

CODES = load_template("codes")


@pytest.fixture(scope="module")
def pools(two_pools):
    return two_pools


@pytest.fixture(scope="module")
def adapter(pools, tmp_path_factory, mini_settings):
    out = tmp_path_factory.mktemp("joint") / "adapter"
    said = []
    train(pools, out, mini_settings(max_samples=64), say=said.append)
    return out, said


@pytest.fixture(autouse=True)
def _drawn(no_picture):
    """See `no_picture`."""


@pytest.fixture
def third():
    """A pool that nobody trained on."""
    return simulate(400, np.random.default_rng(9), Simulation(base_symbol="AAVE"))


def test_the_planted_leak_of_another_pools_future_is_not_learned(pools):
    """Each folder's own train split, put together, holds rows from when the other one is validated and tested."""
    alone = [read_training_data(folder, CODES) for folder in pools]
    tests = [split_tape(folder, "test").read().at[0] for folder in pools]
    naive = max(one.at[one.train].max() for one in alone)
    assert naive >= min(one.at[one.val[0]] for one in alone)  # the leak is there
    assert max(one.at[one.val].max() for one in alone) >= min(tests)
    joint = read_training_data(pools, CODES)
    assert joint.common is not None
    assert joint.at[joint.train].max() < joint.common.validation_from <= joint.at[joint.val].min()
    assert joint.at[joint.val].max() < min(tests)
    assert np.datetime64(joint.learned_from.last_at[:19]) < min(tests)
    assert [pool["pair"] for pool in joint.learned_from.pools] == ["WETH/USDC", "UNI/USDC"]


def test_folders_beside_cut_without_being_learned_from(pools):
    joint, one = read_training_data(pools, CODES), read_training_data(Folders((pools[0],), (pools[1],)), CODES)
    own = joint.pool_of == 0
    assert one.common == joint.common
    assert (one.at[one.train] == joint.at[joint.train[own[joint.train]]]).all()
    assert (one.at[one.val] == joint.at[joint.val[own[joint.val]]]).all()
    assert [pool["pair"] for pool in one.learned_from.pools] == ["WETH/USDC"]


def test_one_folder_in_a_list_is_one_folder(prepared):
    alone, listed = read_training_data(prepared, CODES), read_training_data([prepared], CODES)
    assert listed.common is None
    assert (listed.data_hash, listed.learned_from) == (alone.data_hash, alone.learned_from)
    assert (listed.train == alone.train).all()


def test_a_pool_given_twice_is_refused(pools, tmp_path):
    shutil.copytree(pools[0], tmp_path / "again")
    with pytest.raises(InputError, match="of the same pool as .*WETH.*prepare one folder of each pool"):
        read_training_data([*pools, tmp_path / "again"], CODES)


def test_dates_that_are_given_cut_every_pool_alike(tmp_path, root):
    """Folders that were cut at one date from the start lose nothing, and may have rules that were fitted."""
    from rook_bench.workbench.fine_tune import prepare

    dates = {"validation_from": "2025-01-01T04:00", "test_from": "2025-01-01T05:00"}
    folders = []
    for seed, base in ((1, "WETH"), (2, "UNI")):
        frame = simulate(2000, np.random.default_rng(seed), Simulation(base_symbol=base), chain=Chain(7))
        folders.append(prepare(frame, "fit:mean-reversion,breakout", tmp_path / base, **dates).folder)
    joint = read_training_data(folders, CODES)
    alone = [read_training_data(folder, CODES) for folder in folders]
    assert joint.common.to_json() == {
        "validation_from": str(joint.at[joint.val].min())[:19],
        "test_from": str(min(split_tape(folder, "test").read().at[0] for folder in folders))[:19],
    }
    assert str(joint.common.validation_from) >= "2025-01-01T04:00"
    kept = [joint.at[joint.train[own]] for own in joint.by_pool(joint.train)]
    for one, at in zip(alone, kept, strict=True):
        assert len(one.train) - len(at) <= 1
    with pytest.raises(ConfigError, match="give both dates"):
        prepare(frame, "data_driven", tmp_path / "half", validation_from="2025-01-01T04:00")
    with pytest.raises(InputError, match="no train window|leave no"):
        prepare(frame, "data_driven", tmp_path / "none", validation_from="2024-01-01", test_from="2024-01-02")


def test_as_many_rows_of_each_pool_are_drawn(pools):
    joint = read_training_data(pools, CODES)
    drawn = joint.draw(joint.train, 50, 3)
    assert [len(own) for own in joint.by_pool(drawn)] == [50, 50]
    assert set(drawn) <= set(joint.train)


def test_weights_are_those_of_each_pools_own_mixture(adapter, pools):
    folder, _ = adapter
    told = read_manifest(folder)
    joint = read_training_data(pools, CODES)
    chosen = joint.draw(joint.train, 64, told.training["settings"]["seed"])
    weights = []
    for kept, own in zip(told.pools, joint.by_pool(chosen), strict=True):
        weights.append(class_weights(joint.side[chosen[own]], "sqrt"))
        assert list(kept.class_weights.values()) == weights[-1]
    assert list(told.class_weights.values()) == weights_together(joint, chosen, weights)
    # A loss weighed so is least at w p over its sum: of all rows together the mean weight of a side gives that back.
    side = joint.side[chosen]
    each = np.array(weights)[joint.pool_of[chosen], side]
    for code in np.unique(side):
        assert told.class_weights[("BUY", "HOLD", "SELL")[code]] == pytest.approx(each[side == code].mean())


def test_the_record_lists_pools_scores_and_the_date(adapter, pools):
    folder, said = adapter
    told = read_manifest(folder)
    facts = told.training
    assert [pool["name"] for pool in facts["pools"]] == ["WETH/USDC", "UNI/USDC"]
    assert all({"macro_f1", "nll", "ece"} <= set(pool["validation"]) for pool in facts["pools"])
    figures = [pool["validation"]["macro_f1"] for pool in facts["pools"]]
    assert facts["validation"]["macro_f1"] == pytest.approx(np.mean(figures))
    common = read_training_data(pools, CODES).common
    assert facts["common_split"] == common.to_json()
    assert [pool["pair"] for pool in told.learned_from.pools] == ["WETH/USDC", "UNI/USDC"]
    assert said[0].startswith("2 pools cut at one time: validation from 2025-01-01")
    card = (folder / "README.md").read_text()
    assert "| UNI/USDC |" in card
    assert "They are cut at one time" in card


def test_each_pool_is_asked_with_its_own_temperature(adapter, pools, tmp_path):
    """Planted: a copy whose second pool has another temperature; nothing changes on the first."""
    folder, _ = adapter
    shutil.copytree(folder, tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "rook.json").read_text())
    record["pools"][1]["temperature"] = 7.0
    (tmp_path / "copy" / "rook.json").write_text(json.dumps(record))
    frames = [split_tape(path, "test").read() for path in pools]
    first, second = (
        [Source.parse(f"lora:{one}").ask(frame).confidence for frame in frames] for one in (folder, tmp_path / "copy")
    )
    np.testing.assert_array_equal(first[0], second[0])
    assert np.nanmax(np.abs(first[1] - second[1])) > 0.01


def test_on_another_pool_it_is_refused_unless_asked_for(adapter, pools, third):
    folder, _ = adapter
    with pytest.raises(InputError, match="trained on WETH/USDC, UNI/USDC, asked on AAVE/USDC, which is another pool"):
        decide(Source.parse(f"lora:{folder}"), third)
    moved = decide(Source.parse(f"lora:{folder},transfer=true"), third)
    assert "trained on WETH/USDC, UNI/USDC, asked on AAVE/USDC" in moved.notes
    home = split_tape(pools[1], "test").read()
    assert not any("asked on" in note for note in decide(Source.parse(f"lora:{folder}"), home).notes)


def test_the_command_takes_several_folders_and_names_the_pool(pools, tmp_path, mini_base, third, few_rows):
    from rook_bench.market.tape_file import write_tape

    run = lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])  # noqa: E731
    out, settings = tmp_path / "named", ["--model", mini_base, "--epochs", 1, "--trials", tmp_path / "trials"]
    data = [part for path in pools for part in ("--data-dir", path)]
    done = run("train", *data, "--output-dir", out, "--pair-token", *settings)
    assert done.exit_code == 0, done.output
    assert "validation of UNI/USDC: macro-F1" in done.output
    assert "mean of them: macro-F1" in done.output
    told = read_manifest(out)
    assert told.template.pair
    assert told.training["example"].startswith((" WETH/USDC 0.05% ", " UNI/USDC 0.3% "))
    write_tape(third, tmp_path / "third.parquet")
    asked = ["decide", f"lora:{out}", tmp_path / "third.parquet", "--out", tmp_path / "d.parquet"]
    refused = run(*asked)
    assert isinstance(refused.exception, InputError)
    assert "give --transfer" in str(refused.exception)
    assert run(*asked, "--transfer").exit_code == 0
    nobody = run("decide", "hold", tmp_path / "third.parquet", "--out", tmp_path / "d.parquet", "--transfer")
    assert isinstance(nobody.exception, ConfigError)


def test_a_prompt_with_the_pools_name_reads_back():
    frame = simulate(200, np.random.default_rng(0), Simulation(base_symbol="UNI"))
    named = CODES.telling(pair=True)
    plain, told = (template.render(MarketView.whole(frame)) for template in (CODES, named))
    assert told.texts[-1] == f" UNI/USDC 0.05%{plain.texts[-1]}"
    assert named.fields_of(told.texts[-1]) == CODES.fields_of(plain.texts[-1]) != {}
    assert named.sha256 != CODES.sha256
    assert CODES.telling(pair=False).sha256 == CODES.sha256
    assert told.shown.shape[1] == plain.shown.shape[1] + 1


def test_a_pool_is_known_by_its_address():
    pool = known_pool(next(iter(MAINNET_USDC_WETH)))
    told = {"chain": "ethereum", "address": pool.address, "pair": pool.pair}
    assert same_pool(told, pool)
    other = known_pool(list(MAINNET_USDC_WETH)[1])
    assert not same_pool(told, other)  # the same pair at another fee is another pool
    assert not same_pool(told | {"chain": "base"}, pool)
    assert same_pool(told | {"address": "unknown"}, other)  # nothing but the pair is known
    assert not same_pool(told | {"address": "unknown", "pair": "UNI/WETH"}, other)


@pytest.mark.parametrize(("pair", "status"), [("WBTC/WETH", "invalid"), ("ETH/DAI", "invalid"), ("UNI/WBTC", "pass")])
def test_the_gate_refuses_what_learned_from_the_same_time_of_a_pool_that_shares_a_token(
    pair, status, short_tape, adapter, pools, tmp_path
):
    """Planted: an adapter that learned until after the judged tape begins, of a pool that moves with it."""
    from rook_bench.metrics import analyse
    from rook_bench.replay import replay

    folder, _ = adapter
    shutil.copytree(folder, tmp_path / "copy")
    record = json.loads((tmp_path / "copy" / "rook.json").read_text())
    elsewhere = LearnedFrom.parse(record["learned_from"], where="test").model_copy(
        update={"pools": [{"chain": "ethereum", "address": "0x" + "1" * 40, "pair": pair}]}
    )
    record["learned_from"] = elsewhere.model_dump(mode="json")
    (tmp_path / "copy" / "rook.json").write_text(json.dumps(record))
    pool = short_tape.pool.model_copy(update={"chain": "ethereum", "address": "0x" + "2" * 40})
    judged = replace(short_tape, pool=pool)
    assert elsewhere.last_at[:10] == str(judged.at[0])[:10]
    run = replay(judged, f"lora:{tmp_path / 'copy'},transfer=true")
    assert training_data(Evidence(), analyse(run)).status == status


def test_the_common_date_is_told_without_a_test_split(pools, tmp_path):
    for path in pools:
        copy = tmp_path / path.name
        shutil.copytree(path, copy)
        listing = json.loads((copy / "splits.json").read_text())
        del listing["splits"]["test"]
        (copy / "splits.json").write_text(json.dumps(listing))
    joint = read_training_data([tmp_path / path.name for path in pools], CODES)
    assert isinstance(joint.common, CommonSplit)
    assert joint.common.test_from is None
    assert joint.common.to_json()["test_from"] is None


def test_rewards_are_taught_across_pools(adapter, pools, tmp_path, mini_settings):
    """Stage 3: as many rows of each, the reward of each pool's own costs, a chance of profit of each."""
    from rook_bench.training.fit import train_policy

    folder, _ = adapter
    made = make_rewards(pools, tmp_path / "rewards", CODES, RICH, horizon_s=60.0)
    settings = mini_settings(max_samples=64, max_eval_samples=200)
    done = train_policy(pools, tmp_path / "policy", settings, made.folder, folder, say=lambda line: None)
    told = done.manifest
    assert [pool["rows"]["train"] for pool in told.training["pools"]] == [64, 64]
    assert [one.pair for one in told.pools] == ["WETH/USDC", "UNI/USDC"]
    assert {one.class_weights["BUY"] for one in told.pools} == {1.0}
    data = read_training_data(pools, CODES)
    expected = Rewarded(data, made.folder, CODES).expected
    for place, worth in enumerate(made.critic.pools):
        own = data.pool_of == place
        assert np.nanmedian(expected[own, 0] + expected[own, 2]) == pytest.approx(-2 * worth.cost_bps)
    with pytest.raises(InputError, match="made of 2 prepared folders, and 1 are learned from"):
        train_policy(pools[0], tmp_path / "one", settings, made.folder, folder, say=lambda line: None)
    with pytest.raises(InputError, match="made from other train rows"):
        train_policy(pools[::-1], tmp_path / "turned", settings, made.folder, folder, say=lambda line: None)


def test_drafts_are_of_one_folder(pools, tmp_path, mini_settings):
    with pytest.raises(InputError, match="drafts are of one folder, and several are learned from"):
        train(pools, tmp_path / "out", mini_settings(), drafts=tmp_path / "none.jsonl", say=lambda line: None)
