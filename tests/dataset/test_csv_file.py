"""CSV by Arrow's writer: what pandas reads again is what was written."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.dataset.csv_file import write_csv

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), min_size=1)


@given(
    numbers=st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1, max_size=20),
    text=TEXT,
    large=st.integers(-(10**40), 10**40),
)
def test_every_value_is_read_again(tmp_path_factory, numbers, text, large):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    count = len(numbers)
    table = pd.DataFrame(
        {
            "number": np.array(numbers),
            "text": np.array([text] * count, dtype=object),
            "large": np.array([large + row for row in range(count)], dtype=object),
            "small": np.arange(count),
        }
    )
    write_csv(table, path)
    again = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert list(again) == list(table)
    assert again["text"].tolist() == [text] * count
    assert [int(value) for value in again["large"]] == table["large"].tolist()
    assert [int(value) for value in again["small"]] == table["small"].tolist()
    for written, value in zip(again["number"], numbers, strict=True):
        assert (written == "") if np.isnan(value) else float(written) == value


@pytest.mark.parametrize(
    ("text", "line"), [("plain", "plain,1\n"), ("a,b", '"a,b",1\n'), ('say "no"', '"say ""no""",1\n')]
)
def test_quotes_stand_where_they_are_needed(tmp_path, text, line):
    write_csv(pd.DataFrame({"text": [text], "number": [1.0]}), tmp_path / "table.csv")
    head, rest = (tmp_path / "table.csv").read_text().split("\n", 1)
    assert head in ("text,number", '"text","number"')
    assert rest == line
