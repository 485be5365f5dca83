"""A tape cut into folds: nothing that is judged was learned from, and nothing that is learned from looks at it."""

import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rook_bench.core import ConfigError, InputError
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.folds import RECORD, FoldPlan, cut, of_fold, read_folds
from rook_bench.dataset.prepare_folds import TAPE, prepare_folds
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.dataset.splits import SplitPlan
from rook_bench.ingest.read import read_swaps
from rook_bench.market.features import LOOKBACK
from rook_bench.market.tape_file import read_tape
from rook_bench.workbench.fine_tune_folds import prepare_folds as door

PLANS = st.one_of(
    st.integers(1, 6).map(lambda k: {"walk_forward": k}),
    st.sampled_from([(3, 1), (4, 2), (5, 2), (5, 3)]).map(lambda pair: {"purged": pair}),
)


def plan_of(asked, **split):
    return FoldPlan.parse(asked | {"split": split}, where="test")


def test_rows_of_one_second_and_of_one_block_stay_together(tape):
    step = np.arange(len(tape)) % 4 * np.timedelta64(1, "ms")
    at, block = np.sort(tape.at + step.astype("timedelta64[ns]")), tape.block // 3
    within = replace(tape, at=at, block=block, log_index=None, tx_index=None, history=None)
    seconds = within.at.astype("datetime64[s]")
    for count in range(1, 12):
        made = cut(within, FoldPlan(walk_forward=count, split=SplitPlan(purge=0)))
        for stretch, splits in zip(made.folds.stretches, made.splits, strict=True):
            for row in (stretch.first, int(splits.val[0])):
                assert seconds[row] != seconds[row - 1]
                assert within.block[row] != within.block[row - 1]


@settings(max_examples=60)
@given(asked=PLANS, rows=st.integers(600, 2000), purge=st.integers(0, 130), embargo=st.integers(0, 40))
def test_what_is_learned_from_lies_apart_from_what_is_judged(tape, asked, rows, purge, embargo):
    frame = tape[:rows]
    plan = plan_of(asked, purge=purge, embargo=embargo)
    try:
        made = cut(frame, plan)
    except InputError:
        parts = plan.walk_forward + 1 if plan.walk_forward else plan.purged[0]
        assert rows / parts < 20 * (purge + embargo) + 100  # no tape is refused that has room
        return
    apart, seconds = purge + embargo, frame.at.astype("datetime64[s]")
    for splits, held_out in zip(made.splits, made.folds.folds, strict=True):
        stretches = [made.folds.stretches[place] for place in held_out]
        learned = np.concatenate([splits.train, splits.val])
        assert (np.diff(learned) > 0).all()
        assert splits.val[0] - splits.train[-1] > apart
        assert seconds[splits.val[0]] != seconds[splits.train[-1]]
        for one in stretches:
            assert not ((learned >= one.first - apart) & (learned <= one.last + apart)).any()
        assert set(splits.test) == {
            row for one in stretches for row in range(one.first, one.last + 1) if row >= SplitPlan().seq_len - 1
        }
        if made.folds.forward:
            assert learned[-1] < stretches[0].first
    # The stretches follow each other, each is decided once on every path, and a time tells whose it is.
    for earlier, later in zip(made.folds.stretches, made.folds.stretches[1:], strict=False):
        assert later.first == earlier.last + 1
        assert later.begins.astype("datetime64[s]") > earlier.ends.astype("datetime64[s]")
        assert frame.block[later.first] > frame.block[earlier.last]
    assert made.folds.stretches[-1].last == rows - 1
    for path in made.folds.paths:
        assert all(place in made.folds.folds[fold] for place, fold in enumerate(path))


