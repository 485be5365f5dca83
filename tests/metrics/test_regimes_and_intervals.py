"""When it was earned, and intervals of the headline metrics."""

import numpy as np
import pytest

from rook_bench.core.files import to_json
from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.clock import Sampled
from rook_bench.metrics.intervals import intervals
from rook_bench.metrics.regimes import regimes


@pytest.fixture(scope="module")
def run(tape, run_of, sides):
    return run_of(tape, sides("BHHSH" * 400, 0.1))


def test_every_bucket_is_in_one_regime_of_each_group(run):
    sampled = Sampled(run, Clock())
    found = regimes(sampled)
    gain = np.log1p(sampled.returns) - np.log1p(sampled.hold_returns)
    assert found.without_past == 12
    for group, missing in (("Volatility", 12), ("Trend", 12), ("Time of day", 0)):
        rows = [row for row in found.rows if row.group == group]
        assert sum(row.buckets for row in rows) == len(gain) - missing
        total = sum(row.total.value for row in rows if row.total.defined)
        assert total == pytest.approx(gain[missing:].sum(), abs=1e-12)


def test_regimes_are_what_a_loop_would_find(run):
    sampled = Sampled(run, Clock())
    price = run.frame.price[sampled.rows]
    gain = np.log1p(sampled.returns) - np.log1p(sampled.hold_returns)
    by_name = {}
    for k in range(12, len(gain)):
        moves = np.diff(np.log(price[k - 12 : k + 1]))
        trailing, move = np.sqrt((moves**2).sum()), moves.sum()
        name = "flat" if abs(move) <= 0.43 * trailing else "up" if move > 0 else "down"
        by_name.setdefault(name, []).append(gain[k])
    for row in regimes(sampled).rows:
        if row.group == "Trend":
            assert row.buckets == len(by_name[row.name])
            assert row.mean.value == pytest.approx(np.mean(by_name[row.name]) * 1e4)


def test_the_future_changes_no_regime(run, tape, run_of):
    """Trend and hours of the buckets that a shorter tape has too are the same."""
    whole, head = Sampled(run, Clock()), Sampled(run_of(tape[:1500], run.decided.tape.head(1500)), Clock())
    from rook_bench.metrics.regimes import _past

    past = [_past(np.log(s.run.frame.price[s.rows]), 12)[1] for s in (whole, head)]
    np.testing.assert_array_equal(past[0][: len(past[1])], past[1])


def test_too_few_buckets_are_undefined(run, tape, run_of):
    found = regimes(Sampled(run_of(tape[:100], run.decided.tape.head(100)), Clock()))
    assert all(not row.mean.defined for row in found.rows)
    assert {row.mean.undefined_because for row in found.rows} <= {
        "no such bucket",
        "fewer than 12 such buckets",
    }


def test_intervals_keep_the_metrics_values(run):
    analysis = analyse(run)
    found = analysis.intervals
    assert set(found) == {"total_return", "excess_return", "sharpe_ratio", "sharpe_ratio_excess"}
    for name, estimate in found.items():
        assert estimate.value == analysis.estimates[name].value
        assert estimate.n == analysis.estimates[name].n
        assert estimate.low < estimate.value < estimate.high
        assert estimate.convention == analysis.estimates[name].convention
        assert "full buckets: 95% interval, " in estimate.method
        assert "; " not in estimate.method
        to_json(estimate.to_json())
    assert intervals(analysis.sampled, analysis.estimates) == found


def test_what_has_no_interval_is_left_out(tape, run_of, sides, run):
    holding = analyse(run_of(tape, sides("H" * 2000))).intervals
    assert set(holding) == {"total_return", "sharpe_ratio"}
    assert analyse(run_of(tape[:50], run.decided.tape.head(50))).intervals == {}
    assert analyse(run_of(tape[:1], run.decided.tape.head(1))).intervals == {}


def test_measuring_a_run_asks_for_nothing_dear(run):
    analysis = analyse(run)
    assert not {"intervals", "surface", "contributions", "regimes", "action_values", "walk_forward"} & set(
        vars(analysis)
    )
