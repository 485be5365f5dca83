"""What a policy can resolve, before anything is judged."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import nct, t

from rook_bench.core import ConfigError
from rook_bench.gates import Policy
from rook_bench.gates.plan import MANY, daily_volatility, make_plan

POLICY = Policy.parse({"primary": {}, "evidence": {"min_days": 30}}, where="test")


def test_effects_and_days_are_two_readings_of_one_law():
    plan = make_plan(POLICY, 100.0, "as given")
    for effect, (days, many) in plan.needed.items():
        again = make_plan(POLICY, 100.0, "as given", (days,))
        assert again.resolvable[days] == pytest.approx(effect)
        assert many > days
    # Normal quantiles would say (1.96 + 0.8416) * 100 / sqrt(30); not knowing the spectrum costs a tenth more.
    assert plan.resolvable[30.0] == pytest.approx(1.095 * 2.8016 * 100 / np.sqrt(30), rel=0.02)


def test_the_plan_keeps_its_promise():
    """At the planned length, a candidate of the planned effect is promoted as often as the power says."""
    from rook_bench.gates.checks.primary import decide_difference

    bucket_s, volatility, effect = 900, 100.0, 50.0
    plan = make_plan(POLICY, volatility, "as given")
    days = plan.needed[effect][0]
    count = round(days * 86_400 / bucket_s)
    rng = np.random.default_rng(3)
    scale = np.sqrt(86_400 / bucket_s)
    asked = plan.primary
    passed = sum(
        decide_difference("x", asked, rng.normal(effect / scale**2, volatility / scale, count) / 1e4, bucket_s).status
        == "pass"
        for _ in range(300)
    )
    assert 0.72 <= passed / 300 <= 0.87


def test_choosing_among_many_is_a_tighter_test():
    plan = make_plan(POLICY, 100.0, "as given")
    one, many = plan.needed[10.0]
    # Student's t(24) at 1 - (1 - 0.025)^(1/20), 3.37, must be exceeded with power 0.8; one alone needs 3.07.
    critical = t.isf(1 - (1 - 0.025) ** (1 / 20), 24)
    distance = brentq(lambda apart: nct.sf(critical, 24, apart) - 0.8, 3, 6)
    assert many / one == pytest.approx((distance / 3.07) ** 2, rel=0.05)
    assert MANY == 20
    deflating = Policy.parse({"primary": {}, "selection": {"min_deflated_sharpe": 0.95}}, where="test")
    one, many = make_plan(deflating, 100.0, "as given").needed[10.0]
    # The best of 20 by luck is at 1.8998 standard errors (the paper's formula); 1.6449 more for 95%.
    assert many / one == pytest.approx(((1.8998 + 1.6449 + 0.8416) / 3.07) ** 2, rel=0.05)


def test_pilot_volatility_is_that_of_the_difference(judged):
    mine, theirs = judged("random:0.2"), judged("hold")
    measured = daily_volatility(mine, theirs)
    difference = np.diff(np.log(mine.sampled.equity)) - np.diff(np.log(theirs.sampled.equity))
    # Costs come in runs, so the difference varies more in the long run than from bucket to bucket.
    assert 1 < measured / (difference.std() * np.sqrt(288) * 1e4) < 3
    assert daily_volatility(theirs, mine) == pytest.approx(measured)


@pytest.mark.parametrize(
    ("policy", "volatility", "message"),
    [(Policy(), 10.0, r"add a \[primary\] section"), (POLICY, 0.0, "does not vary"), (POLICY, float("nan"), "vary")],
)
def test_what_can_not_be_planned(policy, volatility, message):
    with pytest.raises(ConfigError, match=message):
        make_plan(policy, volatility, "as given")
