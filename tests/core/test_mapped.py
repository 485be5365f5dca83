"""Columns longer than memory: the same values by parts of any size, and memory that is given back."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import InputError, mapped
from rook_bench.core.ranks import at_ranks, median, quantile

SIZES = st.integers(1, 50)


@pytest.fixture
def small(monkeypatch):
    """Columns of more than 100 bytes lie in files."""
    monkeypatch.setattr(mapped, "MAPPED_FROM", 100)
    monkeypatch.setattr(mapped, "PART", 7)
    monkeypatch.setattr(mapped, "RELEASED", 1000)


def lies_in_a_file(column):
    while isinstance(column, np.ndarray):
        column = column.base
    return column is not None


class TestColumns:
    def test_small_ones_lie_in_memory(self):
        assert not lies_in_a_file(mapped.empty(10))

    def test_large_ones_lie_in_files(self, small):
        column = mapped.by_part(1000, lambda rows: np.arange(rows.start, rows.stop, dtype=np.float64))
        assert lies_in_a_file(column)
        assert column.tolist() == list(range(1000))
        mapped.release()
        assert column.sum() == 499_500

    def test_objects_lie_in_memory(self, small):
        assert not lies_in_a_file(mapped.empty(1000, object))

    def test_records_and_limbs_keep_their_shape(self, small):
        kind = np.dtype([("a", "i8"), ("b", "u8", (4,))])
        assert mapped.empty(100, kind)["b"].shape == (100, 4)
        assert mapped.empty((100, 4), np.uint64).shape == (100, 4)

    @given(rows=st.integers(0, 200), size=SIZES)
    def test_parts_make_up_all_rows(self, rows, size):
        found = [row for part in mapped.parts(rows, size) for row in range(part.start, part.stop)]
        assert found == list(range(rows))

    @given(values=st.lists(st.integers(-5, 5), max_size=100), size=SIZES)
    def test_what_is_gathered_and_counted_is_what_numpy_finds(self, values, size):
        column = np.array(values, dtype=np.int64)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mapped, "PART", size)
            patch.setattr(mapped, "MAPPED_FROM", 64)
            found = mapped.gathered(len(column), lambda rows: column[rows][column[rows] > 0], np.int64)
            assert found.tolist() == column[column > 0].tolist()
            assert mapped.count(len(column), lambda rows: column[rows] > 0) == (column > 0).sum()
            order = np.argsort(column)
            assert mapped.taken(column, order).tolist() == column[order].tolist()
            assert mapped.concatenated([column, column]).tolist() == [*values, *values]
            assert mapped.copied(column).tolist() == values
            assert mapped.full(len(column), 3, np.int8).tolist() == [3] * len(values)

    def test_no_room_is_told_before_a_page_is_written(self, small, monkeypatch):
        def full(*where):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "posix_fallocate", full)
        with pytest.raises(InputError, match=r"a column of .* has no room \(No space left on device\); point TMPDIR"):
            mapped.empty(1000)

    def test_more_files_are_open_than_is_usual(self):
        """A thousand columns at once, in a process that begins with leave for 256 open files."""
        code = (
            "import resource; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))\n"
            "from rook_bench.core import mapped\n"
            "mapped.MAPPED_FROM = 1\n"
            "print(len([mapped.empty(8) for _ in range(1000)]))"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert found.stdout == "1000\n"

    def test_memory_is_given_back(self, monkeypatch):
        """A column of 200 MB is filled and read, and never more than its last parts are in memory."""
        monkeypatch.setattr(mapped, "RELEASED", 1 << 25)
        before, most = resident_mb(), 0.0
        column = mapped.empty(25_000_000)
        for rows in mapped.parts(len(column)):
            column[rows] = 1.0
            most = max(most, resident_mb())
        assert mapped.count(len(column), lambda rows: column[rows] == 1.0) == len(column)
        assert most - before < 100
        assert resident_mb() - before < 100


def resident_mb():
    """Megabytes of this process in memory, files included."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("only Linux tells what is in memory")
    return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1]) / 1e3


NUMBERS = st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=60)


class TestRanks:
    @given(values=NUMBERS, large=st.booleans(), size=SIZES)
    def test_are_those_of_the_sorted_column(self, values, large, size):
        column = np.array(values)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mapped, "PART", size)
            patch.setattr(mapped, "MAPPED_FROM", 1 if large else 1 << 22)
            assert at_ranks(column, range(len(column))) == sorted(values)

    @given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), share=st.floats(0, 1), large=st.booleans())
    def test_quantiles_are_numpys(self, values, share, large):
        column = np.array(values)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(mapped, "MAPPED_FROM", 1 if large else 1 << 22)
            assert quantile(column, share) == np.quantile(column, share)
            assert median(column) == np.median(column)

    def test_of_nothing_and_of_what_is_undefined_is_undefined(self):
        assert np.isnan(median(np.empty(0)))
        assert np.isnan(median(np.array([1.0, np.nan])))
