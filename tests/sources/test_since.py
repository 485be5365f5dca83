"""A model is asked about the rows that somebody will use, and about no other."""

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.language.decider import Decider
from rook_bench.sources import Source


@pytest.fixture
def asked(monkeypatch):
    """Every prompt that a model answers, in order."""
    seen = []
    real = Decider._ask.func

    def counting(self):
        ask = real(self)

        def call(prompts, *rest):
            seen.extend(prompts)
            return ask(prompts, *rest)

        return call

    from functools import cached_property

    replaced = cached_property(counting)
    replaced.__set_name__(Decider, "_ask")
    monkeypatch.setattr(Decider, "_ask", replaced)
    return seen


@pytest.mark.parametrize("mode", ["score", "generate"])
def test_rows_before_are_not_asked_about(mini_adapter, short_tape, asked, fresh_models, mode):
    tape = short_tape[:160]
    source = Source.parse(f"lora:{mini_adapter},mode={mode},transfer=true")
    late = source.ask(tape, since=150)
    shown = source.prompts(tape, len(tape))
    assert asked
    assert set(asked) <= set(shown[150:])
    whole = source.ask(tape, fresh=True)
    assert len(late) == len(whole)
    for name in ("side", "size", "slippage_bps", "deadline_s"):
        assert (getattr(late, name)[150:] == getattr(whole, name)[150:]).all()
    assert list(late.reason[:150]) == ["not asked: no reason yet"] * 150
    assert not late.size[:150].any()
    assert (late.side[:150] == 1).all()  # held, and said to be no answer


def test_none_before_is_all(mini_adapter, short_tape, fresh_models):
    source = Source.parse(f"lora:{mini_adapter},transfer=true")
    tape = short_tape[:140]
    assert source.ask(tape, since=0).to_bytes() == source.ask(tape).to_bytes()


def test_what_keeps_state_from_row_to_row_is_shown_all(short_tape):
    from rook_bench import Decision, Side

    def alternating():
        count = [0]

        def decide(view):
            count[0] += 1
            return Decision(Side.BUY if count[0] % 3 else Side.SELL, size=0.1)

        return decide

    from rook_bench.plugins import decision_source

    with decision_source.isolated():
        source = Source.of(decision_source(content=lambda: "alternating")(alternating))
        tape = short_tape[:50]
        assert source.ask(tape, since=40).to_bytes() == source.ask(tape).to_bytes()


@pytest.mark.parametrize(
    ("changed", "leak"),
    [
        ({"confidence": 5e-7}, False),  # rounded otherwise, asked about other rows at once
        ({"confidence": 2e-6}, True),
        ({"side": 1}, True),
        ({"size": 1e-9}, True),
    ],
)
def test_only_a_rounded_confidence_is_no_leak(changed, leak):
    """What is shown the same prompts may differ in the last digits of its confidence, and in nothing else."""
    import numpy as np

    from rook_bench.core.decision_tape import DecisionTape
    from rook_bench.sources.lookahead import _alike, first_difference

    made = {"side": np.zeros(4, dtype=np.int8), "size": np.full(4, 0.1), "confidence": np.full(4, 0.7)}
    mine = DecisionTape.from_sides(made["side"], made["size"], confidence=made["confidence"], reason="BUY 0.700")
    for name, by in changed.items():
        made[name] = made[name].copy()
        made[name][2] += by
    size = np.where(made["side"] == 1, 0.0, made["size"])
    theirs = DecisionTape.from_sides(made["side"], size, confidence=made["confidence"], reason="BUY 0.701")
    assert first_difference(mine, theirs) is not None
    found = first_difference(mine, _alike(mine, theirs))
    assert found == (2 if leak else None)
