"""One date cuts several pools: nothing that is learned of one is the future of another."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rook_bench.core import InputError
from rook_bench.dataset.common_split import CommonSplit, SplitRows, folders_of
from rook_bench.market.features import LOOKBACK

START = np.datetime64("2024-01-01T00:00:00", "ns")


def pool(name, rows, every_s, begins_s, val_share=0.2, purge=100, test=True):
    """A folder of a pool that swaps every so often, cut by its own shares of its rows."""
    at = START + (begins_s + every_s * np.arange(rows)) * np.timedelta64(1, "s")
    border, judged = int(rows * (1 - 2 * val_share)), int(rows * (1 - val_share))
    train, val = np.arange(0, max(border - purge, 1)), np.arange(border, judged - purge)
    return SplitRows(Path(name), at, train, val, at[judged] if test else None)


@st.composite
def pools(draw):
    count = draw(st.integers(2, 4))
    return [
        pool(
            f"pool-{place}",
            draw(st.integers(1500, 4000)),
            draw(st.integers(5, 60)),
            draw(st.integers(0, 5000)),
            draw(st.floats(0.15, 0.3)),
            draw(st.sampled_from([0, 100])),
            draw(st.booleans()),
        )
        for place in range(count)
    ]


@given(pools())
def test_no_row_is_at_or_after_the_date_of_a_later_split(given_pools):
    common = CommonSplit.of(given_pools)
    assert common.validation_from == min(one.at[one.val[0]] for one in given_pools)
    tests = [one.judged_from for one in given_pools if one.judged_from is not None]
    assert common.test_from == (min(tests) if tests else None)
    learned, chosen_by = [], []
    for one in given_pools:
        try:
            train, val = common.cut(one)
        except InputError:
            assume(False)
        learned.append(one.at[train])
        chosen_by.append(one.at[val])
        assert set(train) <= set(one.train)
        assert set(val) <= {*one.train, *one.val}
        # Features of what comes after the date look back on rows before it.
        assert val[0] - train[-1] > LOOKBACK or len(train) == len(one.train)
    latest = max(at[-1] for at in learned)
    for one, at in zip(given_pools, chosen_by, strict=True):
        assert latest < at[0]
        assert latest < one.at[one.val[0]]
        for test in tests:
            assert at[-1] < test


def test_a_pool_of_its_own_time_is_refused_and_says_why():
    early, late = pool("early", 2000, 10, 0), pool("late", 2000, 10, 100_000)
    common = CommonSplit.of([early, late])
    common.cut(early)
    with pytest.raises(
        InputError, match="no row before 2024-01-01T03:20:00, when validation begins in one of the pools"
    ):
        common.cut(late)
    ends = pool("ends", 1500, 2, 0)
    other = pool("other", 4000, 600, 1400)
    with pytest.raises(InputError, match="cut at one time") as refused:
        CommonSplit.of([ends, other]).cut(other)
    assert "prepare the pools over the same stretch of time (--from, --to" in str(refused.value)


def test_nothing_is_no_folder():
    with pytest.raises(InputError, match="no prepared folder is given"):
        folders_of([])


def test_rules_that_were_fitted_to_another_pools_future_are_refused(tmp_path):
    """Planted: thresholds from rows after the common date; those of a pool that is cut at its own date are fine."""
    early, late = pool(tmp_path / "early", 2000, 10, 0), pool(tmp_path / "late", 4000, 10, 0)
    for one in (early, late):
        one.folder.mkdir()
        (one.folder / "rules.json").write_text("{}")
    common = CommonSplit.of([early, late])
    common.cut(early)
    with pytest.raises(InputError, match="its rules were fitted on rows until .*--validation-from 2024-01-01T03:20:00"):
        common.cut(late)
    (late.folder / "rules.json").unlink()
    common.cut(late)
