"""Stretches that a tape is missing: found by the pace before them, and never computed across."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rook_bench.gates.checks.evidence import evidence
from rook_bench.gates.policy import Evidence
from rook_bench.market.features import FEATURES, compute_conditions, compute_features
from rook_bench.market.holes import find_holes
from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.clock import Sampled
from rook_bench.replay import replay
from rook_bench.report.charts.canvas import broken
from rook_bench.sources import Source, decide
from rook_bench.sources.lookahead import check_source, scramble_future
from rook_bench.tapecheck.check import check_tape, describe


def with_hole(tape, row, days=28):
    """The tape with so many days lost before `row`."""
    at = tape.at.copy()
    at[row:] += np.timedelta64(round(days * 86_400), "s")
    return replace(tape, at=at, breaks=None)


@pytest.fixture(scope="module")
def torn(tape):
    """Three days' worth of swaps around a hole of 28 days would be sold as 31."""
    return with_hole(tape, 1200)


def test_a_hole_is_found_and_a_quiet_hour_is_none(tape, torn):
    assert find_holes(tape.at).tolist() == []
    assert torn.holes.tolist() == [1200]
    assert torn.covered_s == pytest.approx(tape.span_s, abs=60)
    assert torn.span_s > 28 * 86_400
    assert with_hole(tape, 1200, 0).holes.tolist() == []
    quiet = tape.at.copy()
    quiet[1200:] += np.timedelta64(50, "m")
    assert find_holes(quiet).tolist() == []


def test_a_pool_that_grows_slow_and_one_that_sleeps_at_night_have_but_a_few(make_frame):
    launch = np.cumsum([*[12] * 300, *[5400] * 1000]).tolist()
    assert len(make_frame([2500.0] * len(launch), seconds=launch).holes) == 3
    night = np.cumsum([*([150] * 199 + [57_600]) * 20]).tolist()
    assert len(make_frame([2500.0] * len(night), seconds=night).holes) == 3


@pytest.mark.parametrize("row", [6, 10, 20, 41])
def test_a_hole_near_the_start_is_found(tape, row):
    assert with_hole(tape, row).holes.tolist() == [row]
    assert with_hole(tape, row, 0.9 / 24).holes.tolist() == []


@pytest.mark.parametrize("start", [1100, 1185, 1199])
def test_a_part_keeps_the_holes_that_the_whole_tape_told(torn, start, tmp_path):
    from rook_bench.market.tape_file import read_tape, write_tape
    from rook_bench.workbench.rows import part_of

    part = torn[start:]
    assert part.holes.tolist() == [1200 - start]
    assert part.covered_s < 86_400 < part.span_s
    write_tape(part, tmp_path / "part.parquet")
    again = read_tape(tmp_path / "part.parquet")
    assert again.holes.tolist() == [1200 - start]
    assert again.data_hash == part.data_hash
    dated = part_of(torn, since=str(torn.at[start]))
    assert dated.holes.tolist() == [1200 - int(np.searchsorted(torn.at, torn.at[start]))]
    joined = type(torn).concat([torn[:start], part])
    assert joined.holes.tolist() == [1200]
    assert torn[1200:].holes.tolist() == []
    assert scramble_future(torn, 1100, np.random.default_rng(0)).holes.tolist() == [1200]


def test_two_holes_do_not_hide_one_another(tape):
    twice = with_hole(with_hole(tape, 700, 40), 900, 3)
    assert twice.holes.tolist() == [700, 900]


def test_a_slow_pool_has_no_holes(make_frame):
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.exponential(7200, size=300)).astype(int).tolist()
    assert make_frame([2500.0] * 300, seconds=seconds).holes.tolist() == []


@given(st.integers(30, 1999), st.integers(1, 1999))
def test_whether_it_is_one_does_not_depend_on_what_comes_later(torn, row, cut):
    holes = with_hole(torn, row, 2).at
    assert find_holes(holes[:cut]).tolist() == [hole for hole in find_holes(holes).tolist() if hole < cut]


