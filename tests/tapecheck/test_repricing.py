"""Every recorded swap priced again; what breaks the log is named where it breaks."""

from dataclasses import replace

import numpy as np
import pytest
from lives import EXACT_INPUT, changed, without

from rook_bench.market.events import BURN, MINT
from rook_bench.tapecheck import causes as misses
from rook_bench.tapecheck import repricing
from rook_bench.tapecheck.check import check_tape, in_lines, require_exact
from rook_bench.tapecheck.repricing import known_depth, reprice, unexplained_row, why_not_repriced
from rook_bench.tapecheck.summary import calibrate, describe, sentence


def test_a_pool_known_from_birth_prices_again_in_full(life):
    found = reprice(life.frame())
    assert found.exact.all()
    assert found.crossed.tolist() == life.crossed
    assert sum(crossed > 0 for crossed in life.crossed) > 50
    assert (found.error_units == 0).all()
    assert (found.error_bps == 0).all()


def test_every_kind_of_swap_is_told_apart(life):
    found = reprice(life.frame())
    same = sum(kind == made for kind, made in zip(found.kind.tolist(), life.kinds, strict=True))
    assert same > 390  # a rounding may make one kind look like another
    assert min(found.by_kind().values()) > 40
    assert EXACT_INPUT in found.kind


def test_fees_that_change_with_every_swap(dynamic_life):
    frame = dynamic_life.frame()
    assert len(set(frame.fee_pips.tolist())) == 4
    assert reprice(frame).exact.all()
    assert not reprice(replace(frame, fee_pips=None)).exact.all()


def test_without_its_history_swaps_that_stay_in_one_range_are_exact(life):
    found = reprice(replace(life.frame(), history=None))
    assert 100 < found.testable.sum() < 399
    assert found.exact[found.testable].mean() > 0.97
    assert found.changed.sum() > 100
    assert not (found.changed & found.exact).any()
    # What is left met a position that was opened before and left again: nothing in the swaps alone tells.
    assert {found.reasons[row] for row in found.misses.tolist()} <= {misses.UNSEEN, misses.UNEXPLAINED}


def quiet_swaps(life, count):
    """Swaps with an exact swap of one range before and after, so that one fault breaks one row."""
    found = reprice(life.frame())
    bare = reprice(replace(life.frame(), history=None))
    good = found.exact & bare.exact & (found.crossed == 0)
    rows = [row for row in range(2, len(good) - 2) if good[row - 1 : row + 2].all()]
    return np.random.default_rng(0).choice(rows, count, replace=False).tolist()


