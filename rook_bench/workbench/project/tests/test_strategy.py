"""What a source has to keep to before its results mean anything. `python -m pytest`"""

import pytest

import rook_bench as rook

SOURCE = "my_strategy"


@pytest.fixture(scope="module")
def tape():
    """A few hundred swaps that nothing is judged on."""
    return rook.read_swaps("sample")[:600]


@pytest.fixture(scope="module")
def result(tape, tmp_path_factory):
    """The source replayed. A test is no try of a candidate, so it has a ledger of its own."""
    return rook.evaluate(tape, SOURCE, trials=tmp_path_factory.mktemp("trials"))


def test_it_keeps_the_contract(tape):
    """One valid decision for each swap, the same again with the same seed, and none of them looks ahead."""
    report = rook.check_plugin(SOURCE, frame=tape)
    assert report, "\n".join(report.describe())


def test_it_buys_sells_and_holds(result):
    assert set(result.decisions()["side"]) == {"BUY", "SELL", "HOLD"}


def test_its_orders_are_filled_at_a_cost(result):
    assert len(result.fills()) > 0
    assert result.estimates["total_return"].value < result.estimates["gross_return"].value
