"""The question that decides: intervals against boundaries, power, and the same answer twice."""

import numpy as np
import pytest

from rook_bench.gates import judge
from rook_bench.gates.checks.primary import decide_difference
from rook_bench.gates.policy import Primary
from rook_bench.metrics.paired import days_needed

BUCKET_S = 300
PER_DAY = 86_400 / BUCKET_S * 1e4


def difference(mean_bps_per_day, noise_bps_per_day=50.0, days=30, seed=0):
    """Bucket differences with a true mean and a daily standard deviation."""
    count = days * 86_400 // BUCKET_S
    noise = np.random.default_rng(seed).normal(0, noise_bps_per_day / np.sqrt(86_400 / BUCKET_S) / 1e4, count)
    return noise - noise.mean() + mean_bps_per_day / PER_DAY


def ask(values, **asked):
    return decide_difference("primary", Primary(**asked), values, BUCKET_S)


@pytest.mark.parametrize(
    ("mean", "asked", "status"),
    [
        (40, {"test": "superiority"}, "pass"),
        (-40, {"test": "superiority"}, "fail"),
        (5, {"test": "superiority"}, "inconclusive"),
        (40, {"test": "superiority", "margin_bps_per_day": 35}, "inconclusive"),
        (5, {"test": "superiority", "margin_bps_per_day": 45}, "fail"),
        (5, {"test": "non-inferiority", "margin_bps_per_day": 40}, "pass"),
        (-5, {"test": "non-inferiority", "margin_bps_per_day": 40}, "pass"),
        (-35, {"test": "non-inferiority", "margin_bps_per_day": 40}, "inconclusive"),
        (-80, {"test": "non-inferiority", "margin_bps_per_day": 40}, "fail"),
    ],
)
def test_interval_against_the_boundary(mean, asked, status):
    check = ask(difference(mean), **asked)
    assert check.status == status
    assert check.estimate.value == pytest.approx(mean, abs=1e-6)
    assert check.estimate.low < mean < check.estimate.high
    # 50 bps per day over 30 days: a standard error of 9.1, so an interval of about 18 to each side.
    assert (check.estimate.high - check.estimate.low) / 2 == pytest.approx(2.2 * 50 / np.sqrt(30), rel=0.35)


def test_power_says_what_the_tape_can_tell_and_how_much_more_is_needed():
    check = ask(difference(5))
    # 3.07 standard errors of 9.1: what normal quantiles would say, 2.8, and what not knowing the spectrum costs.
    assert check.power.detectable == pytest.approx(3.07 * 50 / np.sqrt(30), rel=0.3)
    # (3.07 * 50 / 5)^2 days.
    assert check.power.days_needed == pytest.approx((3.07 * 50 / 5) ** 2, rel=0.4)
    numbers, least, length = check.text.split("; ")
    assert (numbers, least) == (check.detail, check.remarks[0])
    assert least.startswith("this tape can tell ")
    assert length.endswith(" of tape would promote")
    assert check.to_json()["detail"] == check.text
    assert "remarks" not in check.to_json()
    assert ask(difference(-5)).remarks[1].endswith(" of tape would block")


@pytest.mark.parametrize(
    "asked",
    [{}, {"margin_bps_per_day": 3}, {"test": "non-inferiority", "margin_bps_per_day": 3, "level": 0.9, "power": 0.9}],
)
def test_gate_and_pairing_ask_for_the_same_days(asked):
    values, primary = difference(5), Primary(**asked)
    gate = ask(values, **asked).power.days_needed
    paired = days_needed(values, BUCKET_S, boundary=primary.boundary, alpha=primary.alpha, power=primary.power)
    assert gate == paired.value
    # The nearer the boundary the longer it takes, by the square of the distance.
    alone = days_needed(values, BUCKET_S, alpha=primary.alpha, power=primary.power).value
    assert gate / alone == pytest.approx((5 / (5 - primary.boundary)) ** 2)


def test_too_few_buckets_are_inconclusive_whatever_they_show():
    check = ask(difference(1e5, days=1)[:59])
    assert check.status == "inconclusive"
    assert check.remarks == ("too few to say: 59 buckets, 60 asked",)
    assert check.estimate.low > 0
    tiny = ask(difference(1e5, days=1)[:9])
    assert (tiny.status, tiny.detail, tiny.estimate.value) == ("inconclusive", "9 buckets, 60 asked", None)


def test_a_difference_that_never_varies_is_undefined_and_fails():
    check = ask(np.zeros(1000))
    assert check.status == "fail"
    assert check.detail.startswith("undefined: ")


def test_a_difference_that_hardly_ever_shows_is_inconclusive():
    values = np.zeros(1000)
    values[[100, 400, 700]] = 1e-3, -1e-3, 2e-3
    check = ask(values)
    assert check.status == "inconclusive"
    assert check.detail.startswith("undefined: ")


def test_ruin_fails():
    values = difference(40)
    values[100] = -np.inf
    assert ask(values).status == "fail"


def test_no_difference_at_all_is_no_worse():
    assert ask(np.zeros(1000), test="non-inferiority", margin_bps_per_day=5).status == "pass"


def test_judging_twice_gives_the_same_numbers(judged, policy):
    asked = policy(primary={"min_buckets": 50})
    first, second = (judge(asked, judged("random:0.2"), judged("hold")).to_json()["checks"] for _ in range(2))
    assert first == second
    assert next(check for check in first if check["name"].startswith("net return"))["estimate"]["low"] is not None


def test_the_difference_is_paired_and_net_of_costs(judged, policy):
    check = next(
        check
        for check in judge(policy(primary={"min_buckets": 50}), judged("random:0.2"), judged("hold")).checks
        if check.name.startswith("net return")
    )
    mine, theirs = (judged(name).sampled.log_returns for name in ("random:0.2", "hold"))
    assert check.estimate.value == pytest.approx((mine - theirs).mean() * PER_DAY)
    assert check.estimate.n == len(mine)


def test_without_a_champion_the_question_is_invalid(judged, policy):
    assert judge(policy(primary={}), judged("random:0.2"), None).verdict == "INVALID"


def test_the_sharpe_difference_stands_beside_it_and_decides_nothing(judged, policy):
    verdict = judge(policy(primary={"min_buckets": 50}), judged("random:0.2"), judged("hold"))
    check = next(check for check in verdict.checks if check.name == "Sharpe ratio vs champion")
    assert check.status == "info"
    assert check.estimate.value is not None
