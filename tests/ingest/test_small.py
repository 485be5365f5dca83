"""Small integers read by the column are those read one by one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import InputError
from rook_bench.ingest.text_columns import small


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["1", "199045", "0"], [1, 199045, 0]),
        (["-5", "7"], [-5, 7]),
        (["0x10", "0x0"], [16, 0]),
        (["0x7fffffffffffffff"], [2**63 - 1]),
        (["0x"], [0]),
        (["199045.0", " 5 "], [199045, 5]),
        ([], []),
    ],
)
def test_as_it_is_written(texts, numbers):
    np.testing.assert_array_equal(small(pd.Series(texts, dtype=str, name="n"), Path("log")), numbers)


@pytest.mark.parametrize("text", ["0xffffffffffffffff", "0x8000000000000000", "9223372036854775808", "", "x", "1.5"])
def test_what_is_beyond_or_no_number_is_said(text):
    with pytest.raises(InputError, match="column 'n' is .* at row 2"):
        small(pd.Series(["1", text], dtype=str, name="n"), Path("log"))