def test_no_feature_reaches_across(tape, torn):
    whole = compute_features(torn)
    np.testing.assert_array_equal(whole[:1200], compute_features(tape)[:1200])
    alone = compute_features(tape[1200:])
    for name in FEATURES:
        np.testing.assert_array_equal(whole[name][1200:], alone[name], err_msg=name)
    assert whole["price_change"][1200] == 0.0
    assert np.isnan(whole["price_deviation"][1200])
    move = Source.parse("momentum:lookback=20,threshold_bps=0.1").ask(torn)
    assert not move.trades[1200:1220].any()
    assert move.trades[1220:1400].any()
    assert whole["time_diff"][1200] == 0.0
    conditions, own = compute_conditions(torn), compute_conditions(tape[1200:])
    np.testing.assert_array_equal(conditions["avg_price_100"][1200:], own["avg_price_100"])
    assert conditions["total_transactions"].tolist() == list(range(1, len(torn) + 1))


def test_rules_on_a_torn_tape_don_t_know_the_future(torn, root):
    source = Source.parse(f"rules:{root / 'strategies' / 'data_driven.json'}")
    found = check_source(source, torn, decide(source, torn, seed=0).tape, seed=0)
    assert found.status == "clean"


def test_no_return_reaches_across_and_no_day_counts_it(tape, torn):
    whole, ran = (replay(frame, "hold") for frame in (torn, tape))
    sampled, plain = Sampled(whole, Clock()), Sampled(ran, Clock())
    assert abs(len(sampled.at) - len(plain.at)) <= 1
    assert len(sampled.returns) == len(sampled.log_returns) == len(sampled.hold_returns) == len(sampled.at) - 1
    np.testing.assert_allclose(np.expm1(sampled.log_returns), sampled.returns, atol=1e-12)
    np.testing.assert_allclose(sampled.returns, sampled.hold_returns, atol=1e-12)
    inside = (sampled.at > torn.at[1199]) & (sampled.at < torn.at[1200])
    assert not inside.any()
    # A price that doubled while nobody looked is in no return.
    jump = replace(torn, sqrt_price_x96=type(torn.sqrt_price_x96).of(
        price if row < 1200 else price * 10_000 // 14_142 for row, price in enumerate(torn.sqrt_price_x96)
    ), amount0=None, amount1=None, tick=None, history=None, rounded={"sqrt_price_x96": "made up"})  # fmt: skip
    leapt = Sampled(replay(jump, "hold"), Clock())
    assert np.abs(leapt.returns).max() < 0.02
    assert analyse(replay(torn, "momentum")).estimates["trading_frequency"].value == pytest.approx(
        analyse(replay(tape, "momentum")).estimates["trading_frequency"].value, rel=0.1
    )


def test_the_check_names_them_with_their_dates_and_share(torn):
    check = check_tape(torn)
    assert (check.gaps, len(check.holes)) == (1, 1)
    (hole,) = check.holes
    assert hole["hours"] == pytest.approx(28 * 24, abs=0.1)
    assert hole["share"] > 0.98
    lines = dict(describe(check))
    assert lines["holes"].startswith(f"1 hole, {hole['share']:.0%} of the span, which leaves ")
    assert f"{hole['from'][:16]} to {hole['to'][:16]} (672.0 hours)" in lines["holes"]


def test_a_line_breaks_there(torn):
    at, values = broken(torn.at, torn.price, torn)
    assert len(at) == len(torn) + 1
    assert np.isnan(values[1200])
    assert torn.at[1199] < at[1200] < torn.at[1200]
    assert (np.diff(at) >= np.timedelta64(0)).all()


def test_a_gate_counts_the_days_without_it(torn):
    """A day of swaps around a hole of 28 is no month of evidence."""
    analysis = analyse(replay(torn, "hold"))
    length = next(iter(evidence(Evidence(min_days=20), analysis)))
    assert (length.name, length.status) == ("length of tape", "inconclusive")
    assert next(iter(evidence(Evidence(min_days=0.1), analysis))).status == "pass"
