"""What a policy may ask of a live session."""

import numpy as np
import pytest

from rook_bench.core import ConfigError
from rook_bench.execution.frictions import Latency
from rook_bench.gates.checks.assumptions import assumptions
from rook_bench.gates.checks.live import LiveShown, live
from rook_bench.gates.policy import Assumptions, Live, Policy, load_policy
from rook_bench.market.simulation.simulate import simulate
from rook_bench.metrics import analyse
from rook_bench.replay import ReplayConfig, replay

SHOWN = {
    "folder": "/sessions/one",
    "journal": "ab" * 32,
    "against": "chain",
    "source": "momentum",
    "days": 8.0,
    "decided": 4_000,
    "late_share": 0.01,
    "drift": 0,
}


@pytest.mark.parametrize(
    ("changed", "status", "said"),
    [
        ({}, "pass", "4,000 swaps decided in time over 8.0 days, 1.0% late, 0 differences"),
        ({"days": 6.9}, "inconclusive", "7 days"),
        ({"decided": 0, "late_share": None}, "inconclusive", "0 swaps"),
        ({"late_share": 0.06}, "fail", "6.0% late"),
        ({"drift": 1}, "fail", "1 difference from"),
        ({"drift": 1, "days": 0.0}, "fail", "1 difference from"),
        ({"against": "journal"}, "inconclusive", "not held against the chain (give --rpc)"),
        ({"source": None}, "inconclusive", "another source"),
    ],
)
def test_answers(changed, status, said):
    check = live(Live(), LiveShown.from_json(SHOWN | changed))
    assert check.status == status
    assert said in check.detail


def test_no_session_is_no_answer():
    assert live(Live(), None).status == "inconclusive"


def test_believed_events_where_the_policy_says_so():
    assert live(Live(against="journal"), LiveShown.from_json(SHOWN | {"against": "journal"})).status == "pass"


def test_round_trip():
    shown = LiveShown.from_json(SHOWN)
    assert LiveShown.from_json(shown.to_json()) == shown


@pytest.mark.parametrize("bad", [{"min_days": -1}, {"max_late_share": 1.5}, {"against": "hearsay"}, {"min_dys": 3}])
def test_what_can_not_be_asked(bad):
    with pytest.raises(ConfigError):
        Policy.parse({"live": bad}, where="policy.toml")


@pytest.mark.parametrize(
    ("latency", "status"),
    [({"swaps": 1}, "invalid"), ({"blocks": 1}, "pass"), ({"seconds": 12}, "pass"), ({"blocks": 0}, "invalid")],
)
def test_orders_between_the_swaps_of_a_block(latency, status):
    tape = simulate(300, np.random.default_rng(0))
    config = ReplayConfig.model_validate({"frictions": {"latency": latency}})
    candidate = analyse(replay(tape, "hold", config))
    assert candidate.run.config.frictions.latency == Latency(**latency)
    (check,) = assumptions(Assumptions(live_latency=True), candidate)
    assert (check.name, check.status) == ("latency", status)


def test_the_production_policy_asks_for_a_session():
    policy = load_policy("production")
    assert policy.assumptions.live_latency
    assert policy.live is not None
    assert policy.live.max_drift == 0
    assert load_policy("rook-promotion").live is None
    same = policy.model_copy(update={"live": None, "name": "rook-promotion"})
    same = same.model_copy(update={"assumptions": same.assumptions.model_copy(update={"live_latency": False})})
    assert same == load_policy("rook-promotion")
