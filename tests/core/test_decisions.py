"""Decision and DecisionTape refuse what they can't mean, and agree with each other."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.core import Decision, InputError, Side
from rook_bench.core.decision_tape import NOT_ASKED, UNPARSED, DecisionTape

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"side": "BUY"}, "must be a Side"),
        ({"side": 0}, "must be a Side"),
        ({"side": Side.BUY, "size": -0.01}, "not between 0 and 1"),
        ({"side": Side.BUY, "size": 1.01}, "not between 0 and 1"),
        ({"side": Side.BUY, "size": NAN}, "not between 0 and 1"),
        ({"side": Side.HOLD, "size": 0.1}, "a HOLD has size 0"),
        ({"side": None, "size": 0.1}, "an? UNPARSED has size 0"),
        ({"side": Side.SELL, "slippage_bps": -1.0}, "slippage_bps"),
        ({"side": Side.SELL, "slippage_bps": 10_001.0}, "slippage_bps"),
        ({"side": Side.SELL, "slippage_bps": NAN}, "slippage_bps"),
        ({"side": Side.SELL, "deadline_s": -1.0}, "deadline_s"),
        ({"side": Side.SELL, "deadline_s": NAN}, "deadline_s"),
        ({"side": Side.SELL, "confidence": 1.2}, "confidence"),
        ({"side": Side.SELL, "confidence": -0.1}, "confidence"),
        ({"side": Side.SELL, "confidence": INF}, "confidence"),
    ],
)
def test_impossible_decisions(fields, message):
    with pytest.raises(InputError, match=message):
        Decision(**fields)


def test_edges_are_allowed():
    assert Decision(Side.BUY, size=1.0, slippage_bps=10_000.0, deadline_s=INF, confidence=1.0).side_name == "BUY"
    assert Decision.hold("why").size == 0.0
    answer = Decision.unparsed("maybe?")
    assert (answer.side, answer.side_name, answer.raw_text) == (None, "UNPARSED", "maybe?")


def test_an_answer_that_could_not_be_parsed_is_not_a_hold():
    tape = DecisionTape.of([Decision.hold(), Decision.unparsed("?")])
    assert tape.side.tolist() == [Side.HOLD, UNPARSED]
    assert tape.counts() == {"BUY": 0, "HOLD": 1, "SELL": 0, "UNPARSED": 1}
    assert tape[1].side is None


SHARES = st.floats(0, 1)
DECISIONS = st.one_of(
    st.builds(
        Decision,
        st.sampled_from([Side.BUY, Side.SELL]),
        size=SHARES,
        slippage_bps=st.floats(0, 10_000),
        deadline_s=st.floats(0, 1e9),
        confidence=SHARES,
        reason=st.text(),
        raw_text=st.text(),
    ),
    st.builds(Decision.hold, st.text(), SHARES),
    st.builds(Decision.unparsed, st.text(), st.text()),
)


@given(st.lists(DECISIONS))
def test_a_tape_gives_its_decisions_back(decisions):
    tape = DecisionTape.of(decisions)
    for row, decision in enumerate(decisions):
        found = tape[row]
        assert math.isnan(found.confidence) == math.isnan(decision.confidence)
        neutral = {"confidence": 0.5}
        assert replace(found, **neutral) == replace(decision, **neutral)
    for rows in (0, len(decisions) // 2, len(decisions)):
        head = DecisionTape.of(decisions[:rows])
        assert [head[row].reason for row in range(rows)] == tape.head(rows).reason.tolist()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("side", 7, "side is not"),
        ("size", 1.5, "size is not between"),
        ("size", NAN, "size is not between"),
        ("slippage_bps", -1.0, "slippage_bps"),
        ("deadline_s", NAN, "deadline_s"),
        ("confidence", 1.01, "confidence"),
    ],
)
def test_impossible_tapes_name_the_row(column, value, message):
    tape = DecisionTape.from_sides(np.array([0, 2, 1]), 0.1)
    values = getattr(tape, column).copy()
    values[1] = value
    with pytest.raises(InputError, match=f"{message}.* at decision 2"):
        replace(tape, **{column: values})


def test_a_hold_with_a_size():
    tape = DecisionTape.from_sides(np.array([0, 1]), 0.1)
    with pytest.raises(InputError, match="nothing is traded at decision 2"):
        replace(tape, size=np.array([0.1, 0.1]))


def test_columns_of_other_lengths():
    tape = DecisionTape.from_sides(np.array([0, 1]), 0.1)
    with pytest.raises(InputError, match="'reason' has 1 rows instead of 2"):
        replace(tape, reason=tape.reason[:1])


def test_from_sides_spreads_scalars_and_clears_sizes_of_holds():
    tape = DecisionTape.from_sides(np.array([0, 1, 2]), 0.3, slippage_bps=np.array([1.0, 2.0, 3.0]), reason="r")
    assert tape.size.tolist() == [0.3, 0.0, 0.3]
    assert tape.slippage_bps.tolist() == [1.0, 2.0, 3.0]
    assert np.isnan(tape.confidence).all()
    assert tape.reason.tolist() == ["r"] * 3
    assert tape.action_rate == pytest.approx(2 / 3)


def test_hash_sees_every_column():
    tape = DecisionTape.of([Decision(Side.BUY, size=0.1, confidence=0.5, reason="a", raw_text="t"), Decision.hold()])
    changes = {
        "side": np.array([2, 1], dtype=np.int8),
        "size": np.array([0.2, 0.0]),
        "slippage_bps": np.array([50.0, 51.0]),
        "deadline_s": np.array([300.0, 301.0]),
        "confidence": np.array([0.5, 0.5]),
        "reason": np.array(["a", "b"], dtype=object),
        "raw_text": np.array(["t", "u"], dtype=object),
    }
    hashes = {replace(tape, **{name: value}).content_hash for name, value in changes.items()}
    assert len(hashes | {tape.content_hash}) == len(changes) + 1


def test_text_moved_between_rows_changes_the_hash():
    """Texts are joined for hashing; where one ends and the next begins must count."""
    texts = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")]
    tapes = [DecisionTape.of([Decision.hold(first), Decision.hold(second)]) for first, second in texts]
    assert len({tape.content_hash for tape in tapes}) == len(texts)


def test_rows_that_were_not_asked_about_say_so_in_their_reason():
    reason = np.array([f"{NOT_ASKED}: no momentum yet", "asked", ""], dtype=object)
    tape = DecisionTape.from_sides(np.array([Side.HOLD] * 3), 0.0, reason=reason)
    assert tape.asked.tolist() == [False, True, True]
