"""Where two runs decide differently, and the paired difference between them."""

from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core import SIDE_NAMES, InputError
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.metrics import Clock
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.disagreement import disagreement, teaches
from rook_bench.metrics.paired import days_needed, log_difference, paired
from rook_bench.replay import replay

CLOCK = Clock()


@pytest.fixture(scope="module")
def pair(tape, run_of, sides):
    """A teacher, and a model that differs from it on two of five rows; one answer in 100 can't be read."""
    teacher, model = sides("BHHSH" * 400, 0.1), sides("BHSBH" * 400, 0.1)
    side = model.side.copy()
    side[::100] = UNPARSED
    model = replace(model, side=side, size=np.where(side == UNPARSED, 0.0, model.size))
    return run_of(tape, model), run_of(tape, teacher)


def test_kinds_are_what_a_loop_would_count(pair):
    model, teacher = pair
    found = disagreement(model, teacher, CLOCK)
    values = found.values
    mine, theirs = values.of(model.decided.tape.side), values.of(teacher.decided.tape.side)
    gains = {}
    names = [*SIDE_NAMES, "UNPARSED"]
    for row in range(len(mine)):
        key = names[theirs_side(teacher, row)], names[theirs_side(model, row)]
        if key[0] != key[1]:
            gains.setdefault(key, []).append(mine[row] - theirs[row])
    kinds = {(kind.teacher, kind.model): kind for kind in (*found.kinds, *found.unparsed)}
    assert set(kinds) == set(gains)
    for key, kind in kinds.items():
        known = [gain for gain in gains[key] if not np.isnan(gain)]
        assert (kind.rows, kind.gain.n) == (len(gains[key]), len(known))
        assert kind.gain.value == pytest.approx(np.mean(known))
    read = [gain for key, found_ in gains.items() if "UNPARSED" not in key for gain in found_]
    assert found.together.rows == len(read)
    assert found.together.gain.value == pytest.approx(np.nanmean(read))
    assert found.together.gain.low < found.together.gain.value < found.together.gain.high
    assert found.agreed + len(read) + sum(kind.rows for kind in found.unparsed) == found.rows
    assert all("UNPARSED" not in (kind.teacher, kind.model) for kind in found.kinds)


def theirs_side(run, row):
    code = int(run.decided.tape.side[row])
    return 3 if code == UNPARSED else code


def test_labels_as_the_teacher(pair):
    model, teacher = pair
    labels = np.array([SIDE_NAMES[code] for code in teacher.decided.tape.side], dtype=object)
    labelled = replace(model, frame=replace(model.frame, labels={"label_side": labels}))
    by_labels, by_run = disagreement(labelled, None), disagreement(model, teacher, CLOCK)
    assert by_labels.teacher is None
    assert by_run.teacher == teacher.name
    assert by_labels.difference is None
    assert by_labels.kinds == by_run.kinds
    with pytest.raises(InputError, match="no labels"):
        disagreement(model, None)


def test_same_decisions_differ_by_nothing(pair):
    model, _ = pair
    found = disagreement(model, model, CLOCK)
    assert found.kinds == ()
    assert found.together.gain.undefined_because == "there is no such row"
    total = found.difference.total
    assert (total.value, total.low, total.high) == (0.0, 0.0, 0.0)
    assert "zero by construction: both decide alike on every row" in total.convention
    for boundary in (0.0, -5.0):
        needed = days_needed(found.difference.values, CLOCK.bucket_s, boundary=boundary)
        assert needed.undefined_because == "there is no difference to see"
    assert found.difference.same_decisions


def test_paired_difference_is_that_of_the_log_returns(pair):
    model, teacher = pair
    found = paired(model, teacher, CLOCK)
    first, second = Sampled(model, CLOCK), Sampled(teacher, CLOCK)
    expected = np.log1p(first.returns) - np.log1p(second.returns)
    np.testing.assert_allclose(found.values, expected, atol=1e-14)
    whole = np.log(first.equity[-1] / first.equity[0]) - np.log(second.equity[-1] / second.equity[0])
    assert found.total.value == pytest.approx(whole, abs=1e-12)
    assert found.per_day.value == pytest.approx(expected.mean() * 288 * 1e4)
    assert found.total.low < found.total.value < found.total.high
    assert found.total.low * 1e4 * 288 / len(expected) == pytest.approx(found.per_day.low)
    assert found.alike == np.mean(model.decided.tape.side == teacher.decided.tape.side)
    other = paired(teacher, model, CLOCK)
    assert (other.total.low, other.total.high) == pytest.approx((-found.total.high, -found.total.low))
    forth, back = (days_needed(each.values, CLOCK.bucket_s).value for each in (found, other))
    assert forth == pytest.approx(back)
    assert not found.same_decisions


def test_twice_the_difference_needs_a_quarter_of_the_days(pair):
    values, bucket_s = paired(*pair, CLOCK).values, CLOCK.bucket_s
    doubled = values + values.mean()
    assert days_needed(values, bucket_s).value == pytest.approx(4 * days_needed(doubled, bucket_s).value)
    assert "fewer than 20" in days_needed(values[:10], bucket_s).undefined_because


def test_days_are_those_to_the_boundary(pair):
    values, bucket_s = paired(*pair, CLOCK).values, CLOCK.bucket_s
    per_day = values.mean() * 86_400 / bucket_s * 1e4
    near = days_needed(values, bucket_s, boundary=per_day / 2)
    assert near.value == pytest.approx(4 * days_needed(values, bucket_s).value)
    assert "told from" in near.convention
    assert "told from" not in days_needed(values, bucket_s).convention
    on_it = days_needed(np.tile([1e-5, 3e-5], 20), 86_400, boundary=0.2)
    assert on_it.undefined_because == "the mean difference is exactly 0.2 bps per day"
    assert days_needed(np.tile([-1e-5, 1e-5], 20), 86_400).undefined_because == "the mean difference is zero"
    stricter = days_needed(values, bucket_s, alpha=0.01, power=0.9)
    assert stricter.value > days_needed(values, bucket_s).value
    assert "one-sided 1.0%, power 90%" in stricter.convention


def test_too_short_or_not_the_same_tape(pair, run_of, make_frame, sides):
    short = run_of(make_frame([100.0] * 3), sides("HHH"))
    found = paired(short, short, CLOCK)
    assert found.total.undefined_because == found.per_day.undefined_because == "there is no full bucket"
    with pytest.raises(InputError, match="different tapes"):
        log_difference(short, pair[0], CLOCK)


def test_rules_and_labels_teach(short_tape, root):
    assert teaches(replay(short_tape, f"rules:{root / 'strategies' / 'data_driven.json'}"))
    assert not teaches(replay(short_tape, "momentum"))