FAULTS = {
    "amount0 flipped": (lambda e: {"amount0": -e["amount0"]}, misses.SIGN),
    "amount1 flipped": (lambda e: {"amount1": -e["amount1"]}, misses.SIGN),
    "amount0 cut": (lambda e: {"amount0": int(e["amount0"] / 1000)}, misses.WRONG.format("amount0")),
    "amount1 cut": (lambda e: {"amount1": int(e["amount1"] / 1000)}, misses.WRONG.format("amount1")),
    "price cut": (
        lambda e: {"sqrt_price_x96": e["sqrt_price_x96"] // 10**26 * 10**26},
        misses.WRONG.format("sqrt_price_x96"),
    ),
    "liquidity cut": (lambda e: {"liquidity": e["liquidity"] // 7}, misses.WRONG.format("liquidity")),
    "tick wrong": (lambda e: {"tick": e["tick"] + 1}, misses.WRONG.format("tick")),
}


@pytest.mark.parametrize("history", ["none", "not whole"])
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_what_is_put_down_to_liquidity_at_once_is_what_asking_row_by_row_says(life, monkeypatch, fault, history):
    events = life.events
    rows = np.random.default_rng(1).choice(np.arange(1, 399), 60, replace=False).tolist() if fault else []
    for row in rows:
        place = life.swaps[row]
        events = changed(events, place, **FAULTS[fault][0](events[place]))
    whole = life.frame(events)
    frame = replace(whole, history=None if history == "none" else replace(whole.history, complete=False))
    at_once = reprice(frame)
    monkeypatch.setattr(repricing, "_surely_changed", lambda frame, part: np.zeros(len(part.swaps), dtype=bool))
    asked = reprice(replace(frame))
    np.testing.assert_array_equal(at_once.changed, asked.changed)
    assert at_once.reasons == asked.reasons
    assert history == "not whole" or at_once.changed.any()


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_column_that_was_damaged_is_named_at_its_row(life, fault, whole):
    change, reason = FAULTS[fault]
    for row in quiet_swaps(life, 8):
        place = life.swaps[row]
        frame = life.frame(changed(life.events, place, **change(life.events[place])))
        found = reprice(frame if whole else replace(frame, history=None))
        assert row in found.misses
        assert found.reasons[row] == reason
        assert found.misses[0] == row or not whole


@pytest.mark.parametrize("whole", [True, False])
def test_a_missing_swap_is_named_at_the_next(life, whole):
    for row in quiet_swaps(life, 8):
        frame = life.frame(without(life.events, life.swaps[row]))
        found = reprice(frame if whole else replace(frame, history=None))
        assert found.reasons[row] == misses.MISSING
        assert found.misses[0] == row or not whole


def test_swapped_rows_are_out_of_order(life):
    for row in quiet_swaps(life, 8):
        frame = replace(life.frame(), history=None)
        order = np.arange(len(frame))
        order[[row, row + 1]] = order[[row + 1, row]]
        found = reprice(frame.take(order, places=np.arange(len(frame))))
        assert found.reasons[row] == misses.REORDERED


@pytest.mark.parametrize("kind", [MINT, BURN])
def test_a_missing_mint_or_burn_is_found(life, kind):
    """The map no longer explains the recorded liquidity, and the first swap that meets the position misses."""
    seen = 0
    for place, event in enumerate(life.events):
        if event["event"] != kind or place < 40:
            continue
        later_burns = any(
            other["event"] == BURN
            and (other["tick_lower"], other["tick_upper"]) == (event["tick_lower"], event["tick_upper"])
            for other in life.events[place + 1 :]
        )
        if kind == MINT and later_burns:
            continue  # refused at once: more is burned than was minted
        frame = life.frame(without(life.events, place))
        row = unexplained_row(frame)
        if row is None:
            continue  # the price never went there
        seen += 1
        found = calibrate(frame)
        assert known_depth(frame) is None
        assert found.tick_map == "contradicted"
        assert found.contradicted_at <= row + 1
        assert found.first_break is not None
        assert found.first_break["swap"] <= row + 1
    assert seen >= 3


@pytest.mark.parametrize("fault", FAULTS)
def test_damage_to_a_swap_that_crossed_ticks_is_named_too(life, fault):
    """With the whole tick map a crossing is no reason not to know better."""
    change, reason = FAULTS[fault]
    rows = [row for row in range(5, 395) if life.crossed[row]]
    for row in np.random.default_rng(1).choice(rows, 8, replace=False).tolist():
        place = life.swaps[row]
        found = reprice(life.frame(changed(life.events, place, **change(life.events[place]))))
        assert found.misses[0] == row
        assert found.reasons[row] == reason


def test_a_missing_swap_is_never_taken_for_a_wrong_sign(life):
    """The next swap may seem to move the price the wrong way, but turning its signs would not explain it."""
    for row in range(5, 395, 3):
        found = reprice(life.frame(without(life.events, life.swaps[row])))
        assert found.misses[0] == row
        assert found.reasons[row] != misses.SIGN


def test_both_signs_turned_are_wrong_signs(life):
    for row in quiet_swaps(life, 8):
        place = life.swaps[row]
        event = life.events[place]
        turned = {"amount0": -event["amount0"], "amount1": -event["amount1"]}
        found = reprice(life.frame(changed(life.events, place, **turned)))
        assert found.misses[0] == row
        assert found.reasons[row] == misses.SIGN


@pytest.mark.parametrize("name", ["amount0", "amount1"])
def test_an_amount_without_its_last_digits_is_not_taken_for_a_wrong_price(life, name):
    """In its own row a cut amount in and a cut price look alike; the next swap tells which one it was."""
    for row in quiet_swaps(life, 12):
        place = life.swaps[row]
        amount = life.events[place][name]
        if amount % 1000 == 0:
            continue
        found = reprice(life.frame(changed(life.events, place, **{name: int(amount / 1000) * 1000})))
        assert found.misses[0] == row
        assert found.reasons[row] == misses.WRONG.format(name)


def test_a_liquidity_below_what_is_burned_next_is_a_miss_and_no_crash(life):
    """Taken at its word, such a log leaves the pool with less than nothing."""
    seen = 0
    for row in range(5, 395):
        between = life.events[life.swaps[row] + 1 : life.swaps[row + 1]]
        tick = life.states[row].tick
        if not any(e["event"] == BURN and e["tick_lower"] <= tick < e["tick_upper"] for e in between):
            continue
        frame = life.frame(changed(life.events, life.swaps[row], liquidity=1))
        found = reprice(frame)
        assert found.misses[0] == row
        assert check_tape(frame).repricing.first_break["swap"] == row + 1
        seen += 1
    assert seen >= 3


def test_rows_that_trade_places_break_where_they_did(life):
    """Neighbours in each other's place in the log, mints and burns left where they were."""
    position = ("at", "block", "tx_index", "log_index", "tx_hash")
    for row in range(5, 394, 4):
        one, other = life.swaps[row], life.swaps[row + 1]
        mine, theirs = ({name: life.events[place][name] for name in position} for place in (one, other))
        events = changed(life.events, one, **(life.events[other] | mine))
        events = changed(events, other, **(life.events[one] | theirs))
        assert reprice(life.frame(events)).misses[0] == row


def test_the_check_says_it_in_words(life):
    row = quiet_swaps(life, 1)[0]
    good, bad = check_tape(life.frame()), check_tape(life.frame(without(life.events, life.swaps[row])))
    assert sentence(good.repricing) == (
        "This tape re-prices 100% of its own swaps exactly, to the last unit (400 of 400)."
    )
    require_exact(good, 1.0)
    text = "\n".join(in_lines(describe(bad.repricing)))
    assert f"breaks    first at swap {row + 1} (block " in text
    assert misses.MISSING in text
    assert bad.repricing.error_units[-1] > 0


def test_the_size_of_an_error_is_in_units_and_basis_points(life):
    row = quiet_swaps(life, 1)[0]
    place = life.swaps[row]
    event = life.events[place]
    name = "amount0" if event["amount0"] < 0 else "amount1"
    found = reprice(life.frame(changed(life.events, place, **{name: event[name] * 2})))
    assert found.error_units[row] == pytest.approx(event[name], rel=1e-9)  # half of what was recorded is missing
    assert found.error_bps[row] == pytest.approx(-5000, rel=1e-6)


@pytest.mark.parametrize("by", [1, -1])
def test_one_unit_of_output_is_an_error_of_one_unit(life, by):
    for row in quiet_swaps(life, 6):
        if life.kinds[row] != EXACT_INPUT:
            continue
        place = life.swaps[row]
        event = life.events[place]
        name = "amount0" if event["amount0"] < 0 else "amount1"
        found = reprice(life.frame(changed(life.events, place, **{name: event[name] - by})))
        recorded = by - event[name]
        assert found.misses.tolist() == [row]
        assert found.error_units[row] == -by
        assert found.error_bps[row] == pytest.approx(-by / recorded * 1e4, rel=1e-12)
        assert found.reasons[row] == misses.WRONG.format(name)
        others = np.arange(len(found.kind)) != row
        assert (found.error_units[others] == 0).all()


def test_why_a_tape_can_not_be_priced_again(life):
    frame = life.frame()
    assert why_not_repriced(frame) is None
    assert "no amounts" in why_not_repriced(replace(frame, amount0=None, amount1=None))
    assert "rounded: liquidity" in why_not_repriced(replace(frame, rounded={"liquidity": "float"}))
    assert "one swap" in why_not_repriced(replace(frame[:1], history=None))
    assert why_not_repriced(frame[:1]) is None  # the state at birth is known
