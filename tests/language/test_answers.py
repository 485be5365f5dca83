"""Answers: written, read back, and nothing else read."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rook_bench.core import Side
from rook_bench.language.answer import DETAILS, PARTS
from rook_bench.language.template import load_template, shipped_templates

ANSWERS = {name: one for name in shipped_templates() if (one := load_template(name).answer).written == DETAILS}


def write(answer, side, size=0.05, slippage_bps=50.0, deadline_s=300.0):
    return "".join(text for _, text in answer.pieces(side, size, slippage_bps, deadline_s))


@st.composite
def told(draw):
    """A decision whose numbers the format can tell: whole percents (or thousandths), whole bps and seconds."""
    name = draw(st.sampled_from(sorted(ANSWERS)))
    size = ANSWERS[name].size
    steps = round(size.scale * 10 ** int(size.format[1:-1]))
    side = draw(st.sampled_from(list(Side)))
    share = 0.0 if side == Side.HOLD else draw(st.integers(0, steps)) / steps
    return name, side, share, float(draw(st.integers(0, 10_000))), float(draw(st.integers(0, 10**6)))


@given(told())
def test_what_is_written_is_read(told):
    name, side, size, slippage, deadline = told
    answer = ANSWERS[name]
    parsed = answer.read(write(answer, side, size, slippage, deadline))
    assert parsed.side == side
    if side == Side.HOLD and not answer.hold_details:
        assert (parsed.size, parsed.slippage_bps, parsed.deadline_s) == (0.0, 50.0, 300.0)
    else:
        assert parsed.size == pytest.approx(size, abs=1e-12)
        assert (parsed.slippage_bps, parsed.deadline_s) == (slippage, deadline)


@given(told(), st.text(min_size=1, max_size=3), st.integers(0, 60))
def test_whatever_is_read_is_what_would_have_been_written(told, junk, place):
    """Strictness as a property: only the exact text of a decision reads as that decision."""
    name, side, size, slippage, deadline = told
    answer = ANSWERS[name]
    text = write(answer, side, size, slippage, deadline)
    changed = text[:place] + junk + text[place:]
    parsed = answer.read(changed)
    if parsed is not None:
        again = write(answer, parsed.side, parsed.size, parsed.slippage_bps, parsed.deadline_s)
        assert again == changed


@given(st.sampled_from(sorted(ANSWERS)), st.text(max_size=30))
def test_junk_is_no_answer(name, text):
    assume(not any(text.startswith(ANSWERS[name].side[side]) for side in Side))
    assert ANSWERS[name].read(text) is None


@pytest.mark.parametrize("name", sorted(ANSWERS))
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + " ",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.strip(),
        lambda text: text.swapcase(),
        lambda text: text.title(),
        lambda text: text.replace(" ", "  "),
        lambda text: text.rsplit(" ", 1)[0],
        lambda text: text[: len(text) // 2],
        lambda text: text + text,
        lambda text: text.replace("5", "\u0665"),
        lambda text: text.replace("5", "05", 1),
        lambda text: text.replace("5", "-5", 1),
        lambda text: text.replace("5", "five"),
        lambda text: "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_near_misses_are_no_answers(name, change, side):
    answer = ANSWERS[name]
    text = write(answer, side)
    assert answer.read(text).side == side
    assert answer.read(change(text)) is None


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_trade_needs_its_details(name):
    answer = ANSWERS[name]
    pieces = answer.pieces(Side.BUY, 0.05, 50.0, 300.0)
    assert [part for part, _ in pieces] == list(PARTS)
    for gone in range(1, len(pieces)):
        assert answer.read("".join(text for index, (_, text) in enumerate(pieces) if index != gone)) is None


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_details_out_of_range_are_no_answers(name):
    answer = ANSWERS[name]
    assert answer.read(write(answer, Side.BUY, 1.0)).size == 1.0
    assert answer.read(write(answer, Side.BUY, 1.5)) is None
    assert answer.read(write(answer, Side.SELL, 0.05, 10_001.0)) is None


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_hold_moves_nothing(name):
    answer = ANSWERS[name]
    bare, full = answer.side[Side.HOLD], answer.side[Side.HOLD] + write(answer, Side.BUY)[len(answer.side[Side.BUY]) :]
    assert answer.read(full) is None
    assert (answer.read(bare) is None) == answer.hold_details
    assert answer.read(write(answer, Side.HOLD, 0.0)).side == Side.HOLD


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ('{"side": "BUY", "size": 0.1}', Side.BUY),
        ('Braces {a, b} in words. {"side": "SELL", "size": 0.1}\n', Side.SELL),
        ('```json\n{"size": 0.1, "side": "BUY"}\n```', Side.BUY),
        ('{"side": "BUY", "size": 0.1} then {"side": "HOLD"}', Side.HOLD),
        ('{"why": {"a": [1]}, "side": "BUY", "size": 0.1}', Side.BUY),
        ('{"why": "}{", "side": "BUY", "size": 0.1}', Side.BUY),
        ('{"side": "BUY", "size": 0.1, "rejected": {"side": "SELL", "size": 0.2}', None),  # cut off
        ('{"side": "BUY", "side": "SELL", "size": 0.1}', None),
        ('{"side": "BUY", "size": NaN}', None),
        ('{"side": "BUY", "size": 1e999}', None),
        ('{"side": "BUY", "size": "0.1"}', None),
        ('{"side": "BUY", "size": true}', None),
        ('{"side": "BUY", "size": 1.1}', None),
        ('{"side": "BUY"}', None),
        ('{"side": "buy", "size": 0.1}', None),
        ('{"side": "BUY", "size": 0.1} I think', None),
        ("I would BUY", None),
        ("[" * 5000 + "{}", None),
        ("", None),
    ],
)
def test_json_at_the_end_of_a_text(text, side):
    parsed = load_template("reasoning").answer.read(text)
    assert (None if parsed is None else parsed.side) == side


def test_what_is_fixed_is_fixed():
    answer = load_template("chat").answer
    assert answer.pieces(Side.BUY, 0.5, 1.0, 1.0) == [("side", "BUY")]
    parsed = answer.read("SELL")
    assert (parsed.side, parsed.size, parsed.slippage_bps, parsed.deadline_s) == (Side.SELL, 0.05, 50, 300)
    assert answer.read("HOLD").size == 0
    assert answer.read(" SELL") is None
