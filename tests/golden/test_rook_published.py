"""`data prepare --compat rook` against the files that ROOK published, number by number."""

import json

import numpy as np
import pandas as pd
import pytest

from rook_bench.dataset.prepare import ROOK_LEAKS, prepare
from rook_bench.dataset.rules import Rules
from rook_bench.ingest.read import read_swaps

pytestmark = pytest.mark.real

RULE_COUNTS = {
    "NO_SIGNAL": 7735,
    "MEAN_REVERSION_SELL": 897,
    "MEAN_REVERSION_BUY": 704,
    "BREAKOUT_BUY": 273,
    "BREAKOUT_SELL": 252,
    "LIQUIDITY_FILTER": 71,
    "VOLATILITY_FILTER": 68,
}


@pytest.fixture(scope="module")
def prepared(rook_frame, data_driven, tmp_path_factory):
    folder = tmp_path_factory.mktemp("golden") / "prepared"
    return prepare(rook_frame, Rules.from_file(data_driven), folder, compat_rook=True)


def assert_same_table(ours, published, *, columns=None, absolute=1e-9):
    assert list(ours.columns) == list(published.columns)
    assert len(ours) == len(published)
    for name in columns or published.columns:
        if published[name].dtype.kind in "fi":
            error = np.abs(ours[name].to_numpy(float) - published[name].to_numpy(float)).max()
            assert error <= absolute, f"{name} differs by {error}"
        else:
            assert (ours[name] == published[name]).all(), name


def test_counts_of_sides_and_rules(prepared):
    assert prepared.sides == {"HOLD": 7874, "SELL": 1149, "BUY": 977}
    assert prepared.rules == RULE_COUNTS
    assert prepared.splits == {"train": 6979, "val": 1496, "test": 1496}
    assert prepared.leaks == ROOK_LEAKS


def test_every_row_has_the_published_side_and_rule(prepared, rook_folder):
    ours = pd.read_csv(prepared.folder / "labeled_dataset.csv")
    published = pd.read_csv(rook_folder / "labeled_dataset.csv")
    assert (ours["side"] == published["side"]).all()
    assert (ours["rule_triggered"] == published["rule_triggered"]).all()
    assert_same_table(ours, published)


def test_core_features(prepared, rook_folder):
    ours, published = (pd.read_csv(folder / "core_features.csv") for folder in (prepared.folder, rook_folder))
    assert_same_table(ours, published)
    # Raw prices are near 3e-9, so only a relative bound says anything of them.
    np.testing.assert_allclose(ours["price"], published["price"], rtol=1e-12, atol=0)
    assert (ours["liquidity"].astype(str) == published["liquidity"].astype(str)).all()


def test_the_condition_row(prepared, rook_folder):
    ours, published = (pd.read_csv(folder / "core_conditions.csv") for folder in (prepared.folder, rook_folder))
    assert_same_table(ours, published)
    numbers = [name for name in published.columns if published[name].dtype.kind in "fi"]
    np.testing.assert_allclose(ours[numbers], published[numbers], rtol=1e-9, atol=0)


def test_normalization(prepared, rook_folder):
    ours, published = (
        json.loads((folder / "normalization.json").read_text()) for folder in (prepared.folder, rook_folder)
    )
    assert ours.keys() == published.keys()
    for name, values in published.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-9, atol=0, err_msg=name)


def test_metadata_and_text_files(prepared, rook_folder):
    ours, published = (json.loads((folder / "metadata.json").read_text()) for folder in (prepared.folder, rook_folder))
    assert ours == published
    for name in ("labeling_stats.txt", "feature_info.txt"):
        assert (prepared.folder / name).read_text() == (rook_folder / name).read_text()


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_windows(prepared, rook_folder, name):
    ours = pd.read_csv(prepared.folder / f"{name}.csv")
    assert_same_table(ours, pd.read_csv(rook_folder / f"{name}.csv.gz"))


def test_the_leaks_are_said(prepared):
    assert json.loads((prepared.folder / "leaks.json").read_text()) == ROOK_LEAKS


def test_splits_without_compat_drop_what_the_borders_share(rook_frame, data_driven, tmp_path):
    prepared = prepare(rook_frame, Rules.from_file(data_driven), tmp_path / "honest")
    assert prepared.splits == {"train": 6879, "val": 1396, "test": 1496}
    assert prepared.sides == {"HOLD": 7874, "SELL": 1149, "BUY": 977}
    assert prepared.leaks == {}
    assert not (prepared.folder / "leaks.json").exists()
    assert len(pd.read_csv(prepared.folder / "core_conditions.csv")) == 10_000


def test_published_test_windows_are_the_last_swaps(rook_folder, rook_frame):
    windows, last = read_swaps(rook_folder / "test.csv.gz"), rook_frame[-1496:]
    assert (windows.at == last.at).all()
    np.testing.assert_allclose(windows.price, last.price, rtol=1e-6)
    np.testing.assert_allclose(windows.volume, last.volume, rtol=1e-6)
    np.testing.assert_allclose(windows.liquidity.to_floats(), last.liquidity.to_floats(), rtol=1e-6)
    assert (windows.labels["label_side"] == last.labels["label_side"]).all()
    assert any("step by step" in note for note in windows.notes)
    assert str(windows.at[0]).startswith("2025-02-05T20:41:47")
    assert str(windows.at[-1]).startswith("2025-02-06T04:38:15")


@pytest.mark.parametrize(("name", "rows"), [("train", 6979), ("val", 1496)])
def test_the_other_splits_are_the_swaps_they_end_on(rook_folder, rook_frame, name, rows):
    start = {"train": 29, "val": 29 + 6979}[name]
    windows, part = read_swaps(rook_folder / f"{name}.csv.gz"), rook_frame[start : start + rows]
    assert (windows.at == part.at).all()
    np.testing.assert_allclose(windows.price, part.price, rtol=1e-6)
    assert (windows.labels["label_side"] == part.labels["label_side"]).all()


def test_labels_of_a_folder_come_with_it(rook_frame):
    names, counts = np.unique(rook_frame.labels["label_rule"].astype(str), return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == RULE_COUNTS


def test_prepared_again_from_its_own_output(prepared, data_driven, tmp_path):
    """What was written reads back as the same swaps, and labels them alike."""
    again = prepare(read_swaps(prepared.folder), Rules.from_file(data_driven), tmp_path / "again", compat_rook=True)
    assert again.rules == RULE_COUNTS
    assert_same_table(pd.read_csv(again.folder / "test.csv"), pd.read_csv(prepared.folder / "test.csv"))
