"""Parts of a tape as one: nothing that a part carries is lost on the way."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core import InputError
from rook_bench.ingest.importing import import_others
from rook_bench.ingest.read import read_swaps
from rook_bench.market.frame import COLUMNS, SwapFrame


def test_parts_of_a_tape_give_the_tape(tape):
    whole = SwapFrame.concat([tape[:700], tape[700:900], tape[900:]], source=tape.source)
    assert whole.data_hash == tape.data_hash
    assert SwapFrame.concat([tape]).data_hash == tape.data_hash


def test_labels_and_recorded_features_are_stacked(tape):
    labels = {"label_side": np.array(["BUY", "HOLD"] * 1000, dtype=object)}
    recorded = {"volatility": np.linspace(0, 1, 2000)}
    full = replace(tape, labels=labels, recorded=recorded, history=None)
    whole = SwapFrame.concat([full[:3], full[3:]])
    assert whole.labels["label_side"].tolist() == labels["label_side"].tolist()
    np.testing.assert_array_equal(whole.recorded["volatility"], recorded["volatility"])


def test_a_column_that_one_part_lacks_is_left_out(tape):
    bare = replace(tape[1000:], amount0=None, history=None)
    whole = SwapFrame.concat([tape[:1000], bare])
    assert whole.amount0 is None
    assert whole.amount1 is not None
    assert whole.history is None


def test_every_column_is_declared(tape):
    assert [*COLUMNS][:3] == ["at", "sqrt_price_x96", "liquidity"]
    assert all((column.dtype is None) != (column.digits == 0) for column in COLUMNS.values())


def test_a_labelled_folder_by_day_is_read_back(rook_folder, tmp_path):
    said = import_others([rook_folder], tmp_path / "days", None, allow_rounded=False, gas_prices=None)
    assert "10,000 swaps" in said[0]
    days, source = read_swaps(tmp_path / "days"), read_swaps(rook_folder)
    assert days.data_hash == source.data_hash
    assert days.labels["label_side"].tolist() == source.labels["label_side"].tolist()


def test_a_frame_reads_like_a_line(short_tape):
    assert repr(short_tape[:2]) == "<SwapFrame WETH/USDC v3: 2 swaps, 2025-01-01T00:00:00 to 2025-01-01T00:00:12 UTC>"


@pytest.mark.parametrize("name", ["block", "tx_index", "log_index"])
def test_a_place_on_the_chain_is_not_negative(tape, name):
    places = np.array(getattr(tape, name))
    places[:3] = -3
    with pytest.raises(InputError, match=f"{name} is negative at swap 1"):
        replace(tape, **{name: places})
