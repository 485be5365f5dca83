"""Part of a tape: which rows, what they remember, and what is said of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from rook_bench.core import RookError
from rook_bench.dataset.prepare import held_out, prepare
from rook_bench.dataset.rules import Rules
from rook_bench.dataset.splits import SplitPlan, split_rows
from rook_bench.market.features import compute_features
from rook_bench.market.frame import RECORDED
from rook_bench.sources.decide import Source
from rook_bench.workbench.rows import part_of


@pytest.fixture(scope="module")
def hours(make_frame):
    """A swap each hour from noon on the first of January 2025 to eleven on the third."""
    return make_frame([2000.0 + row for row in range(48)], seconds=[3600 * row for row in range(48)])


def first_and_last(frame):
    return str(frame.at[0])[:16], str(frame.at[-1])[:16], len(frame)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"since": "2025-01-02"}, ("2025-01-02T00:00", "2025-01-03T11:00", 36)),
        ({"until": "2025-01-02"}, ("2025-01-01T12:00", "2025-01-01T23:00", 12)),
        ({"since": "2025-01-02", "until": "2025-01-03"}, ("2025-01-02T00:00", "2025-01-02T23:00", 24)),
        ({"since": "2025-01-02T06:00Z"}, ("2025-01-02T06:00", "2025-01-03T11:00", 30)),
        ({"since": "2025-01-02T06:00+02:00"}, ("2025-01-02T04:00", "2025-01-03T11:00", 32)),
        ({"since": "2025-01-02T05:30", "limit": 2}, ("2025-01-02T06:00", "2025-01-02T07:00", 2)),
        ({"since": datetime(2025, 1, 3)}, ("2025-01-03T00:00", "2025-01-03T11:00", 12)),
        ({"since": datetime(2025, 1, 3, 2, tzinfo=timezone(timedelta(hours=2)))}, ("2025-01-03T00:00", "2025-01-03T11:00", 12)),
        ({"limit": 3}, ("2025-01-01T12:00", "2025-01-01T14:00", 3)),
        ({"limit": 1000}, ("2025-01-01T12:00", "2025-01-03T11:00", 48)),
        ({"since": "2024-01-01", "until": "2026-01-01"}, ("2025-01-01T12:00", "2025-01-03T11:00", 48)),
    ],
)  # fmt: skip
def test_between_two_times_and_the_first_of_them(hours, asked, expected):
    assert first_and_last(part_of(hours, **asked)) == expected


def test_nothing_asked_is_the_same_frame(hours):
    assert part_of(hours) is hours


def test_two_halves_are_the_whole(hours):
    border = datetime(2025, 1, 2, 7, tzinfo=UTC)
    before, after = part_of(hours, until=border), part_of(hours, since=border)
    assert len(before) + len(after) == len(hours)
    assert after.at[0] > before.at[-1]


SPAN = "it spans 2025-01-01 12:00:00 to 2025-01-03 11:00:00 UTC"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"since": "2025-02-01"}, f"from 2025-02-01 00:00:00: the tape ends before it; {SPAN}"),
        ({"until": "2025-01-01T12:00"}, f"to 2025-01-01 12:00:00: the tape begins after it; {SPAN}"),
        ({"since": "2025-01-02T01:10", "until": "2025-01-02T01:20"}, f"no swap lies there; {SPAN}"),
        ({"since": "2025-01-03", "until": "2025-01-02"}, "it is not after the time to begin from"),
        ({"since": "yesterday"}, "from: 'yesterday' is not a time; write 2025-01-31 or 2025-01-31T12:00Z"),
        ({"until": "0001-01-01"}, "1 is not a year of any tape"),
        ({"limit": 0}, "limit: 0 is no number of swaps"),
        ({"split": "tset"}, "unknown split 'tset'; did you mean 'test'"),
        ({"split": "test"}, "48 swaps leave no train window"),
        ({"split": "test", "plan": SplitPlan(purge=0, seq_len=2), "until": "2025-01-02"}, "no swap of the test split lies there"),
        ({"split": "validation", "plan": SplitPlan(purge=0, seq_len=2, val_share=0.0)}, "no swap of the validation split"),
    ],
)  # fmt: skip
def test_what_leaves_nothing_is_an_error_in_one_line(hours, asked, message):
    with pytest.raises(RookError) as caught:
        part_of(hours, **asked)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("split", "name"), [("train", "train"), ("validation", "val"), ("test", "test")])
def test_splits_are_those_of_prepare(tape, split, name):
    rows = getattr(split_rows(len(tape), SplitPlan()), name)
    part = part_of(tape, split=split)
    np.testing.assert_array_equal(part.at, tape.at[rows])
    assert part.sqrt_price_x96 == tape.sqrt_price_x96[rows]


def test_the_test_split_is_what_the_demo_holds_out(tape):
    mine, theirs = part_of(tape, split="test"), held_out(tape, Rules())
    assert mine.data_hash == replace(theirs, labels={}).data_hash


def test_a_later_part_remembers_what_came_before_it(tape, root):
    """The rules decide as they did on the whole tape wherever the features they use are remembered."""
    part = part_of(tape, since=str(tape.at[1200]))
    start = len(tape) - len(part)
    whole, own = compute_features(tape)[start:], compute_features(part)
    for name in RECORDED:
        np.testing.assert_array_equal(own[name], whole[name])
    # A bare slice has forgotten.
    assert not np.array_equal(compute_features(tape[start:])["volatility"], whole["volatility"])
    decide = Source.parse(f"rules:{root / 'strategies' / 'data_driven.json'}").ask
    later = 20  # the rules say nothing on the first rows of a tape
    np.testing.assert_array_equal(decide(part).side[later:], decide(tape).side[start + later :])


def test_a_part_from_the_start_is_a_plain_slice(tape):
    assert part_of(tape, limit=700).data_hash == tape[:700].data_hash


def test_a_tape_without_volumes_stays_one(tape):
    bare = replace(tape, amount0=None, amount1=None, history=None)
    part = part_of(bare, since=str(tape.at[500]))
    assert set(part.recorded) == {
        *("volatility", "price_change", "tick_change", "time_diff", "price_deviation", "momentum_10")
    }
    assert np.isnan(part.volume).all()


def test_what_was_taken_is_noted(hours, tape):
    assert part_of(hours, limit=2).notes == ("swaps 1 to 2 of 48, 2025-01-01 12:00:00 to 2025-01-01 13:00:00 UTC",)
    note = part_of(hours, since="2025-01-03", until="2025-01-04").notes[-1]
    assert note == f"swaps 37 to 48 of 48, 2025-01-03 00:00:00 to 2025-01-03 11:00:00 UTC; {SPAN}"
    assert part_of(tape, split="test").notes[-1].startswith("swaps 1,705 to 2,000 of 2,000 (test split), ")
    assert part_of(tape, limit=2).notes[:-1] == tape.notes


# The splits of a prepared folder.


LOOSE = Rules(mr_price_deviation_threshold=0.001, min_volatility_threshold=0.0)


@pytest.fixture(scope="module")
def folder(tape, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "p"
    prepare(tape, LOOSE, folder, plan=SplitPlan(purge=50, test_share=0.3))
    return folder


def test_a_prepared_split_is_the_folders_with_its_labels(tape, folder):
    part = part_of(tape, split="test", prepared=folder)
    splits = split_rows(len(tape), SplitPlan(purge=50, test_share=0.3))
    assert len(part) == len(splits.test) != len(part_of(tape, split="test"))
    assert part.data_hash == held_out(tape, LOOSE, SplitPlan(purge=50, test_share=0.3)).data_hash
    assert part.notes[-1] == f"swaps {splits.test[0] + 1:,} to {len(tape):,} of {len(tape):,} (test split)"
    first = part_of(tape, split="train", prepared=str(folder), limit=10)
    assert len(first) == 10
    assert first.at[0] == tape.at[29]


def test_every_feature_and_every_decision_of_a_prepared_split_is_that_of_the_whole_tape(tape, folder):
    whole = compute_features(tape)
    rules = Source.parse("rules:data_driven")
    decided = rules.ask(tape)
    for name, rows in split_rows(len(tape), SplitPlan(purge=50, test_share=0.3)).items():
        part = part_of(tape, split="validation" if name == "val" else name, prepared=folder)
        found = compute_features(part)
        for column in whole:
            np.testing.assert_array_equal(found[column], whole[column].iloc[rows], err_msg=f"{name} {column}")
        later = slice(20, None)  # the rules say nothing on the first rows of a tape
        np.testing.assert_array_equal(rules.ask(part).side[later], decided.side[rows][later])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": None}, "prepared: it says where the splits lie, and none is asked for; add --split test"),
        ({"split": "tset"}, "unknown split 'tset'; did you mean 'test'"),
        ({"prepared": "nowhere"}, "nowhere: no such folder"),
        ({"prepared": "."}, "holds no splits.json"),
        ({"rows": slice(0, 900)}, "was prepared from another tape than"),
        ({"limit": 0}, "limit: 0 is no number of swaps"),
    ],
)
def test_a_folder_that_is_not_of_this_tape_is_refused(tape, folder, tmp_path, monkeypatch, change, message):
    monkeypatch.chdir(tmp_path)
    asked = {"split": "test", "prepared": folder} | change
    with pytest.raises(RookError) as caught:
        part_of(tape[asked.pop("rows", slice(None))], **asked)
    assert message in str(caught.value)
