"""Decide once: what is kept, when it is used again, and what makes it stale."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rook_bench.core import Decision, InputError, Side
from rook_bench.core.cache_folder import CACHE_VARIABLE
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.market.simulation.simulate import simulate
from rook_bench.sources.decide import Source, decide, decision_facts, decision_key
from rook_bench.sources.saved import read_decisions, write_decisions


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache" / "decisions"


@pytest.fixture
def counting(registered):
    """A source that counts how often it is asked."""
    asked = []

    def counter():
        """Buys always."""

        def decide(view):
            asked.append(len(view))
            return DecisionTape.from_sides(np.full(len(view), Side.BUY), 0.1)

        return decide

    return registered(counter, whole_tape=True), asked


def test_asked_once(counting, short_tape, empty_cache):
    source, asked = counting
    first, second = decide(source, short_tape), decide(source, short_tape)
    assert (first.reused, second.reused) == (False, True)
    assert asked == [300]
    assert first.tape.to_bytes() == second.tape.to_bytes()
    assert [path.stem for path in empty_cache.glob("*")] == [first.key]


def test_fresh_asks_again(counting, short_tape):
    source, asked = counting
    decide(source, short_tape)
    assert not decide(source, short_tape, fresh=True).reused
    assert asked == [300, 300]


@pytest.mark.parametrize("harm", ["cut", "empty", "garbage", "other"])
def test_damaged_file_is_asked_for_again(counting, short_tape, empty_cache, harm):
    source, asked = counting
    kept = empty_cache / f"{decide(source, short_tape).key}.parquet"
    data = kept.read_bytes()
    if harm == "cut":
        kept.write_bytes(data[: len(data) // 2])
    elif harm == "empty":
        kept.write_bytes(b"")
    elif harm == "garbage":
        kept.write_bytes(b"PAR1" + bytes(100))
    else:
        table = pq.read_table(kept)
        sold = pa.array(["SELL"] * 300)
        pq.write_table(table.set_column(0, "side", sold), kept)  # the hash in its metadata stays
    assert not decide(source, short_tape).reused
    assert asked == [300, 300]
    assert decide(source, short_tape).reused


def test_unwritable_cache_costs_only_time(counting, short_tape, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    source, asked = counting
    assert not decide(source, short_tape).reused
    assert not decide(source, short_tape).reused
    assert asked == [300, 300]


def test_key_follows_data_seed_and_parameters(short_tape, tape):
    key = decision_key(Source.parse("random:0.2"), short_tape, 0)
    assert key == decision_key(Source.parse("random:0.2"), short_tape, 0)
    assert key == decision_key(Source.parse("random:0.2"), tape[:300], 0)  # the same rows, wherever they come from
    others = {
        decision_key(Source.parse("random:0.3"), short_tape, 0),
        decision_key(Source.parse("random:0.2"), short_tape, 1),
        decision_key(Source.parse("random:0.2"), tape[1:301], 0),
        decision_key(Source.parse("random:0.2"), tape[:301], 0),
        decision_key(Source.parse("momentum"), short_tape, 0),
    }
    assert key not in others
    assert len(others) == 5


def test_one_changed_unit_in_the_data_is_other_data(short_tape):
    from dataclasses import replace

    from rook_bench.core.exact import ExactInts

    amounts = list(short_tape.amount0)
    amounts[150] += 1
    changed = replace(short_tape, amount0=ExactInts.of(amounts))
    source = Source.parse("hold")
    assert decision_key(source, changed, 0) != decision_key(source, short_tape, 0)


def test_changed_rules_file_is_another_source(short_tape, tmp_path):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"mr_position_size": 0.05}))
    decide(Source.parse(f"rules:{path}"), short_tape)
    assert decide(Source.parse(f"rules:{path}"), short_tape).reused
    path.write_text(json.dumps({"mr_position_size": 0.06}))
    assert not decide(Source.parse(f"rules:{path}"), short_tape).reused


def test_rules_file_written_otherwise_is_the_same_source(short_tape, tmp_path):
    path = tmp_path / "rules.json"
    path.write_text('{"mr_position_size": 0.05, "mr_volume_multiplier": 2}')
    before = decision_key(Source.parse(f"rules:{path}"), short_tape, 0)
    path.write_text('{\n "mr_volume_multiplier": 2.0,\n "mr_position_size": 0.050\n}')
    assert decision_key(Source.parse(f"rules:{path}"), short_tape, 0) == before


def test_changed_plugin_file_is_another_source(short_tape, tmp_path):
    path = tmp_path / "mine.py"
    text = "from rook_bench import Decision, decision_source\n\n@decision_source\ndef mine():\n    '''.'''\n    return lambda view: Decision.hold('{}')\n"
    path.write_text(text.format("a"))
    first = decide(Source.parse(f"{path}@mine"), short_tape[:5])
    path.write_text(text.format("b"))
    second = decide(Source.parse(f"{path}@mine"), short_tape[:5])
    assert (first.tape.reason[0], second.tape.reason[0]) == ("a", "b")
    assert not second.reused


# Decision tapes on disk.


def every_kind():
    return DecisionTape.of(
        [
            Decision(Side.BUY, size=0.1, slippage_bps=12.5, deadline_s=60.0, confidence=0.7, reason="a rise, é"),
            Decision.unparsed("I would rather not", reason="no JSON"),
            Decision.hold("nothing", confidence=0.2),
            Decision(Side.SELL, size=1.0, raw_text='{"side": "SELL"}'),
        ]
    )


def test_written_and_read(tmp_path):
    tape = every_kind()
    write_decisions(tape, tmp_path / "tape.parquet", {"data_hash": "x"})
    again, facts = read_decisions(tmp_path / "tape.parquet")
    assert again.to_bytes() == tape.to_bytes()
    assert again.side.tolist() == [Side.BUY, UNPARSED, Side.HOLD, Side.SELL]
    assert again.raw_text.tolist() == tape.raw_text.tolist()
    assert facts["data_hash"] == "x"


def test_not_a_decision_tape(tmp_path, short_tape):
    from rook_bench.market.tape_file import write_tape

    with pytest.raises(InputError, match="no such decision tape"):
        read_decisions(tmp_path / "none.parquet")
    write_tape(short_tape, tmp_path / "swaps.parquet")
    with pytest.raises(InputError, match="not a decision tape"):
        read_decisions(tmp_path / "swaps.parquet")


def test_recorded_decisions_replay_on_their_own_data_only(short_tape, tmp_path):
    source = Source.parse("random:0.4")
    tape = source.ask(short_tape, 9)
    write_decisions(tape, tmp_path / "kept.parquet", decision_facts(source, short_tape, 9))
    recorded = Source.parse(f"recorded:{tmp_path / 'kept.parquet'}")
    assert recorded.ask(short_tape).to_bytes() == tape.to_bytes()
    with pytest.raises(InputError, match="made on other data"):
        recorded.ask(simulate(300, np.random.default_rng(99)))
    with pytest.raises(InputError, match="made on other data"):
        recorded.ask(short_tape[:200])


def test_recorded_decisions_are_read_again_each_time(short_tape, tmp_path, empty_cache):
    source = Source.parse("hold")
    path = tmp_path / "kept.parquet"
    write_decisions(source.ask(short_tape), path, decision_facts(source, short_tape, 0))
    recorded = Source.parse(f"recorded:{path}")
    assert not decide(recorded, short_tape).reused
    assert not decide(recorded, short_tape).reused
    assert not empty_cache.exists()
