"""Decisions as a file of one's own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rook_bench.core import InputError
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.sources.saved import read_decisions
from rook_bench.workbench.decisions import check_format, save_decisions


@pytest.fixture
def decisions(sides):
    texts = np.array(["BUY 0.5", "", "SELL, 0.5\nfor sure", "no idea"], dtype=object)
    side = np.array([0, 1, 2, UNPARSED], dtype=np.int8)
    return replace(sides("BHSH", confidence=0.25), side=side, raw_text=texts)


@pytest.fixture
def swaps(make_frame):
    return make_frame([2000.0, 2001.0, 2002.0, 2003.0])


def test_csv_is_a_table_that_any_program_reads(decisions, swaps, tmp_path):
    save_decisions(decisions, swaps, tmp_path / "d.csv", {"source": "x"})
    table = pd.read_csv(tmp_path / "d.csv", keep_default_na=False)
    assert table.columns.tolist() == [
        "at", "price", "side", "size", "slippage_bps", "deadline_s", "confidence", "reason", "raw_text",
    ]  # fmt: skip
    assert table["side"].tolist() == ["BUY", "HOLD", "SELL", "UNPARSED"]
    assert table["size"].tolist() == [0.5, 0.0, 0.5, 0.0]
    assert pd.to_datetime(table["at"]).tolist() == swaps.at_index.tolist()
    assert table["price"].tolist() == swaps.price.tolist()
    assert table["raw_text"].tolist() == decisions.raw_text.tolist()


def test_parquet_reads_back(decisions, swaps, tmp_path):
    save_decisions(decisions, swaps, tmp_path / "d.parquet", {"source": "x"})
    tape, facts = read_decisions(tmp_path / "d.parquet")
    assert tape.content_hash == decisions.content_hash
    assert facts["source"] == "x"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("d", "d: the name has no ending; end it in .parquet"),
        ("d.txt", r"'\.txt' is no format of decisions; end it in"),
    ],
)
def test_other_endings_are_refused(decisions, swaps, tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        check_format(Path(name))
    with pytest.raises(InputError, match=message):
        save_decisions(decisions, swaps, tmp_path / name, {})
    assert list(tmp_path.iterdir()) == []