def test_every_choice_of_groups_is_a_fold_and_the_paths_use_each_of_its_groups_once(tape):
    made = cut(tape, plan_of({"purged": (5, 2)}))
    assert made.folds.folds == [list(pick) for pick in combinations(range(5), 2)]
    assert len(made.folds.paths) == 4  # 10 folds of 2 groups each, 5 groups
    used = sorted((place, fold) for path in made.folds.paths for place, fold in enumerate(path))
    assert used == sorted((place, fold) for fold, held in enumerate(made.folds.folds) for place in held)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "walk_forward or purged"),
        ({"walk_forward": 3, "purged": (4, 2)}, "walk_forward or purged"),
        ({"walk_forward": 0}, "greater than or equal to 1"),
        ({"walk_forward": 101}, "101 folds; 100 are the most"),
        ({"purged": (20_000, 10_000)}, "20,000 groups are at least as many folds"),
        ({"purged": (4, 4)}, "4 of 4 groups can't be held out"),
        ({"purged": (20, 10)}, "184,756 folds; 100 are the most"),
    ],
)
def test_plans_that_can_not_be(asked, message):
    with pytest.raises(ConfigError, match=message):
        plan_of(asked)


def test_a_tape_that_is_too_short(tape):
    with pytest.raises(InputError, match="250 swaps are too few for 3 stretches"):
        cut(tape[:250], plan_of({"walk_forward": 3}))


