"""Functions stand wherever a reference does."""

from rook_bench.core import Decision, Side
from rook_bench.workbench.compare import compare, evaluate
from rook_bench.workbench.running import named


def buyer(size):
    def mine(view):
        return Decision(Side.BUY, size=size) if len(view) % 20 == 0 else Decision.hold()

    return mine


def test_two_functions_of_one_name_are_two_sources(short_tape):
    found = compare(short_tape, [buyer(0.1), buyer(0.2), buyer(0.1)], benchmarks=False)
    assert [one.run.decided.tape.size.max() for one in found] == [0.1, 0.2]
    assert [one.run.source.reference for one in found] == ["mine", "mine"]


def test_functions_by_the_name_they_are_to_have(short_tape):
    found = compare(short_tape, {"small": buyer(0.1), "large": buyer(0.2), "chance": "random:0.1"}, benchmarks=False)
    assert [one.name for one in found] == ["small", "large", "chance"]


def test_what_can_not_be_told_apart_is_kept():
    class Own:
        pass

    own = Own()
    sources = named([lambda view: own, lambda view: own])
    assert len(sources) == 2
    assert len(named(["hold", "hold"])) == 1


def test_evaluating_a_function(short_tape):
    evaluation = evaluate(short_tape, buyer(0.1))
    assert evaluation.run.source.spec.in_memory
    assert evaluation.run.lookahead.status == "clean"
