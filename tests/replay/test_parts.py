"""A tape goes through everything by parts: of any size they give the same bits, columns in memory or in files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parted import in_parts

import rook_bench as rook
from rook_bench.core import InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.frictions import Frictions
from rook_bench.ingest.partition import write_by_day
from rook_bench.market import tape_columns, tape_file
from rook_bench.market.features import compute_conditions, compute_features
from rook_bench.market.row_sketch import RowSketch
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.tape_file import write_tape
from rook_bench.metrics.analysis import analyse
from rook_bench.metrics.performance import under_water
from rook_bench.replay import ReplayConfig, replay
from rook_bench.replay.saved import load_run, save_run
from rook_bench.risk import RiskConfig
from rook_bench.tapecheck.check import check_tape

CONFIGS = [
    ("random", ReplayConfig()),
    (
        "momentum:threshold_bps=1",
        ReplayConfig(
            frictions=Frictions(latency={"seconds": 30}, mev="typical"),
            risk=RiskConfig(filters=("volatility_bounds", "drawdown_stop:0.9"), max_slippage_bps=40),
        ),
    ),
    (
        "rules",
        ReplayConfig(frictions=Frictions(latency={"blocks": 2}), risk=RiskConfig(sizer="confidence")),
    ),
]


def everything(frame, folder):
    """What is found on a tape, in bytes and words."""
    path = folder / "tape.parquet"
    write_tape(frame, path)
    read = rook.read_swaps(path)
    found = [read.data_hash, json.dumps(check_tape(read).to_json() | {"source": ""})]
    found += [compute_features(read).to_numpy().tobytes(), compute_conditions(read).to_numpy().tobytes()]
    found += [read.exact_tick.tobytes(), read.segment.tobytes(), RowSketch.of(read).to_bytes()]
    for source, config in CONFIGS:
        run = replay(read, source, config, fresh=True)
        table = run.orders.to_arrow()
        found += [run.decided.tape.content_hash, repr([column.to_pylist() for column in table.columns])]
        found += [run.equity.tobytes(), run.lookahead.to_json()]
        analysis = analyse(run)
        found += [repr(analysis.estimates), repr(analysis.regimes), repr(analysis.attribution), repr(analysis.markouts)]
        found += [analysis.action_values.best.tobytes(), repr(analysis.reliability)]
        at = folder / source.partition(":")[0]
        at.mkdir(exist_ok=True)
        save_run(run, at)
        found += [load_run(at).equity.tobytes()]
    return found


@pytest.fixture(scope="module")
def life_of_a_pool():
    """Swaps with a tick map, a hole, and rows that share a block."""
    frame = simulate(300, np.random.default_rng(5))
    torn = np.where(np.arange(300) >= 201, np.timedelta64(90, "D"), np.timedelta64(0, "D"))
    return replace(frame, at=frame.at + torn)


@pytest.fixture(scope="module")
def whole(life_of_a_pool, tmp_path_factory):
    """What is found on the tape as a whole."""
    with in_parts(1000, files=False):
        return everything(life_of_a_pool, tmp_path_factory.mktemp("whole"))


@settings(max_examples=3, deadline=None)
@given(size=st.integers(13, 200), files=st.booleans())
def test_parts_of_any_size_give_the_same(life_of_a_pool, whole, tmp_path_factory, size, files):
    with in_parts(size, files=files):
        found = everything(life_of_a_pool, tmp_path_factory.mktemp("parts"))
    assert len(found) == len(whole)
    for mine, theirs in zip(found, whole, strict=True):
        assert mine == theirs


def test_a_folder_of_days_is_read_as_one_tape(life_of_a_pool, tmp_path):
    write_by_day(life_of_a_pool, tmp_path / "days")
    with in_parts(1000, files=False):
        one = rook.read_swaps(tmp_path / "days")
    with in_parts(11, files=True):
        other = rook.read_swaps(tmp_path / "days")
    assert one.data_hash == other.data_hash == life_of_a_pool.data_hash


def test_a_column_that_some_days_lack_is_left_out(life_of_a_pool, tmp_path):
    """Whichever days they are; a value that is missing on some rows alone is one that nobody knows."""
    bare = replace(life_of_a_pool, history=None)
    priced = replace(bare, gas_price=np.arange(300), recorded={"volatility": np.arange(300.0)})
    for name, days in (("first", [bare[:100], priced[100:]]), ("last", [priced[:100], bare[100:]])):
        folder = tmp_path / name
        folder.mkdir()
        listed = []
        for number, day in enumerate(days):
            write_tape(day, folder / f"{number}.parquet")
            listed.append({"day": str(number), "swaps": len(day), "file": f"{number}.parquet"})
        pool = {"pool": bare.pool.model_dump(), "swaps": 300, "days": listed}
        facts = {"version": tape_file.VERSION, "pools": {bare.pool.address: pool}}
        (folder / "tape.json").write_text(json.dumps(facts))
        with in_parts(17, files=True):
            read = rook.read_swaps(folder)
        assert read.gas_price is None
        assert not read.recorded
        assert read.block.tolist() == bare.block.tolist()


@pytest.mark.parametrize("missing", [slice(0, 40), slice(40, 80), slice(260, 300)])
def test_a_value_that_is_missing_is_undefined(life_of_a_pool, tmp_path, missing):
    priced = replace(life_of_a_pool, history=None, recorded={"volatility": np.arange(300.0)}, gas_price=np.arange(300))
    table = tape_file.to_table(priced)

    def without(name):
        values = table[name].to_pylist()
        values[missing] = [None] * 40
        place = table.column_names.index(name)
        return table.set_column(place, name, pa.array(values, table[name].type))

    pq.write_table(without("volatility"), tmp_path / "floats.parquet")
    pq.write_table(without("gas_price"), tmp_path / "integers.parquet")
    with in_parts(20, files=True):
        read = rook.read_swaps(tmp_path / "floats.parquet").recorded["volatility"]
        assert np.isnan(read[missing]).all()
        assert np.nansum(read) == np.arange(300.0).sum() - np.arange(300.0)[missing].sum()
        with pytest.raises(InputError, match="40 values of gas_price are missing"):
            rook.read_swaps(tmp_path / "integers.parquet")


def test_a_text_and_a_number_may_begin_late(life_of_a_pool, tmp_path):
    """Texts that are missing stay missing, and whole numbers become fractions where later rows have some."""
    rule = np.array([None] * 150 + ["RULE"] * 150, dtype=object)
    size = np.array([1] * 150 + [2] * 150)
    labelled = replace(life_of_a_pool, history=None, labels={"label_rule": rule, "label_slippage_bps": size})
    with in_parts(20, files=True):
        write_tape(labelled, tmp_path / "tape.parquet")
        read = rook.read_swaps(tmp_path / "tape.parquet")
        assert read.labels["label_rule"].tolist() == rule.tolist()
        assert read.data_hash == labelled.data_hash
        columns = tape_columns.TapeColumns(6)
        columns.columns["label_size"], columns.filled = np.array([1, 2, 3, 0, 0, 0]), 3
        columns._fill("label_size", pa.chunked_array([[0.5, None, 2.0]]), 0)
        assert columns.columns["label_size"].tolist()[:4] == [1.0, 2.0, 3.0, 0.5]


class TestDecisionsByPart:
    def test_hold_what_every_part_says(self):
        def decide(rows):
            late = rows.start >= 20
            decisions = DecisionTape.from_sides(
                np.full(rows.stop - rows.start, Side.BUY),
                0.5 if late else 1,
                reason=np.array(["a longer reason" if late else "r"] * (rows.stop - rows.start)),
            )
            return replace(decisions, raw_text=np.array(["said"] * len(decisions), dtype=object)) if late else decisions

        with in_parts(10, files=True):
            tape = DecisionTape.by_part(30, decide)
        assert tape.size.tolist() == [1.0] * 20 + [0.5] * 10
        assert (tape.reason[0], tape.reason[29]) == ("r", "a longer reason")
        assert tape.raw_text.tolist() == [""] * 20 + ["said"] * 10
        assert len(tape.content_hash) == 64

    def test_are_one_for_each_row(self):
        few = DecisionTape.from_sides(np.full(1, Side.HOLD), 0.0)
        with pytest.raises(InputError, match="1 decisions were made for rows 1 to 30"):
            DecisionTape.by_part(30, lambda rows: few)

    def test_are_nobody_elses(self):
        confidence = np.full(3, 0.5)
        tape = DecisionTape.from_sides(np.full(3, Side.BUY), 0.1, confidence=confidence)
        confidence[:] = 0.9
        assert tape.confidence.tolist() == [0.5] * 3


def test_places_that_do_not_fit_the_rows_are_refused(life_of_a_pool):
    rows = np.arange(10)
    assert len(life_of_a_pool.take(rows, places=slice(0, 10))) == 10
    with pytest.raises(InputError, match="rows instead of"):
        life_of_a_pool.take(rows, places=slice(0, 12))
    with pytest.raises(InputError, match="not in order"):
        life_of_a_pool.take(rows, places=slice(40, 30, -1))


def test_rows_of_a_tape_can_not_be_written_to(life_of_a_pool):
    with pytest.raises(ValueError, match="read-only"):
        life_of_a_pool[10:20].at[0] = life_of_a_pool.at[0]


def test_an_undefined_value_makes_the_drawdown_undefined():
    values, at = np.array([1.0, 2.0, np.nan, 1.0, 3.0]), np.arange(5).astype("datetime64[s]").astype("datetime64[ns]")
    for size in (2, 10):
        with in_parts(size, files=False):
            assert np.isnan(under_water(values, at, 1.0)[0])


def test_landed_orders_are_a_sequence(life_of_a_pool):
    run = replay(life_of_a_pool, "random", ReplayConfig())
    whole = tuple(run.landed)
    assert len(whole) > 20
    with in_parts(7, files=False):
        made = run.orders.landed(run.opening)
        assert made == whole
        assert (made[3], made[-1], made[2:9], tuple(made)) == (whole[3], whole[-1], whole[2:9], whole)
