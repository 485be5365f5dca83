"""The prepared folder as training data, and its prompt's ceiling."""

import gzip
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import RookError, Side
from rook_bench.dataset.prepare import prepare
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.template import load_template
from rook_bench.market.features import FEATURES
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.tape_file import read_tape, write_tape
from rook_bench.market.view import MarketView
from rook_bench.training.data import read_training_data

pytest.importorskip("sklearn", reason="the train extra is not installed")


@pytest.fixture(scope="module")
def codes():
    return load_template("codes")


@pytest.fixture
def copy(prepared_tables, tmp_path):
    shutil.copytree(prepared_tables, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def tapes(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "tapes")
    return tmp_path / "tapes"


def agrees(data, folder, name, rows):
    """The rows found are those of the split's file: same times, same labels."""
    path = next(folder.glob(f"{name}.csv*"))
    table = pd.read_csv(path, usecols=["timestamp", "side_raw", "size", "slippage_bps", "deadline_s"])
    defined = table.tail(len(rows))
    assert [data.labels[row].side.name for row in rows] == defined["side_raw"].tolist()
    assert [data.labels[row].size for row in rows] == pytest.approx(defined["size"].tolist())
    assert [data.labels[row].slippage_bps for row in rows] == defined["slippage_bps"].tolist()
    assert [data.labels[row].deadline_s for row in rows] == defined["deadline_s"].tolist()
    return len(table)


def test_splits_are_found_in_the_labelled_data(prepared_tables, codes):
    data = read_training_data(prepared_tables, codes)
    assert agrees(data, prepared_tables, "train", data.train) == len(data.train) == 929
    assert agrees(data, prepared_tables, "val", data.val) == len(data.val) == 121
    assert data.train[-1] < data.val[0]
    assert not data.overlap
    assert data.prompts.defined[data.train].all()
    assert data.features.shape == (1500, len(FEATURES))
    assert np.bincount(data.side[data.val], minlength=3).tolist() == [6, 109, 6]


@pytest.mark.real
def test_splits_of_the_published_data(rook_folder, codes):
    data = read_training_data(rook_folder, codes, 30)
    assert agrees(data, rook_folder, "train", data.train) == len(data.train) == 6979
    assert agrees(data, rook_folder, "val", data.val) == len(data.val) == 1496
    assert data.overlap, "the published split has no purge"
    assert data.train[-1] + 1 == data.val[0]


def test_tapes_and_tables_teach_the_same(prepared, prepared_tables, codes):
    """The exact tapes of the splits hold the rows that the windows stand for, with the same history behind them."""
    tapes, tables = read_training_data(prepared, codes), read_training_data(prepared_tables, codes)
    for name in ("train", "val"):
        mine, theirs = getattr(tapes, name), getattr(tables, name)
        assert [tapes.prompts.texts[row] for row in mine] == [tables.prompts.texts[row] for row in theirs]
        assert [tapes.labels[row] for row in mine] == [tables.labels[row] for row in theirs]
        np.testing.assert_allclose(tapes.features[mine], tables.features[theirs], rtol=1e-6, atol=1e-12)
    assert not tapes.overlap
    assert tapes.data_hash != tables.data_hash  # those were rounded


def test_no_row_of_training_is_of_the_test_split(prepared, codes):
    data = read_training_data(prepared, codes)
    train, val, test = (split_tape(prepared, name) for name in ("train", "validation", "test"))
    assert len(data.labels) == train.last - train.first + 1 + val.last - val.first + 1
    assert train.last + 100 < val.first
    assert val.last + 100 < test.first
    assert read_tape(val.file).at[-1] <= read_tape(test.file).at[0]


@pytest.mark.parametrize("kind", ["prepared", "prepared_tables"])
def test_prompts_know_the_history_before_their_split(kind, request, codes):
    """They are rendered from the whole tape, as a source sees it, and not from the split's first row on."""
    data = read_training_data(request.getfixturevalue(kind), codes)
    tape = simulate(1500, np.random.default_rng(7))
    val = split_tape(request.getfixturevalue("prepared"), "validation")
    texts = codes.render(MarketView.whole(tape)).texts[val.first : val.last + 1]
    assert [data.prompts.texts[row] for row in data.val] == texts
    assert all(data.prompts.texts[row] for row in data.val)


def test_answers_seen(prepared, codes):
    data = read_training_data(prepared, codes)
    traded = [row for row in data.train if data.labels[row].side == Side.BUY][:2]
    held = next(row for row in data.train if data.labels[row].side == Side.HOLD)
    found = data.answers(np.array([*traded, held]))
    assert found == {"BUY": [(0.05, 50.0, 300.0)], "HOLD": [(0.0, 50.0, 300.0)], "SELL": []}


def test_identity_is_of_data_labels_and_splits(prepared_tables, copy, codes):
    first = read_training_data(prepared_tables, codes).data_hash
    assert read_training_data(copy, codes).data_hash == first
    table = pd.read_csv(copy / "val.csv", dtype=str)
    table.iloc[1:].to_csv(copy / "val.csv", index=False)
    assert read_training_data(copy, codes).data_hash != first


def refused(folder, codes, *words, where=None, **options):
    with pytest.raises(RookError) as caught:
        read_training_data(folder, codes, **options)
    line = str(caught.value)
    assert line.startswith(f"{folder if where is None else folder / where}: "), line
    assert "\n" not in line
    for word in words:
        assert word in line


def test_other_window_lengths_are_refused(copy, codes):
    assert read_training_data(copy, codes, 30).train.size
    refused(copy, codes, "seq_len is 50, the folder's windows have 30 swaps", where="metadata.json", seq_len=50)


def squeeze(path, keep=1.0):
    content = gzip.compress(path.read_bytes())
    path.with_suffix(".csv.gz").write_bytes(content[: int(len(content) * keep)])
    path.unlink()


def lines(path, change):
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


FAULTS = {
    "no val": (lambda folder: (folder / "val.csv").unlink(), None, "there is no val.csv"),
    "no train": (lambda folder: (folder / "train.csv").unlink(), None, "there is no train.csv"),
    "no labels": (lambda folder: (folder / "labeled_dataset.csv").unlink(), None, "there is no labeled_dataset.csv"),
    "no folder": (shutil.rmtree, None, "no such"),
    "empty val": (lambda folder: lines(folder / "val.csv", lambda rows: rows[:1]), "val.csv", "the split is empty"),
    "no content": (lambda folder: (folder / "val.csv").write_text(""), "val.csv", "is empty"),
    "cut off": (lambda folder: os.truncate(folder / "val.csv", 90_000), "val.csv", "at row"),
    "cut off gzip": (lambda folder: squeeze(folder / "val.csv", 0.5), "val.csv.gz", "cut off or damaged"),
    "no side": (
        lambda folder: pd.read_csv(folder / "train.csv").drop(columns="side_raw").to_csv(folder / "train.csv"),
        "train.csv", "side_raw",
    ),
    "foreign labels": (
        lambda folder: pd.read_csv(folder / "val.csv").assign(side_raw="BUY").to_csv(folder / "val.csv"),
        "val.csv", "not a stretch of labeled_dataset.csv",
    ),
    "order": (
        lambda folder: pd.read_csv(folder / "train.csv").iloc[::-1].to_csv(folder / "train.csv"),
        "train.csv", "not a stretch of labeled_dataset.csv",
    ),
    "a row missing": (
        lambda folder: lines(folder / "train.csv", lambda rows: rows[:400] + rows[401:]),
        "train.csv", "not a stretch of labeled_dataset.csv",
    ),
    "longer than the tape": (
        lambda folder: lines(folder / "train.csv", lambda rows: rows + rows[1:] + rows[1:]),
        "train.csv", "not a stretch of labeled_dataset.csv",
    ),
    "val before train": (
        lambda folder: shutil.copy(folder / "train.csv", folder / "val.csv"),
        "val.csv", "not a stretch of labeled_dataset.csv",
    ),
    "other times": (
        lambda folder: pd.read_csv(folder / "val.csv").assign(timestamp="yesterday").to_csv(folder / "val.csv"),
        "val.csv", "not a time",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_folder_that_does_not_fit_together_is_one_line(copy, codes, fault):
    harm, where, what = FAULTS[fault]
    harm(copy)
    refused(copy, codes, what, where=where)


def test_squeezed_splits_are_read(copy, prepared_tables, codes):
    squeeze(copy / "val.csv")
    squeeze(copy / "train.csv")
    assert (read_training_data(copy, codes).val == read_training_data(prepared_tables, codes).val).all()


def test_another_folders_split_is_refused(copy, codes, tmp_path):
    rules = Rules(mr_price_deviation_threshold=0.001, mr_volume_multiplier=1.5, min_volatility_threshold=0.0)
    prepare(simulate(1500, np.random.default_rng(99)), rules, tmp_path / "other", windows=True)
    shutil.copy(tmp_path / "other" / "val.csv", copy / "val.csv")
    refused(copy, codes, "not a stretch of labeled_dataset.csv", "prepare the folder again", where="val.csv")


def relabelled(folder):
    frame = read_tape(folder / "val.parquet")
    sides = np.full(len(frame), "BUY", dtype=object)
    write_tape(replace(frame, labels={**frame.labels, "label_side": sides}), folder / "val.parquet")


def another_tape(folder):
    write_tape(simulate(200, np.random.default_rng(1)), folder / "val.parquet")


def listed(folder, change):
    facts = json.loads((folder / "splits.json").read_text())
    change(facts)
    (folder / "splits.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("harm", "where", "what"),
    [
        (lambda folder: (folder / "val.parquet").unlink(), "val.parquet", "there is no such tape"),
        (lambda folder: os.truncate(folder / "train.parquet", 5000), "train.parquet", "can't be read"),
        (lambda folder: (folder / "train.parquet").write_text(""), "train.parquet", "can't be read"),
        (relabelled, "val.parquet", "not those that splits.json lists"),
        (another_tape, "val.parquet", "not those that splits.json lists"),
        (lambda folder: shutil.copy(folder / "train.parquet", folder / "val.parquet"), "val.parquet", "not those"),
        (lambda folder: (folder / "splits.json").write_text("[1]"), "splits.json", ""),
        (lambda folder: (folder / "splits.json").write_text("{"), "splits.json", ""),
        (lambda folder: listed(folder, lambda facts: facts["splits"].pop("val")), "splits.json", "no validation split"),
        (lambda folder: listed(folder, lambda facts: facts.pop("source_hash")), "splits.json", "not a readable list"),
        (lambda folder: listed(folder, lambda facts: facts["splits"].update(val=3)), "splits.json", "not a readable list"),
    ],
)  # fmt: skip
def test_split_tapes_that_were_changed_are_one_line(tapes, codes, harm, where, what):
    harm(tapes)
    refused(tapes, codes, what, where=where)


def test_a_split_of_one_class_is_refused(codes, tmp_path):
    calm = Rules(mr_price_deviation_threshold=0.5, breakout_price_momentum=0.5)
    prepare(simulate(1500, np.random.default_rng(7)), calm, tmp_path / "calm")
    refused(tmp_path / "calm", codes, "the train split holds one class only", "use a longer tape")


# The prompt's ceiling.


@pytest.mark.real
def test_the_seeds_sentence_can_not_carry_the_label(rook_folder):
    from rook_bench.training.ceiling import prompt_ceiling
    from rook_bench.training.data import draw_rows

    data = read_training_data(rook_folder, load_template("seed"))
    ceiling = prompt_ceiling(data, draw_rows(data.train, 1000, 0), 0)  # the rows a run takes by default
    assert 0.4 < ceiling.boosted < 0.6
    assert ceiling.all_features > 0.9
    assert not ceiling.carries
    first, warning = ceiling.describe("seed")
    assert first.startswith("prompt ceiling of seed (macro-F1 on validation): boosted trees 0.")
    assert warning.startswith("warning: this prompt can't carry the label")
    assert f"{ceiling.all_features:.3f}" in warning
    everything = prompt_ceiling(data, data.train, 0)
    assert everything.boosted < 0.7
    assert not everything.carries


@pytest.mark.real
def test_codes_carry_the_label(rook_folder, codes):
    from rook_bench.training.ceiling import prompt_ceiling

    data = read_training_data(rook_folder, codes)
    ceiling = prompt_ceiling(data, data.train, 0)
    assert ceiling.boosted >= 0.9
    assert ceiling.carries
    assert len(ceiling.describe("codes")) == 1
    assert ceiling.majority < 0.35


def test_the_ceiling_is_of_the_numbers_shown(prepared, codes):
    """A prompt whose numbers are scrambled carries nothing, whatever all features would tell."""
    from dataclasses import replace

    from rook_bench.training.ceiling import prompt_ceiling

    data = read_training_data(prepared, codes)
    honest = prompt_ceiling(data, data.train, 0)
    noise = np.random.default_rng(0).normal(size=data.prompts.shown.shape)
    blind = prompt_ceiling(replace(data, prompts=replace(data.prompts, shown=noise)), data.train, 0)
    assert honest.boosted > blind.boosted + 0.2
    assert honest.carries
    assert not blind.carries
    assert blind.all_features == pytest.approx(honest.all_features, abs=0.2)
    assert blind.majority == honest.majority == pytest.approx(2 * 109 / (109 + 121) / 3)


def test_a_prompt_is_called_short_only_where_no_classifier_reaches_what_all_features_give():
    from rook_bench.training.ceiling import Ceiling

    def ceiling(**reached):
        return Ceiling(**{"majority": 0.2, "logistic": 0.4, "all_features": 0.9} | reached)

    assert ceiling(boosted=0.88, tree=0.5).carries
    assert ceiling(boosted=0.5, tree=0.88).carries  # the numbers suffice, whatever the boosted trees made of them
    short = ceiling(boosted=0.5, tree=0.55)
    assert not short.carries
    first, warning = short.describe("codes")
    assert "boosted trees 0.500" in first
    assert "0.900" in warning
    assert "0.55" not in warning  # one number is the ceiling