@pytest.fixture(scope="module")
def forward(tape, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds") / "forward"
    return prepare_folds(tape, rules_of("fit:mean-reversion,breakout"), folder, plan_of({"walk_forward": 3}))


def test_a_fold_is_a_prepared_folder_and_its_rules_come_from_its_own_rows(tape, forward):
    thresholds = []
    for number, name in enumerate(forward.folds.names):
        parts = {split: split_tape(forward.folder / name, split) for split in ("train", "validation", "test")}
        frames = {split: part.read() for split, part in parts.items()}
        stretch = forward.folds.stretches[number]
        assert frames["train"].at[-1] < frames["validation"].at[0] < frames["test"].at[0] == stretch.begins
        assert parts["test"].first - parts["validation"].last > LOOKBACK
        thresholds.append(json.loads((forward.folder / name / "rules.json").read_text(encoding="utf-8")))
    assert len({json.dumps(one) for one in thresholds}) == 3
    # No row that comes later has a say in what the first fold learned.
    again = prepare_folds(
        tape[: forward.folds.stretches[0].last + 1],
        rules_of("fit:mean-reversion,breakout"),
        forward.folder.parent / "earlier",
        FoldPlan(walk_forward=1),
    )
    name = forward.folds.names[0]
    assert json.loads((again.folder / name / "rules.json").read_text(encoding="utf-8")) == thresholds[0]
    for split in ("train", "validation"):
        assert split_tape(again.folder / name, split).data_hash == split_tape(forward.folder / name, split).data_hash


def test_the_judged_tape_has_each_stretch_as_its_fold_labels_it(tape, forward):
    judged = read_tape(forward.folder / TAPE)
    first = forward.folds.stretches[0].first
    assert len(judged) == len(tape) - first
    for number, (name, stretch) in enumerate(zip(forward.folds.names, forward.folds.stretches, strict=True)):
        test = split_tape(forward.folder / name, "test").read()
        rows = slice(stretch.first - first, stretch.last - first + 1)
        for column in ("label_side", "label_rule"):
            assert (judged.labels[column][rows] == test.labels[column]).all(), number
        np.testing.assert_array_equal(judged.recorded["volatility"][rows], test.recorded["volatility"])
        assert (judged.at[rows] == test.at).all()


def test_features_of_a_fold_know_the_rows_before_it_and_a_hole_is_a_hole(tape, tmp_path):
    made = prepare_folds(tape, rules_of("strategies/data_driven.json"), tmp_path / "f", plan_of({"purged": (4, 1)}))
    inner = made.folds.names[1]  # learns from both sides of the second group
    train = split_tape(made.folder / inner, "train").read()
    places = np.searchsorted(tape.at, train.at, side="left")
    jumps = np.flatnonzero(np.diff(places) > LOOKBACK) + 1
    assert len(jumps) == 1
    assert set(jumps) <= set(train.holes.tolist())
    assert train.history is None


def test_a_record_of_folds_that_nobody_should_trust(forward, tmp_path):
    good = json.loads((forward.folder / RECORD).read_text(encoding="utf-8"))
    leak = {"paths": [[1, 1, 2]]}  # the second fold learned from the first stretch
    never = [good["stretches"][0] | {"first_at": "NaT", "last_at": "NaT"}, *good["stretches"][1:]]
    many = {"stretches": good["stretches"] * 50}
    for number, damage in enumerate(
        [
            leak,
            {"stretches": never},
            many,
            {"paths": [[0, 1]]},
            {"folds": [[9]]},
            {"stretches": good["stretches"][::-1]},
            {"version": 2},
            {"x": 1},
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / RECORD).write_text(json.dumps(good | damage), encoding="utf-8")
        with pytest.raises(InputError, match="the list of folds can't be read"):
            read_folds(folder, "data")
    (tmp_path / "0" / RECORD).write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="can't be read"):
        read_folds(tmp_path / "0", "data")


def test_what_is_no_folder_of_folds(forward, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_folds(tmp_path / "absent", "data")
    with pytest.raises(InputError, match=r"holds no folds\.json"):
        read_folds(tmp_path, "data")
    with pytest.raises(InputError, match="its folds hold data.*rook-bench train"):
        read_folds(forward.folder, "adapters")
    assert of_fold(forward.folder, "fold-2") == forward.folder / "fold-2"
    assert of_fold(tmp_path, "fold-2") == tmp_path


def test_a_folder_of_folds_is_read_as_what_is_judged(forward, command_line):
    assert read_swaps(forward.folder).data_hash == read_tape(forward.folder / TAPE).data_hash
    with pytest.raises(InputError, match=r"one fold's splits; name one of them, such as .*fold-1/test\.parquet"):
        read_swaps(forward.folder / "fold-1")
    code, out, err = command_line("doctor", "data", forward.folder)
    assert (code, err) == (0, "")
    assert "missing" not in out
    assert [out.count(f"fold-{number}:") for number in (1, 2, 3)] == [1, 1, 1]
    (forward.folder / "fold-2" / "val.parquet").rename(forward.folder / "away.parquet")
    try:
        assert "there is no such tape" in command_line("doctor", "data", forward.folder)[1]
    finally:
        (forward.folder / "away.parquet").rename(forward.folder / "fold-2" / "val.parquet")


def test_where_one_fold_is_asked_for_all_of_them_are_refused(forward):
    from rook_bench.language.template import load_template
    from rook_bench.training.data import read_training_data

    for ask in (
        lambda: split_tape(forward.folder, "test"),
        lambda: read_training_data(forward.folder, load_template("codes")),
    ):
        with pytest.raises(InputError, match=r"holds folds, and one is asked for; name one, such as .*fold-1"):
            ask()


def test_nothing_is_left_where_rules_can_not_be_fitted(tape, tmp_path):
    with pytest.raises(InputError, match="fold-1 of"):
        door(tape, "fit:breakout", tmp_path / "f", walk_forward=2, target_action_rate=0.5)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_each_fold_learns_from_and_is_judged_on(command_line, forward, tmp_path):
    data = forward.folder / TAPE
    code, out, err = command_line(
        *("data", "prepare", data, "--rules", "data_driven", "--purged", "3,1", "--out", tmp_path / "f")
    )
    assert code == 0, err
    assert "fold-3" in out
    assert f"judge on: {tmp_path / 'f' / TAPE}" in out
    for extra, message in ((["--windows"], "--windows"), (["--walk-forward", "2"], "walk_forward or purged")):
        code, _, err = command_line(
            *("data", "prepare", data, "--rules", "data_driven", "--purged", "3,1", "--out", tmp_path / "g"), *extra
        )
        assert code == 3
        assert message in err
    code, _, err = command_line(
        *("data", "prepare", data, "--rules", "data_driven", "--purged", "6;2", "--out", tmp_path / "g")
    )
    assert (code, "such as 6,2" in err) == (3, True)
    for text in ("²,1", "9999999999,3"):
        code, _, err = command_line(
            *("data", "prepare", data, "--rules", "data_driven", "--purged", text, "--out", tmp_path / "g")
        )
        assert (code, "is not two numbers" in err) == (3, True)
    code, _, err = command_line(*("data", "prepare", forward.folder, "--rules", "data_driven", "--out", forward.folder))
    assert (code, "would be replaced" in err) == (3, True)
    assert not (tmp_path / "g").exists()
