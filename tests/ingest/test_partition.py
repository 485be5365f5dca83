"""A stream of events as a tape by pool and day: whole or not at all, and never more than a day in memory."""

from dataclasses import replace

import pyarrow as pa
import pytest
from lives import V3, V4, Life, table

from rook_bench.core import InputError
from rook_bench.ingest.partition import Parts, write_by_day, write_tape_of_events
from rook_bench.market.tape_file import contents, read_tape, read_tape_folder
from rook_bench.tapecheck.repricing import known_depth, reprice


@pytest.fixture(scope="module")
def long_life():
    """A pool over several days, one of which has mints and burns but no swap."""
    life = Life(5, block_s=1800.0)
    life.wander(60)
    life.next_block(60)
    for _ in range(3):
        life.some_liquidity()
    life.next_block(60)
    return life.wander(60)


def chunks(events, size):
    return [table(events[start : start + size]) for start in range(0, len(events), size)]


def same(frame, other):
    return replace(frame, notes=(), source="").data_hash == replace(other, notes=(), source="").data_hash


def test_one_file_of_one_pool(life, tmp_path):
    written = write_tape_of_events(chunks(life.events, 37), tmp_path / "tape.parquet", {V3.address: V3}, source="log")
    assert [(one.address, one.swaps) for one in written] == [(V3.address, 400)]
    assert same(read_tape(tmp_path / "tape.parquet"), life.frame())


def test_a_folder_by_pool_and_day(long_life, dynamic_life, tmp_path):
    events = long_life.events + dynamic_life.events
    pools = {V3.address: V3, V4.address: V4}
    # Overlapping and out of order, as files from several places are.
    tables = [*chunks(events[150:], 41), *chunks(events[:200], 53)]
    written = write_tape_of_events(iter(tables), tmp_path / "tapes", pools, source="log", notes=["two pools"])
    assert {one.address: one.swaps for one in written} == {V3.address: 120, V4.address: 200}
    assert same(read_tape_folder(tmp_path / "tapes", address=V3.address), long_life.frame())
    assert same(read_tape_folder(tmp_path / "tapes", address=V4.address), dynamic_life.frame())
    with pytest.raises(InputError, match="holds 2 pools"):
        read_tape_folder(tmp_path / "tapes")
    with pytest.raises(InputError, match="is not in the tape; did you mean"):
        read_tape_folder(tmp_path / "tapes", address="0x" + "3" * 39 + "4")


def test_each_day_opens_with_what_is_known_and_prices_again_alone(long_life, tmp_path):
    write_tape_of_events(chunks(long_life.events, 50), tmp_path / "tapes", {V3.address: V3}, source="log")
    days = contents(tmp_path / "tapes")["pools"][V3.address]["days"]
    assert len(days) >= 4
    whole, rows = long_life.frame(), 0
    for day in days:
        part = read_tape(tmp_path / "tapes" / day["file"])
        assert reprice(part).exact.all()
        assert known_depth(part).snapshot().by_tick == whole[rows : rows + len(part)].history.snapshot().by_tick
        rows += len(part)
    assert rows == 120


def test_a_tape_can_be_cut_into_days_too(long_life, tmp_path):
    write_by_day(long_life.frame(), tmp_path / "days")
    assert same(read_tape_folder(tmp_path / "days"), long_life.frame())


def test_no_more_than_one_day_of_one_pool_is_held(long_life, tmp_path, monkeypatch):
    held = []
    days = Parts.days

    def watched(self, address):
        for day, events in days(self, address):
            held.append(len(events))
            yield day, events

    monkeypatch.setattr(Parts, "days", watched)
    write_tape_of_events(chunks(long_life.events, 20), tmp_path / "tapes", {V3.address: V3}, source="log")
    assert len(held) >= 4
    assert max(held) < len(long_life.events) / 2


def test_a_log_that_breaks_off_leaves_nothing_behind(life, tmp_path):
    def broken():
        yield table(life.events[:50])
        raise InputError("row 51 is damaged", where="log")

    for out in ("tape.parquet", "tapes"):
        with pytest.raises(InputError, match="row 51"):
            write_tape_of_events(broken(), tmp_path / out, {V3.address: V3}, source="log")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("events", "pools", "out", "problem"),
    [
        (lambda life: life.events[:1], {V3.address: V3}, "tape.parquet", "the log holds no swap"),
        (lambda life: life.events, {}, "tape.parquet", "is not known"),
        (lambda life: life.events, {}, "tapes", "is not known"),
    ],
)
def test_logs_that_can_not_be_written(life, tmp_path, events, pools, out, problem):
    with pytest.raises(InputError, match=problem):
        write_tape_of_events([table(events(life))], tmp_path / out, pools, source="log")
    assert list(tmp_path.iterdir()) == []


def test_two_pools_do_not_fit_one_file(life, dynamic_life, tmp_path):
    tables = [table(life.events), table(dynamic_life.events)]
    with pytest.raises(InputError, match=r"2 pools, a \.parquet file holds one"):
        write_tape_of_events(tables, tmp_path / "tape.parquet", {V3.address: V3, V4.address: V4}, source="log")


def test_a_missing_or_damaged_part_is_named(long_life, tmp_path):
    write_tape_of_events([table(long_life.events)], tmp_path / "tapes", {V3.address: V3}, source="log")
    part = next((tmp_path / "tapes").rglob("tape.parquet"))
    part.write_bytes(part.read_bytes()[:200])
    with pytest.raises(InputError, match="can't be read"):
        read_tape_folder(tmp_path / "tapes")
    part.unlink()
    with pytest.raises(InputError, match="a part of the tape is missing"):
        read_tape_folder(tmp_path / "tapes")
    (tmp_path / "tapes" / "tape.json").write_text("{")
    with pytest.raises(InputError, match="not a readable tape"):
        read_tape_folder(tmp_path / "tapes")


def test_an_event_without_a_time_is_refused(life, tmp_path):
    events = table(life.events)
    place = events.schema.get_field_index("at")
    untimed = events.set_column(place, events.schema.field("at"), pa.nulls(len(events), events.schema.field("at").type))
    with pytest.raises(InputError, match="has no at"):
        write_tape_of_events([untimed], tmp_path / "tapes", {V3.address: V3}, source="log")
