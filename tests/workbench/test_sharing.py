"""The study of what sharing is worth: every way, every pool, each a try on record, and nothing trained twice."""

import json

import numpy as np
import pytest
from worlds import RICH

from rook_bench.core import ConfigError, InputError
from rook_bench.language.manifest import read_manifest
from rook_bench.trials import TrialLedger
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.sharing import study_sharing
from rook_bench.workbench.sharing_work import ALONE, NAMED, TOGETHER, WITHOUT, Variant

pytest.importorskip("torch", reason="the train extra is not installed")


@pytest.fixture(autouse=True)
def _drawn(monkeypatch):
    monkeypatch.setattr("rook_bench.report.charts.training.draw_training", lambda *arguments: b"")


@pytest.fixture(scope="module")
def settings(mini_settings):
    return mini_settings(max_samples=200, max_eval_samples=64)


@pytest.fixture(scope="module")
def study(two_pools, tmp_path_factory, settings):
    folder = tmp_path_factory.mktemp("sharing")

    def run(said):
        bench = BenchConfig(capital=RICH.capital)
        return study_sharing(two_pools, folder / "out", bench, settings, trials=folder / "trials", say=said.append)

    said = []
    return run(said), run, folder, said


def test_every_way_is_there_for_every_pool():
    ways = Variant.all_of(3)
    assert [one.way for one in ways] == [ALONE] * 3 + [TOGETHER, NAMED] + [WITHOUT] * 3
    for place in range(3):
        asked = [one for one in ways if place in one.judged]
        assert [one.way for one in asked] == [ALONE, TOGETHER, NAMED, WITHOUT]
        assert [place in one.pools for one in asked] == [True, True, True, False]


def test_the_table_has_them_with_intervals_and_they_are_on_record(study):
    done, _, folder, _ = study
    assert done.pools == ["WETH/USDC", "UNI/USDC"]
    for pool in done.pools:
        rows = done.of(pool)
        assert [row.way for row in rows] == [ALONE, TOGETHER, NAMED, WITHOUT]
        assert rows[0].gained.value == rows[0].beyond.value == 0.0
        for row in rows:
            assert 0 <= row.recall.value <= 1
            told = read_manifest(row.adapter)
            assert told.training["common_split"] == done.common.to_json()
            own = ("UNI/USDC" in [one["pair"] for one in told.learned_from.pools]) == (pool == "UNI/USDC")
            assert row.way in (TOGETHER, NAMED) or own == (row.way == ALONE)
            assert bool(told.template.pair) == (row.way == NAMED)
    asked = [
        one for one in TrialLedger(folder / "trials").trials() if one.kind == "compare" and one.role == "candidate"
    ]
    assert done.tries == 8 == sum(one.source.startswith("lora:") for one in asked)
    chosen = [one for one in TrialLedger(folder / "trials").trials() if one.kind == "train"]
    assert len(chosen) == 4  # two alone, two together; without one of two is the other alone
    record = json.loads((done.folder / "sharing.json").read_text())
    assert [pool["pool"] for pool in record["pools"]] == done.pools
    table = (done.folder / "sharing.md").read_text()
    assert table.count("| trained on it alone |") == 2
    assert (done.folder / "sharing.png").read_bytes().startswith(b"\x89PNG")
    assert (done.folder / "pools" / "2" / "report.html").is_file()


def test_the_mean_recall_is_that_of_the_decisions(study, two_pools):
    from sklearn.metrics import balanced_accuracy_score

    from rook_bench.dataset.split_tapes import split_tape
    from rook_bench.sources import Source

    done, *_ = study
    frame = split_tape(two_pools[0], "test").read()
    row = done.of("WETH/USDC")[1]
    decided = Source.parse(f"lora:{row.adapter}").ask(frame)
    names = np.array(["BUY", "HOLD", "SELL"])
    truth = frame.labels["label_side"].astype(str)
    assert row.recall.value == pytest.approx(balanced_accuracy_score(truth, names[decided.side]))


def test_adapters_that_are_there_are_kept(study):
    _, run, _, said = study
    assert sum("kept from before" in line for line in said) == 2  # the other alone, which is there already
    again = []
    run(again)
    assert sum("kept from before" in line for line in again) == 6
    assert not any("epoch" in line for line in again)


def test_rewards_are_of_the_same_pools(two_pools, tmp_path, settings):
    """Stage rl: each way has a critic of the pools that it learns from, though another lies beside."""
    bench, few = BenchConfig(capital=RICH.capital), settings.model_copy(update={"max_samples": 100})
    study_sharing(two_pools, tmp_path / "out", bench, few, stage="rl", horizon_s=60.0, trials=tmp_path / "trials")
    critics = sorted((tmp_path / "out" / "adapters").glob("*-rewards/rewards.json"))
    learned = [[pool["pair"] for pool in json.loads(path.read_text())["learned_from"]["pools"]] for path in critics]
    assert sorted(learned) == [["UNI/USDC"], ["WETH/USDC"], ["WETH/USDC", "UNI/USDC"], ["WETH/USDC", "UNI/USDC"]]


def test_what_can_not_be_studied_is_refused(two_pools, tmp_path, settings):
    with pytest.raises(InputError, match="one pool shares with nobody"):
        study_sharing(two_pools[:1], tmp_path / "out", training=settings)
    with pytest.raises(ConfigError, match="stage draft is not studied"):
        study_sharing(two_pools, tmp_path / "out", training=settings, stage="draft")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds files that rook-bench did not write"):
        study_sharing(two_pools, tmp_path / "mine", training=settings)
    assert not (tmp_path / "out").exists()
