"""What a journal holds comes back to the last bit, and a journal that was cut, edited or shared is found."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import InputError
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.live import answers, events
from rook_bench.live.journal import FILE, Journal, read_journal
from rook_bench.live.opening import start_of_json, start_to_json
from rook_bench.live.rows import start_of
from rook_bench.live.state import merged
from rook_bench.market.events import BURN, MINT, SWAP, event_table
from rook_bench.market.simulation.simulate import simulate

fraction = st.floats(0, 1, allow_subnormal=True)


@st.composite
def decisions(draw):
    rows = draw(st.integers(1, 6))
    side = np.array(draw(st.lists(st.sampled_from([0, 1, 2, UNPARSED]), min_size=rows, max_size=rows)), dtype=np.int8)
    sizes = np.array(draw(st.lists(fraction, min_size=rows, max_size=rows)))
    unsure = np.array(draw(st.lists(fraction | st.just(np.nan), min_size=rows, max_size=rows)))
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    tape = DecisionTape.from_sides(side, sizes, confidence=unsure, reason="")
    reason = np.array(draw(st.lists(texts, min_size=rows, max_size=rows)), dtype=object)
    return DecisionTape(side, tape.size, tape.slippage_bps, tape.deadline_s, unsure, reason)


@given(decisions())
def test_decisions_come_back(tape):
    lines = json.loads(json.dumps(answers.to_lines(tape), allow_nan=False))
    assert answers.from_lines(lines).to_bytes() == tape.to_bytes()


def test_no_decisions_come_back_as_none():
    assert len(answers.from_lines([])) == 0


@given(st.lists(st.tuples(st.integers(-(2**127), 2**127), st.integers(1, 2**159)), min_size=1, max_size=5))
def test_events_come_back(values):
    rows = len(values)
    columns = {
        "pool": "0xab",
        "event": [SWAP, MINT, BURN, SWAP, SWAP][:rows],
        "at": np.datetime64("2024-01-05T00:00:11", "ns") + np.arange(rows) * np.timedelta64(12, "s"),
        "block": list(range(rows)),
        "tx_index": [0] * rows,
        "log_index": list(range(rows)),
        "tx_hash": ["0x" + f"{row:064x}" for row in range(rows)],
        "amount0": [amount for amount, _ in values],
        "sqrt_price_x96": [price if row != 1 else None for row, (_, price) in enumerate(values)],
        "tick_lower": [None if row != 1 else -10 for row in range(rows)],
        "gas_price": [None if row % 2 else 10**10 + row for row in range(rows)],
    }
    table = event_table(columns, rows)
    records = json.loads(json.dumps(events.to_records(table), allow_nan=False))
    assert events.from_records(records, "0xab").equals(table)


def test_no_events_come_back_as_none():
    assert events.from_records([], "0xab").num_rows == 0


def test_a_tick_map_comes_back():
    history = simulate(300, np.random.default_rng(3)).history
    ticks = history.snapshot()
    for _, lower, upper, delta in history.changes():
        ticks.change(lower, upper, delta)
    start = start_of(2**96 * 55, 80_000, ticks)
    told = json.loads(json.dumps(start_to_json(start)))
    again = start_of_json(told)
    assert again.snapshot().by_tick == start.snapshot().by_tick
    assert again.start == start.start
    assert again.start.liquidity == ticks.active(80_000)
    assert start_of_json(start_to_json(None)) is None


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)).map(lambda one: (one[0], one[0] + one[1]))))
def test_ranges_are_merged(ranges):
    found = merged(ranges)
    inside = {block for first, last in ranges for block in range(first, last + 1)}
    assert {block for first, last in found for block in range(first, last + 1)} == inside
    assert all(one[1] + 1 < other[0] for one, other in zip(found, found[1:], strict=False))


class TestJournal:
    """Lines are sealed and chained; half a line is dropped, anything else is an error."""

    def test_lines_come_back_in_order(self, tmp_path):
        journal = Journal(tmp_path / "session")
        for number in range(5):
            journal.add({"kind": "read", "number": number})
        journal.close()
        again = Journal(tmp_path / "session")
        again.add({"kind": "read", "number": 5})
        again.close()
        entries = list(read_journal(tmp_path / "session"))
        assert [entry["number"] for entry in entries] == list(range(6))
        assert [entry["seq"] for entry in entries] == list(range(6))

    @given(st.integers(0, 400))
    def test_cut_anywhere_it_goes_on_from_the_last_whole_line(self, cut):
        import tempfile

        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "session"
            journal = Journal(folder)
            for number in range(3):
                journal.add({"kind": "read", "number": number})
            journal.close()
            path = folder / FILE
            whole = path.read_bytes()
            path.write_bytes(whole[: max(0, len(whole) - cut)])
            left = path.read_bytes().count(b"\n")
            again = Journal(folder)
            assert again.count == left
            again.add({"kind": "read", "number": 9})
            again.close()
            assert [entry["number"] for entry in read_journal(folder)] == [*range(left), 9]

    def test_keys_of_the_chain_are_its_own(self, tmp_path):
        journal = Journal(tmp_path)
        with pytest.raises(ValueError, match="hash: keys of the chain"):
            journal.add({"kind": "fork", "hash": "0x12"})
        journal.close()

    @pytest.mark.parametrize(
        "edit",
        [
            lambda lines: [lines[0], lines[1].replace(b'"number":1', b'"number":7'), lines[2]],
            lambda lines: [lines[0], lines[2]],
            lambda lines: [lines[1], lines[0], lines[2]],
            lambda lines: [lines[0], lines[0], lines[1], lines[2]],
            lambda lines: [lines[0], b"{}\n", lines[2]],
            lambda lines: [lines[0], b"\xff\xfe\n", lines[2]],
        ],
        ids=["changed", "removed", "moved", "doubled", "empty", "rubbish"],
    )
    def test_edited(self, tmp_path, edit):
        journal = Journal(tmp_path)
        for number in range(3):
            journal.add({"kind": "read", "number": number})
        journal.close()
        path = tmp_path / FILE
        path.write_bytes(b"".join(edit(path.read_bytes().splitlines(keepends=True))))
        with pytest.raises(InputError, match="line [123] (is not as it was written|does not follow)"):
            list(read_journal(tmp_path))
        with pytest.raises(InputError, match="line [123]"):
            Journal(tmp_path)

    def test_none_there(self, tmp_path):
        with pytest.raises(InputError, match="holds no journal"):
            read_journal(tmp_path)

    def test_a_folder_that_can_not_be(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="can't be written"):
            Journal(tmp_path / "file" / "session")
