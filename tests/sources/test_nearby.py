"""Long tapes: asked about the rows near a place, a source that needs no more is clean, and a leak is found all the same."""

import numpy as np
import pytest

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.simulation.simulate import simulate
from rook_bench.sources import lookahead
from rook_bench.sources.decide import Source
from rook_bench.sources.lookahead import COMPARED, NEAR, check_source

ROWS = 30_000


@pytest.fixture(scope="module")
def long_tape():
    return simulate(ROWS, np.random.default_rng(11))


def by_sign(signal):
    side = np.select([signal > 0, signal < 0], [Side.BUY, Side.SELL], Side.HOLD)
    return DecisionTape.from_sides(side, 0.05)


def looks_back(rows):
    """Momentum over so many rows; over all of them where that is more than there are."""

    def factory():
        def decide(view):
            price = view["price"]
            shown.append(len(price))
            before = np.concatenate([np.full(min(rows, len(price)), price[0]), price[:-rows]])[: len(price)]
            return by_sign(np.where(np.abs(price / before - 1) > 1e-4, price - before, 0))

        return decide

    return factory


shown = []
"""Lengths of the tapes that a source was shown."""


def peeks(ahead, every=1):
    """Honest momentum, but for one trade in `every`, which knows the price so many rows ahead."""

    def factory():
        def decide(view):
            price = view["price"]
            back = np.concatenate([price[:1], price[:-1]])
            later = price[np.minimum(np.arange(len(price)) + ahead, len(price) - 1)]
            knows = np.floor(price * 1e6).astype(np.int64) % every == 0
            signal = np.where(knows, later - price, price - back)
            # Some trades only: a decision on each row hides nothing.
            trades = np.floor(price * 1e7).astype(np.int64) % 7 == 0
            return by_sign(np.where(trades, signal, 0))

        return decide

    return factory


def checked(source, frame, **how):
    return check_source(source, frame, source.ask(frame), **how)


@pytest.mark.parametrize("rows", [1, 100, NEAR - COMPARED])
def test_what_looks_back_a_little_is_shown_a_little(registered, long_tape, rows):
    shown.clear()
    found = checked(registered(looks_back(rows), whole_tape=True), long_tape)
    assert found.status == "clean", found.detail
    assert sum(length <= NEAR + COMPARED for length in shown) >= 6


@pytest.mark.parametrize("rows", [NEAR + 1, 12_000, 10**9])
def test_what_looks_back_far_is_shown_more_and_not_accused(registered, long_tape, rows):
    shown.clear()
    found = checked(registered(looks_back(rows), whole_tape=True), long_tape)
    assert found.status == "clean", found.detail
    assert max(shown[2:]) > NEAR + COMPARED


@pytest.mark.parametrize("reference", ["random:0.3", "momentum", "rules", "hold"])
def test_sources_that_come_with_the_tool_are_clean(long_tape, reference):
    found = checked(Source.parse(reference), long_tape)
    assert found.status == "clean", found.detail


@pytest.mark.parametrize("ahead", [1, 50, 900, 5_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_leak_is_found_however_far_it_looks(registered, long_tape, ahead, seed):
    source = registered(peeks(ahead), whole_tape=True)
    found = checked(source, long_tape, rng=np.random.default_rng(seed))
    assert found.status == "leak"
    assert found.leak_row < ROWS


@pytest.mark.parametrize("ahead", [1, 50, 900])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_leak_in_one_trade_of_ten_is_found_where_a_gate_looks(registered, long_tape, ahead, seed):
    source = registered(peeks(ahead, every=10), whole_tape=True)
    assert checked(source, long_tape, rng=np.random.default_rng(seed)).status == "leak"


def test_it_is_said_of_the_tape_itself_where_the_leak_is(registered, long_tape):
    """A row of the whole tape, right before a place, and not one of the part that was shown."""
    found = checked(registered(peeks(1), whole_tape=True), long_tape)
    assert any(cut - COMPARED <= found.leak_row < cut for cut in found.cuts)
    assert f"row {found.leak_row + 1}" in found.detail


def test_a_short_tape_is_shown_whole(registered, tape):
    shown.clear()
    assert checked(registered(looks_back(3), whole_tape=True), tape).status == "clean"
    cut_off_or_all = set(shown)
    assert max(cut_off_or_all) == len(tape)
    assert lookahead._worth(2 * NEAR - 1, NEAR) == 0
    assert lookahead._worth(2 * NEAR, NEAR) == NEAR


def test_times_and_references_of_a_part_are_those_of_its_place(long_tape):
    way = lookahead._Way(20_000, "scrambled", 5, NEAR)
    part, past = way.tape(long_tape.bare)
    assert (past, len(part)) == (NEAR, NEAR + COMPARED)
    first = 20_000 - NEAR
    np.testing.assert_array_equal(part.at, long_tape.at[first : 20_000 + COMPARED])
    np.testing.assert_array_equal(part.price[:past], long_tape.price[first:20_000])
    assert set(part.price[past:]) <= set(long_tape.price[20_000:])
    assert part.block is None or (np.diff(part.block) >= 0).all()
