"""Long columns of text: what they read as, whatever the size of parts and however many texts there are."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import mapped, texts
from rook_bench.core.arrays import text_column
from rook_bench.core.texts import Gathering, Texts


@pytest.fixture
def short_blocks(monkeypatch):
    """Columns are long from four rows on, with blocks of five rows; texts of two are kept as bytes."""
    monkeypatch.setattr(mapped, "MAPPED_FROM", 32)
    monkeypatch.setattr(texts, "BLOCK", 5)
    monkeypatch.setattr(texts, "MANY", 2)


words = st.text(max_size=6) | st.sampled_from(["BUY", "HOLD", "half of a pair: \ud800"])


@given(
    st.lists(words, max_size=40), st.lists(st.integers(1, 9), max_size=9), st.integers(-45, 45), st.integers(-45, 45)
)
def test_a_long_column_reads_as_an_array_does(column, cuts, start, stop):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapped, "MAPPED_FROM", 32)
        patch.setattr(texts, "BLOCK", 5)
        patch.setattr(texts, "MANY", 2)
        plain, made, left = text_column(column), Gathering(len(column)), column
        for cut in [*cuts, len(column)]:
            made.add(left[:cut])
            left = left[cut:]
        told = made.column()
        assert isinstance(told, Texts) == (len(column) >= 4)
        assert (told.shape, told.dtype, len(told)) == (plain.shape, plain.dtype, len(plain))
        assert list(told) == told.tolist() == plain.tolist()
        assert np.asarray(told).tolist() == plain.tolist()
        assert told[start:stop].tolist() == plain[start:stop].tolist()
        assert told[start:stop:3].tolist() == plain[start:stop:3].tolist()
        rows = np.array([row for row in (start, stop, 0, -1) if -len(plain) <= row < len(plain)], dtype=np.intp)
        assert told[rows].tolist() == plain[rows].tolist()
        assert [told[row] for row in rows.tolist()] == plain[rows].tolist()
        mask = np.arange(len(plain)) % 3 == 1
        assert told[mask].tolist() == plain[mask].tolist()
        assert (told == plain).tolist() == [True] * len(plain)
        assert (told == "BUY").tolist() == (plain == "BUY").tolist()
        assert (told != "BUY").tolist() == (plain != "BUY").tolist()
        assert texts.some(told, slice(start, stop)).tolist() == plain[start:stop].tolist()
        assert texts.different(told) == texts.different(plain) == set(column)
        assert texts.joined([told, plain]).tolist() == plain.tolist() * 2
        assert pickle.loads(pickle.dumps(told)).tolist() == plain.tolist()


def test_rows_that_are_not_there_are_refused(short_blocks):
    told = texts.joined([text_column("abcdefgh")])
    with pytest.raises(IndexError):
        told[8]
    with pytest.raises(IndexError):
        told[np.array([0, 8])]


def test_a_column_of_one_text_costs_nothing_and_stays_so(short_blocks):
    same = np.broadcast_to(text_column(["r"]), 50)
    assert texts.kept(same).strides == (0,)
    assert isinstance(texts.kept(text_column(["r"] * 50)), Texts)


def test_a_short_column_is_an_array_that_nobody_changes():
    column = texts.kept(text_column(["a", "b"]))
    with pytest.raises(ValueError, match="read-only"):
        column[0] = "c"


def test_what_a_text_costs(monkeypatch):
    """Two bytes a row, and each different text of a block once."""
    rows = 1 << 19
    words = text_column(["a", "longer"])
    made = texts.by_part(rows, lambda part: words[np.arange(part.start, part.stop) % 2])
    assert isinstance(made, Texts)
    assert made._codes.nbytes == 2 * rows
    assert [len(table) for table in made._tables] == [2] * (rows // texts.BLOCK)
